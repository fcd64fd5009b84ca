/* What the probes say that teachers are worth, and when weights changed, in runs whose figures are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lyceum/inspect.h"
#include "lyceum/random.h"
#include "run_story.h"

static lyc_inspection *look(void) {
    lyc_inspection *run;
    lyc_error err = {0};
    if (lyc_inspect_open(&run, scratch_directory, 0, &err) != LYC_OK) fail_msg("%s", err.message);
    return run;
}

static void near(double value, double wanted, double tolerance) {
    if (!(fabs(value - wanted) < tolerance)) fail_msg("%.12g, not %.12g", value, wanted);
}

/* ---- worth ------------------------------------------------------------------------------------------ */

static void append_pair(lyc_runfile *file, const float *a, const float *b, double reward_a, double reward_b) {
    static const uint8_t all[STORY_TEACHERS] = {1, 1, 1, 1};
    lyc_error err = {0};
    const lyc_probes_row row = {.select_a = all,
                                .select_b = all,
                                .weight_a = a,
                                .weight_b = b,
                                .reward_a = reward_a,
                                .reward_b = reward_b};
    if (lyc_run_append_probes(file, &row, &err) != LYC_OK) fail_msg("%s", err.message);
}

static void draw_weights(lyc_random *random, size_t teachers, float *out) {
    double sum = 0, drawn[STORY_TEACHERS];
    for (size_t k = 0; k < teachers; k++) sum += drawn[k] = lyc_random_uniform(random);
    for (size_t k = 0; k < teachers; k++) out[k] = (float)(drawn[k] / sum);
}

static double value_of(const float *weight, const double *worth, size_t teachers) {
    double sum = 0;
    for (size_t k = 0; k < teachers; k++) sum += worth[k] * (double)weight[k];
    return sum;
}

/* Rewards that are exactly linear in the weights give the worth exactly, whatever else adds to both. */
static void linear_rewards_give_the_worth(void **state) {
    (void)state;
    static const double worth[STORY_TEACHERS] = {0.3, 0.1, -0.1, -0.5}; /* mean -0.05 */
    lyc_run_facts facts = story_facts(STORY_TEACHERS);
    lyc_runfile *file = story_create(&facts);
    lyc_random random = lyc_random_start((lyc_random_key){.seed = 4, .purpose = LYC_PURPOSE_TEST});
    for (int i = 0; i < 12; i++) {
        float a[STORY_TEACHERS], b[STORY_TEACHERS];
        draw_weights(&random, STORY_TEACHERS, a);
        draw_weights(&random, STORY_TEACHERS, b);
        append_pair(file, a, b, 0.1 * i + value_of(a, worth, STORY_TEACHERS),
                    0.1 * i + value_of(b, worth, STORY_TEACHERS));
        if (i % 3 == 0) append_pair(file, a, a, 7, 5); /* equal actions say nothing */
    }
    story_close(file);
    lyc_inspection *run = look();
    assert_int_equal(run->worth_pairs, 12);
    for (int k = 0; k < STORY_TEACHERS; k++) {
        near(run->teachers[k].worth, worth[k] + 0.05, 1e-6);
        near(run->teachers[k].worth_low, worth[k] + 0.05, 1e-5);
        near(run->teachers[k].worth_high, worth[k] + 0.05, 1e-5);
    }
    lyc_inspect_close(run);
}

/* With two teachers x = (d, -d): worth = sum(d y) / (2 sum d^2), White's variance sum(d^2 e^2) / (4 (sum
 * d^2)^2), times n / (n - 1), and t = 2.5705818 for the 0.975 quantile at 5 degrees of freedom. */
static void two_teachers_by_hand(void **state) {
    (void)state;
    static const double d[6] = {0.5, -0.25, 0.75, 0.5, -0.5, 0.125},
                        y[6] = {0.04, -0.01, 0.03, 0.06, -0.01, -0.02};
    double dy = 0, dd = 0, spread = 0;
    lyc_run_facts facts = story_facts(2);
    lyc_runfile *file = story_create(&facts);
    for (int i = 0; i < 6; i++) {
        float a[2] = {(float)(0.5 + d[i] / 2), (float)(0.5 - d[i] / 2)}, b[2] = {a[1], a[0]};
        append_pair(file, a, b, 0.5 + y[i], 0.5);
        dy += d[i] * y[i];
        dd += d[i] * d[i];
    }
    story_close(file);
    double worth = dy / (2 * dd);
    for (int i = 0; i < 6; i++) spread += pow(d[i] * (y[i] - 2 * worth * d[i]), 2);
    double reach = 2.5705818356 * sqrt(6.0 / 5.0 * spread) / (2 * dd);
    lyc_inspection *run = look();
    for (int k = 0; k < 2; k++) {
        double sign = k == 0 ? 1 : -1;
        near(run->teachers[k].worth, sign * worth, 1e-9);
        near(run->teachers[k].worth_low, sign * worth - reach, 1e-8);
        near(run->teachers[k].worth_high, sign * worth + reach, 1e-8);
    }
    lyc_inspect_close(run);
}

/* Two teachers that always go together cannot be told apart, and two pairs are too few. */
static void what_cannot_be_told_is_left_out(void **state) {
    (void)state;
    for (int few = 0; few < 2; few++) {
        lyc_run_facts facts = story_facts(3);
        lyc_runfile *file = story_create(&facts);
        for (int i = 0; i < (few ? 2 : 20); i++) {
            float share = 0.05F * (float)(i % 9), a[3] = {0.5F - share, 0.25F + share / 2, 0.25F + share / 2};
            float b[3] = {0.2F, 0.4F, 0.4F};
            if (few) a[2] -= 0.125F * (float)(i + 1), a[1] += 0.125F * (float)(i + 1);
            append_pair(file, a, b, 0.01 * i, 0);
        }
        story_close(file);
        lyc_inspection *run = look();
        for (int k = 0; k < 3; k++)
            assert_true(isnan(run->teachers[k].worth) && isnan(run->teachers[k].worth_low));
        lyc_inspect_close(run);
    }
}

/* ---- changes ---------------------------------------------------------------------------------------- */

static void one_change(uint64_t row, float w[STORY_TEACHERS]) {
    w[0] = row < 120 ? 0.5F : 0.9F;
    w[1] = 1.0F - w[0];
}

static void noisy_change(uint64_t row, float w[STORY_TEACHERS]) {
    float noise = (float)(row * 2654435761U % 1000) / 1000.0F - 0.5F;
    w[0] = (row < 250 ? 0.3F : 0.7F) + 0.4F * noise;
    w[1] = 1.0F - w[0];
}

static void only_noise(uint64_t row, float w[STORY_TEACHERS]) {
    w[0] = 0.5F + 0.8F * ((float)(row * 2654435761U % 1000) / 1000.0F - 0.5F);
    w[1] = 1.0F - w[0];
}

/* Whole windows go up and down. */
static void slow_noise(uint64_t row, float w[STORY_TEACHERS]) {
    lyc_random random = lyc_random_start(
        (lyc_random_key){.seed = 2, .purpose = LYC_PURPOSE_TEST, .sample = (uint32_t)(row / 10)});
    w[0] = 0.1F + 0.8F * lyc_random_uniform_f32(&random);
    w[1] = 1.0F - w[0];
}

static void small_change(uint64_t row, float w[STORY_TEACHERS]) {
    w[0] = row < 200 ? 0.5F : 0.58F;
    w[1] = 1.0F - w[0];
}

static void there_and_back(uint64_t row, float w[STORY_TEACHERS]) {
    w[0] = row < 100 || row >= 300 ? 0.2F : 0.8F;
    w[1] = 1.0F - w[0];
}

static lyc_inspection *told(story_plot plot) {
    story_tell(2, 400, plot);
    return look();
}

static void changes_are_found_where_they_are(void **state) {
    (void)state;
    lyc_inspection *run = told(one_change);
    assert_int_equal(run->change_count, 1);
    assert_int_equal(run->changes[0].after, 120);
    near(run->changes[0].before_weight[0], 0.5, 1e-6);
    near(run->changes[0].after_weight[0], 0.9, 1e-6);
    near(run->changes[0].after_weight[1], 0.1, 1e-6);
    lyc_inspect_close(run);
    run = told(there_and_back);
    assert_int_equal(run->change_count, 2);
    assert_int_equal(run->changes[0].after, 100);
    assert_int_equal(run->changes[1].after, 300);
    near(run->changes[1].before_weight[0], 0.8, 1e-6);
    lyc_inspect_close(run);
    run = told(noisy_change);
    assert_int_equal(run->change_count, 1);
    assert_int_equal(run->changes[0].after, 250);
    lyc_inspect_close(run);
}

static void what_is_no_change_is_none(void **state) {
    (void)state;
    const story_plot plots[] = {only_noise, slow_noise, small_change};
    for (size_t i = 0; i < 3; i++) {
        lyc_inspection *run = told(plots[i]);
        if (run->change_count > 0)
            fail_msg("plot %zu: a change after %llu", i, (unsigned long long)run->changes[0].after);
        lyc_inspect_close(run);
    }
    story_tell(2, 3, one_change);
    lyc_inspection *run = look();
    assert_int_equal(run->change_count, 0);
    lyc_inspect_close(run);
}

/* ---- mixtures --------------------------------------------------------------------------------------- */

static void write_mixtures(int last) {
    static const float weight[STORY_TEACHERS] = {0.25F, 0.25F, 0.25F, 0.25F};
    static const uint64_t class_rows[STORY_CLASSES] = {30, 10}, bin_rows[LYC_RUN_BINS] = {8, 8, 8, 16, 0};
    lyc_run_facts facts = story_facts(STORY_TEACHERS);
    lyc_runfile *file = story_create(&facts);
    lyc_error err = {0};
    for (int without = -1; without <= last; without++) {
        double off = 0.01 * (without + 1);
        const double by_class[STORY_CLASSES] = {0.9 - off, 0.8 - 2 * off};
        const double by_bin[LYC_RUN_BINS] = {0.4 - off, 0.6, 0.8, 0.95, NAN};
        const lyc_mixture_row row = {.without = without,
                                     .weight = weight,
                                     .accuracy = 0.875 - off,
                                     .nll = 0.5 + off,
                                     .class_rows = class_rows,
                                     .class_accuracy = by_class,
                                     .class_nll = by_class,
                                     .bin_rows = bin_rows,
                                     .bin_accuracy = by_bin,
                                     .bin_nll = by_bin};
        if (lyc_run_append_mixture(file, &row, &err) != LYC_OK) fail_msg("%s", err.message);
    }
    story_close(file);
}

static void what_each_adds_is_shown(void **state) {
    (void)state;
    char *text;
    lyc_error err = {0};
    write_mixtures(3);
    lyc_inspection *run = look();
    assert_int_equal(run->mixture_count, 5);
    assert_int_equal(run->mixtures[0].without, -1);
    assert_int_equal(run->mixtures[4].without, 3);
    near(run->mixtures[2].class_accuracy[1], 0.8 - 0.04, 1e-12);
    near(run->mixtures[2].bin_rows[3], 16, 1e-12);
    if (lyc_inspect_text(run, &(lyc_inspect_style){.columns = 80}, &text, &err) != LYC_OK)
        fail_msg("%s", err.message);
    assert_non_null(strstr(text, "what each adds to the others"));
    assert_non_null(strstr(text, "accuracy     NLL  to 0.5  to 0.7  to 0.9 to 0.99    to 1\n"));
    assert_non_null(
        strstr(text, "all of them      87.50 %   0.500   40.00   60.00   80.00   95.00       -\n"));
    assert_non_null(
        strstr(text, "scrambled          +4.00  -0.040   +4.00   +0.00   +0.00   +0.00       -\n"));
    lyc_free(text);
    lyc_inspect_close(run);
}

static void a_teacher_that_is_not_there_is_damage(void **state) {
    (void)state;
    lyc_inspection *run;
    lyc_error err = {0};
    write_mixtures(4);
    assert_int_equal(lyc_inspect_open(&run, scratch_directory, 0, &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "/mixture/without is 4"));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)
    const struct CMUnitTest tests[] = {
        CASE(linear_rewards_give_the_worth),
        CASE(two_teachers_by_hand),
        CASE(what_cannot_be_told_is_left_out),
        CASE(changes_are_found_where_they_are),
        CASE(what_is_no_change_is_none),
        CASE(what_each_adds_is_shown),
        CASE(a_teacher_that_is_not_there_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
