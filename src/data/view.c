/* Views: pixels as network input, augmented by a pure function of (seed, recipe, view, id).
 *
 * Every value is one multiplication and one addition, whatever path it takes and whoever sits beside it, so
 * that a row has the same bits in any call. */
#include <inttypes.h>
#include <stdio.h>

#include "data/data.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"
#include "nn/vector.h"

#define BLOCK       ((size_t)256)
#define BYTES_AHEAD ((size_t)2048)

void lyc_view_key(const lyc_view_recipe *recipe, char out[LYC_VIEW_KEY_SIZE]) {
    char cutout[24] = "";
    if (recipe->cutout > 0) snprintf(cutout, sizeof cutout, "cutout=%d ", recipe->cutout);
    snprintf(out, LYC_VIEW_KEY_SIZE, "shift=%d flip=%d %sseed=%" PRIu64, recipe->shift, recipe->flip ? 1 : 0,
             cutout, recipe->seed);
}

lyc_status lyc_view_check(const lyc_view_recipe *recipe, const lyc_dataset *data, lyc_error *err) {
    int channels, height, width;
    lyc_dataset_shape(data, &channels, &height, &width);
    int narrow = height < width ? height : width, wide = height < width ? width : height;
    if (recipe->shift > 0 && recipe->shift >= narrow)
        LYC_FAIL(err, LYC_ECONFIG,
                 "data.augment.shift: %d pixels move the %d x %d images of %s out of sight; set at most %d",
                 recipe->shift, height, width, lyc_dataset_path(data), narrow - 1);
    if (recipe->cutout > 0 && recipe->cutout >= wide)
        LYC_FAIL(
            err, LYC_ECONFIG,
            "data.augment.cutout: a square of %d pixels leaves nothing of the %d x %d images of %s; set at "
            "most %d",
            recipe->cutout, height, width, lyc_dataset_path(data), wide - 1);
    return LYC_OK;
}

/* What happens to one sample: mirrored first, then moved, then cut. */
typedef struct placement {
    int dx, dy;
    bool flip;
    int left, top, right, bottom; /* of the cutout, inside the image; empty without one */
} placement;

static int clamp(int value, int most) {
    return value < 0 ? 0 : value > most ? most : value;
}

static void place_cutout(placement *place, lyc_random *random, int side, int height, int width) {
    int left = (int)lyc_random_below(random, (uint32_t)width) - side / 2;
    int top = (int)lyc_random_below(random, (uint32_t)height) - side / 2;
    place->left = clamp(left, width);
    place->right = clamp(left + side, width);
    place->top = clamp(top, height);
    place->bottom = clamp(top + side, height);
}

static placement place_sample(const lyc_view_recipe *recipe, int view, uint64_t id, int height, int width) {
    placement place = {0};
    if (view == 0 || !recipe || (recipe->shift <= 0 && !recipe->flip && recipe->cutout <= 0)) return place;
    lyc_random random = lyc_random_start((lyc_random_key){.seed = recipe->seed,
                                                          .purpose = LYC_PURPOSE_VIEW,
                                                          .epoch = (uint32_t)view,
                                                          .step = (uint32_t)(id >> 32),
                                                          .sample = (uint32_t)id});
    if (recipe->shift > 0) {
        uint32_t range = 2 * (uint32_t)recipe->shift + 1;
        place.dx = (int)lyc_random_below(&random, range) - recipe->shift;
        place.dy = (int)lyc_random_below(&random, range) - recipe->shift;
    }
    if (recipe->flip) place.flip = lyc_random_below(&random, 2) == 1;
    if (recipe->cutout > 0) place_cutout(&place, &random, recipe->cutout, height, width);
    return place;
}

/* One channel of a sample on its way into NHWC. */
typedef struct channel {
    const uint8_t *bytes; /* the plane: one of the two is set */
    const float *floats;
    float scale, offset; /* out = value * scale + offset */
    size_t stride;       /* floats between neighbouring pixels of `out` */
} channel;

static void scale(const channel *from, size_t first, size_t count, float *out) {
    if (from->bytes) lyc__vector()->scale_bytes(from->bytes + first, count, from->scale, from->offset, out);
    else lyc__vector()->scale(from->floats + first, count, from->scale, from->offset, out);
}

/* `count` pixels from plane position `first` on, into neighbouring pixels of `out`. */
static void copy_run(const channel *from, size_t first, size_t count, float *out) {
    float block[BLOCK];
    if (from->stride == 1) {
        scale(from, first, count, out);
        return;
    }
    for (size_t i = 0; i < count; i += BLOCK) {
        size_t size = count - i < BLOCK ? count - i : BLOCK;
        scale(from, first + i, size, block);
        for (size_t j = 0; j < size; j++) out[(i + j) * from->stride] = block[j];
    }
}

/* As copy_run, but reading backwards from position `last`. */
static void copy_mirrored(const channel *from, size_t last, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        float value = from->bytes ? (float)from->bytes[last - i] : from->floats[last - i];
        out[i * from->stride] = value * from->scale + from->offset;
    }
}

/* Outside the image is black: 0 before normalisation. */
static void pad(const channel *from, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i * from->stride] = from->offset;
}

static void copy_line(const channel *from, placement place, int width, size_t line_start, float *out) {
    int x0 = place.dx > 0 ? place.dx : 0, x1 = place.dx < 0 ? width + place.dx : width;
    if (x0 > width) x0 = width;
    if (x1 < x0) x1 = x0;
    size_t count = (size_t)(x1 - x0);
    pad(from, (size_t)x0, out);
    float *middle = out + (size_t)x0 * from->stride;
    if (count > 0 && place.flip)
        copy_mirrored(from, line_start + (size_t)(width - 1 - (x0 - place.dx)), count, middle);
    else if (count > 0) copy_run(from, line_start + (size_t)(x0 - place.dx), count, middle);
    pad(from, (size_t)(width - x1), out + (size_t)x1 * from->stride);
}

static void copy_plane(const channel *from, placement place, int height, int width, float *out) {
    size_t line = (size_t)width, lines = (size_t)height;
    if (place.dx == 0 && place.dy == 0 && !place.flip) {
        copy_run(from, 0, lines * line, out);
        return;
    }
    for (int y = 0; y < height; y++, out += line * from->stride) {
        int source = y - place.dy;
        if (source < 0 || source >= height) pad(from, line, out);
        else copy_line(from, place, width, (size_t)source * line, out);
    }
}

/* All channels at once: neighbouring values of `out`. */
static void cut_out(placement place, int width, size_t channels, float *out) {
    size_t count = (size_t)(place.right - place.left) * channels;
    for (int y = place.top; y < place.bottom; y++) {
        float *line = out + ((size_t)y * (size_t)width + (size_t)place.left) * channels;
        for (size_t i = 0; i < count; i++) line[i] = 0.0f;
    }
}

static void prepare(const lyc__dataset_content *content, const lyc_preprocess *preprocess, channel *out) {
    double unit = content->is_float ? 1.0 : 255.0;
    for (int c = 0; c < content->channels; c++) {
        double mean = (double)preprocess->mean[c], deviation = (double)preprocess->std[c];
        out[c] = (channel){.stride = (size_t)content->channels,
                           .scale = (float)(1.0 / (unit * deviation)),
                           .offset = (float)(-mean / deviation)};
    }
}

/* Rows are drawn from all over the data set, so that each would wait for memory: those to come are asked for
 * while one is converted. */
static void fetch_ahead(const lyc__dataset_content *content, const uint32_t *rows, size_t at, size_t count) {
    size_t bytes = lyc__dataset_row_values(content) * (content->is_float ? sizeof(float) : 1);
    size_t ahead = bytes < BYTES_AHEAD ? BYTES_AHEAD / bytes : 1;
    for (size_t i = at == 0 ? 1 : at + ahead; i < count && i <= at + ahead; i++) {
        const char *row = (const char *)content->x + rows[i] * bytes;
        for (size_t b = 0; b < bytes; b += LYC_ALIGNMENT) __builtin_prefetch(row + b);
    }
}

void lyc_dataset_fill(const lyc_dataset *data, const lyc_preprocess *preprocess,
                      const lyc_view_recipe *recipe, int view, const uint32_t *rows, size_t count,
                      float *out) {
    const lyc__dataset_content *content = &data->content;
    size_t plane = (size_t)content->height * (size_t)content->width,
           values = lyc__dataset_row_values(content);
    channel channels[LYC__DATASET_MAX_CHANNELS];
    prepare(content, preprocess, channels);
    for (size_t i = 0; i < count; i++, out += values) {
        fetch_ahead(content, rows, i, count);
        placement place = place_sample(recipe, view, content->ids[rows[i]], content->height, content->width);
        for (int c = 0; c < content->channels; c++) {
            size_t start = rows[i] * values + (size_t)c * plane;
            if (content->is_float) channels[c].floats = (const float *)content->x + start;
            else channels[c].bytes = (const uint8_t *)content->x + start;
            copy_plane(&channels[c], place, content->height, content->width, out + c);
        }
        cut_out(place, content->width, (size_t)content->channels, out);
    }
}
