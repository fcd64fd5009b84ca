/* Views: a pure function of (seed, recipe, view, id), NHWC, normalised, the same bits whoever asks how. */
#include "tests/unit/data/fixture.h"

enum { ROWS = 60, HEIGHT = 5, WIDTH = 19 }; /* a width that no block length divides */

static const made grey = {.rows = ROWS, .channels = 1, .height = HEIGHT, .width = WIDTH, .classes = 3};
static const made colour = {.rows = ROWS, .channels = 3, .height = HEIGHT, .width = WIDTH, .classes = 3};
static const lyc_view_recipe clean = {.views = 1};
static const lyc_view_recipe moving = {.views = 4, .shift = 2, .flip = true, .seed = 7};

static const lyc_preprocess preprocess = {3, {0.25f, 0.5f, 0.125f}, {0.5f, 0.25f, 0.75f}};

/* The clean value as PyTorch computes it, in double precision. */
static double clean_value(uint32_t row, int c, int y, int x) {
    if (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT)
        return -(double)preprocess.mean[c] / (double)preprocess.std[c];
    uint8_t pixel = fixture_pixel(row, ((size_t)c * HEIGHT + (size_t)y) * WIDTH + (size_t)x);
    return (pixel / 255.0 - (double)preprocess.mean[c]) / (double)preprocess.std[c];
}

/* Is out[] row `row` moved by (dx, dy) after the mirror? */
static bool is_placed(const float *out, uint32_t row, int channels, int dx, int dy, bool flip) {
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < channels; c++) {
                int moved = x - dx;
                bool inside = moved >= 0 && moved < WIDTH;
                int source = !inside ? -1 : flip ? WIDTH - 1 - moved : moved;
                double wanted = clean_value(row, c, y - dy, source);
                double difference = wanted - (double)out[(y * WIDTH + x) * channels + c];
                if (difference > 1e-5 || difference < -1e-5) return false;
            }
    return true;
}

static void check_clean(const made *what) {
    static float out[ROWS * HEIGHT * WIDTH * 3];
    uint32_t rows[ROWS];
    size_t width = (size_t)(what->channels * HEIGHT * WIDTH);
    lyc_dataset *data = fixture_open("view.h5", what);
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = ROWS - 1 - i;
    lyc_dataset_fill(data, &preprocess, &clean, 0, rows, ROWS, out);
    for (uint32_t i = 0; i < ROWS; i++)
        assert_true(is_placed(out + i * width, rows[i], what->channels, 0, 0, false));
    /* view 0 of a moving recipe is the clean one, to the bit */
    static float again[ROWS * HEIGHT * WIDTH * 3];
    lyc_dataset_fill(data, &preprocess, &moving, 0, rows, ROWS, again);
    assert_memory_equal(out, again, ROWS * width * sizeof(float));
    lyc_dataset_close(data);
}

static void test_clean_view_is_normalised_nhwc(void **state) {
    (void)state;
    check_clean(&grey);
    check_clean(&colour);
}

/* Every augmented row is one of the 25 x 2 placements; all of them occur, none too often. */
static void check_placements(const made *what) {
    enum { VIEWS = 50 };
    static float out[HEIGHT * WIDTH * 3];
    uint32_t seen[2][5][5] = {0};
    lyc_dataset *data = fixture_open("view.h5", what);
    for (int view = 1; view <= VIEWS; view++)
        for (uint32_t row = 0; row < ROWS; row++) {
            lyc_dataset_fill(data, &preprocess, &moving, view, &row, 1, out);
            uint32_t fits = 0;
            for (int flip = 0; flip < 2; flip++)
                for (int dy = -2; dy <= 2; dy++)
                    for (int dx = -2; dx <= 2; dx++)
                        if (is_placed(out, row, what->channels, dx, dy, flip)) {
                            seen[flip][dy + 2][dx + 2]++;
                            fits++;
                        }
            assert_int_equal(fits, 1);
        }
    for (int i = 0; i < 50; i++) /* 60 expected, deviation 8 */
        assert_in_range(((uint32_t *)seen)[i], 60 - 40, 60 + 40);
    lyc_dataset_close(data);
}

static void test_augmented_views_are_placements(void **state) {
    (void)state;
    check_placements(&grey);
    check_placements(&colour);
}

static void fill(const lyc_dataset *data, const lyc_view_recipe *recipe, int view, float *out) {
    uint32_t rows[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i;
    lyc_dataset_fill(data, &preprocess, recipe, view, rows, ROWS, out);
}

/* Row by row, in pieces, in another order, repeated: the same bits. */
static void test_a_row_has_the_same_bits_in_any_call(void **state) {
    (void)state;
    enum { VALUES = HEIGHT * WIDTH * 3 };
    static float whole[ROWS * VALUES], single[VALUES], piece[7 * VALUES];
    lyc_dataset *data = fixture_open("view.h5", &colour);
    fill(data, &moving, 3, whole);
    for (uint32_t row = 0; row < ROWS; row++) {
        lyc_dataset_fill(data, &preprocess, &moving, 3, &row, 1, single);
        assert_memory_equal(single, whole + row * VALUES, sizeof single);
    }
    uint32_t rows[7] = {59, 3, 3, 17, 0, 41, 2};
    lyc_dataset_fill(data, &preprocess, &moving, 3, rows, 7, piece);
    for (size_t i = 0; i < 7; i++)
        assert_memory_equal(piece + i * VALUES, whole + rows[i] * VALUES, sizeof single);
    lyc_dataset_close(data);
}

/* What decides: seed, view and id do, the number of views, the row's place and other rows do not. */
static void test_views_depend_on_seed_view_and_id_alone(void **state) {
    (void)state;
    enum { VALUES = HEIGHT * WIDTH };
    static float base[ROWS * VALUES], other[ROWS * VALUES];
    static uint8_t x[ROWS * VALUES];
    uint64_t ids[ROWS];
    for (size_t i = 0; i < sizeof x; i++) x[i] = fixture_pixel(0, i % VALUES); /* every row the same image */
    for (uint32_t row = 0; row < ROWS; row++) ids[row] = row % 2 ? row : ((uint64_t)1 << 32) + row + 1;
    made same = grey;
    same.x = x;
    same.ids = ids;
    lyc_dataset *data = fixture_open("view.h5", &same), *reordered;
    fill(data, &moving, 2, base);

    lyc_view_recipe changed = moving;
    changed.views = 9;
    fill(data, &changed, 2, other);
    assert_memory_equal(base, other, sizeof base);
    fill(data, &moving, 3, other);
    assert_memory_not_equal(base, other, sizeof base);
    changed.seed = 8;
    fill(data, &changed, 2, other);
    assert_memory_not_equal(base, other, sizeof base);
    uint32_t alike = 0; /* neighbours' ids differ in the upper half alone */
    for (uint32_t row = 0; row < ROWS; row += 2)
        alike += memcmp(base + row * VALUES, base + (row + 1) * VALUES, VALUES * sizeof(float)) == 0;
    assert_in_range(alike, 0, 5);

    for (uint32_t row = 0; row < ROWS / 2; row++) {
        uint64_t id = ids[row];
        ids[row] = ids[ROWS - 1 - row];
        ids[ROWS - 1 - row] = id;
    }
    reordered = fixture_open("reordered.h5", &same);
    fill(reordered, &moving, 2, other);
    for (uint32_t row = 0; row < ROWS; row++)
        assert_memory_equal(base + row * VALUES, other + (ROWS - 1 - row) * VALUES, VALUES * sizeof(float));
    lyc_dataset_close(data);
    lyc_dataset_close(reordered);
}

static void test_floats_are_taken_as_they_are(void **state) {
    (void)state;
    static float floats[ROWS * HEIGHT * WIDTH], out[ROWS * HEIGHT * WIDTH];
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) floats[i] = (float)i / 64 - 3;
    made data_of_floats = grey;
    data_of_floats.floats = floats;
    lyc_dataset *data = fixture_open("floats.h5", &data_of_floats);
    fill(data, &clean, 0, out);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        assert_float_equal(out[i], (floats[i] - 0.25f) / 0.5f, 1e-5);
    lyc_view_recipe flip = {.views = 2, .flip = true};
    fill(data, &flip, 1, out);
    uint32_t mirrored = 0;
    for (size_t row = 0; row < ROWS; row++) {
        const float *line = floats + row * HEIGHT * WIDTH, *got = out + row * HEIGHT * WIDTH;
        bool flipped = got[0] > got[1]; /* the values rise along a line */
        for (size_t i = 0; i < WIDTH; i++)
            assert_float_equal(got[i], (line[flipped ? WIDTH - 1 - i : i] - 0.25f) / 0.5f, 1e-5);
        mirrored += flipped;
    }
    assert_in_range(mirrored, ROWS / 4, 3 * ROWS / 4);
    lyc_dataset_close(data);
}

/* A shift beyond the image leaves black, and not other rows' pixels or anything behind the end. */
static void test_a_shift_wider_than_the_image(void **state) {
    (void)state;
    enum { TALL = 300, NARROW = 3, FEW = 12, VALUES = TALL * NARROW };
    static float out[FEW * VALUES + 400];
    const made tower = {.rows = FEW, .channels = 1, .height = TALL, .width = NARROW, .classes = 3};
    lyc_view_recipe far = {.views = 2, .shift = 200};
    lyc_dataset *data = fixture_open("tower.h5", &tower);
    for (uint32_t row = 0; row < FEW; row++) {
        uint32_t black = 0;
        for (size_t i = 0; i < sizeof out / sizeof *out; i++) out[i] = 77;
        lyc_dataset_fill(data, &preprocess, &far, 1, &row, 1, out);
        for (size_t i = 0; i < VALUES; i++) black += out[i] == -0.5f;
        assert_int_equal(black, VALUES);
        for (size_t i = VALUES; i < sizeof out / sizeof *out; i++) assert_true(out[i] == 77);
    }
    lyc_dataset_close(data);
}

/* Banks hold answers to these very views: other draws would make every bank wrong without notice. */
static void test_the_draws_stay_what_they_are(void **state) {
    (void)state;
    static const struct {
        int dx, dy;
        bool flip;
    } wanted[] = {{1, 0, false}, {0, -1, true}, {-1, 1, false},  {-1, 1, true},
                  {2, 1, false}, {2, -1, true}, {-1, -1, false}, {2, 0, false},
                  {-1, 2, true}, {1, -1, true}, {2, 1, false},   {-1, 2, true}};
    float out[HEIGHT * WIDTH];
    lyc_dataset *data = fixture_open("view.h5", &grey);
    for (uint32_t row = 0; row < sizeof wanted / sizeof *wanted; row++) {
        lyc_dataset_fill(data, &preprocess, &moving, 1, &row, 1, out);
        assert_true(is_placed(out, row, 1, wanted[row].dx, wanted[row].dy, wanted[row].flip));
    }
    lyc_dataset_close(data);
}

static void test_the_key_names_the_recipe(void **state) {
    (void)state;
    char key[LYC_VIEW_KEY_SIZE];
    lyc_view_key(&moving, key);
    assert_string_equal(key, "shift=2 flip=1 seed=7");
    lyc_view_key(&(lyc_view_recipe){.views = 3, .seed = UINT64_MAX}, key);
    assert_string_equal(key, "shift=0 flip=0 seed=18446744073709551615");
    lyc_view_key(&(lyc_view_recipe){INT32_MAX, INT32_MAX, true, INT32_MAX, UINT64_MAX}, key);
    assert_string_equal(key, "shift=2147483647 flip=1 cutout=2147483647 seed=18446744073709551615");
}

/* ---- cutout --------------------------------------------------------------------------------------- */

/* The reference: what a square around (x, y) leaves of a sample. */
static void cut(float *sample, int channels, int side, int middle_x, int middle_y) {
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            bool inside = x >= middle_x - side / 2 && x < middle_x - side / 2 + side &&
                          y >= middle_y - side / 2 && y < middle_y - side / 2 + side;
            for (int c = 0; inside && c < channels; c++) sample[(y * WIDTH + x) * channels + c] = 0;
        }
}

/* Every view is the view without a cutout with a square around one of the pixels in it, each pixel as likely
 * as the next (where the square is small enough to tell them apart). */
static void check_cutouts(const made *what, int side) {
    enum { VIEWS = 40 };
    static float out[HEIGHT * WIDTH * 3], whole[HEIGHT * WIDTH * 3], wanted[HEIGHT * WIDTH * 3];
    uint32_t seen[HEIGHT][WIDTH] = {{0}};
    lyc_view_recipe cutting = moving;
    cutting.cutout = side;
    size_t bytes = (size_t)(HEIGHT * WIDTH * what->channels) * sizeof(float);
    lyc_dataset *data = fixture_open("view.h5", what);
    for (int view = 1; view <= VIEWS; view++)
        for (uint32_t row = 0; row < ROWS; row++) {
            uint32_t fits = 0;
            lyc_dataset_fill(data, &preprocess, &cutting, view, &row, 1, out);
            lyc_dataset_fill(data, &preprocess, &moving, view, &row, 1, whole);
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++) {
                    memcpy(wanted, whole, bytes);
                    cut(wanted, what->channels, side, x, y);
                    if (memcmp(wanted, out, bytes) != 0) continue;
                    fits++;
                    seen[y][x]++;
                }
            assert_true(fits >= 1);
        }
    for (int i = 0; side == 1 && i < HEIGHT * WIDTH; i++) /* 25 expected, deviation 5 */
        assert_in_range(((uint32_t *)seen)[i], 4, 60);
    lyc_dataset_close(data);
}

static void test_cutouts_are_squares_around_a_pixel(void **state) {
    (void)state;
    check_cutouts(&grey, 1);
    check_cutouts(&grey, 4);
    check_cutouts(&colour, 3);
    check_cutouts(&colour, 200);
}

/* View 0 stays clean, and the same key gives the same bits in any company. */
static void test_cutouts_are_pure(void **state) {
    (void)state;
    enum { VALUES = HEIGHT * WIDTH * 3 };
    static float one[ROWS * VALUES], other[ROWS * VALUES], single[VALUES];
    lyc_view_recipe cutting = {.views = 2, .cutout = 3, .seed = 1}, again = cutting;
    again.views = 5;
    lyc_dataset *data = fixture_open("view.h5", &colour);
    fill(data, &cutting, 1, one);
    fill(data, &again, 1, other);
    assert_memory_equal(one, other, sizeof one);
    for (uint32_t row = 0; row < ROWS; row++) {
        lyc_dataset_fill(data, &preprocess, &cutting, 1, &row, 1, single);
        assert_memory_equal(single, one + row * VALUES, sizeof single);
    }
    fill(data, &clean, 0, other);
    assert_memory_not_equal(one, other, sizeof one);
    fill(data, &cutting, 0, one);
    assert_memory_equal(one, other, sizeof one);
    lyc_dataset_close(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean_view_is_normalised_nhwc),
        cmocka_unit_test(test_augmented_views_are_placements),
        cmocka_unit_test(test_a_row_has_the_same_bits_in_any_call),
        cmocka_unit_test(test_views_depend_on_seed_view_and_id_alone),
        cmocka_unit_test(test_floats_are_taken_as_they_are),
        cmocka_unit_test(test_a_shift_wider_than_the_image),
        cmocka_unit_test(test_the_draws_stay_what_they_are),
        cmocka_unit_test(test_the_key_names_the_recipe),
        cmocka_unit_test(test_cutouts_are_squares_around_a_pixel),
        cmocka_unit_test(test_cutouts_are_pure),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
