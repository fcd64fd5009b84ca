/* The loss of a batch on bare logits: gradients against central differences of a reference in double
 * precision, identities, and the traps of docs/fusion.md. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lyceum/random.h"
#include "student/objective.h"

#define ROWS     12
#define CLASSES  5
#define TEACHERS 3
#define MATRIX   (ROWS * CLASSES)
#define SHARD    5 /* 5, 5 and 2 rows */

typedef struct batch {
    float student[MATRIX], teacher[TEACHERS][MATRIX], weights[ROWS * TEACHERS];
    const float *pointers[TEACHERS];
    uint64_t ids[ROWS];
    int32_t labels[ROWS];
    lyc_lesson lesson;
} batch;

typedef struct result {
    lyc_losses losses;
    float gradient[MATRIX];
} result;

static void assert_near(double a, double b, double tolerance) {
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.9g is not %.9g", a, b);
}

static lyc_loss_options options(double alpha, double temperature, lyc_fusion fusion) {
    return (lyc_loss_options){.alpha = alpha,
                              .temperature = temperature,
                              .fusion = fusion,
                              .term_count = 1,
                              .terms = {{.kind = "kd", .weight = 1.0}}};
}

static batch make_batch(uint32_t stream) {
    batch b = {0};
    lyc_random random =
        lyc_random_start((lyc_random_key){.seed = 9, .purpose = LYC_PURPOSE_TEST, .sample = stream});
    for (size_t i = 0; i < MATRIX; i++) b.student[i] = (float)(2.0 * lyc_random_normal(&random));
    for (size_t k = 0; k < TEACHERS; k++)
        for (size_t i = 0; i < MATRIX; i++) b.teacher[k][i] = (float)(2.0 * lyc_random_normal(&random));
    for (size_t i = 0; i < ROWS; i++) {
        float sum = 0.0F, *w = b.weights + i * TEACHERS;
        for (size_t k = 0; k < TEACHERS; k++) sum += w[k] = lyc_random_uniform_f32(&random) + 0.1F;
        for (size_t k = 0; k < TEACHERS; k++) w[k] /= sum;
        b.labels[i] = (int32_t)((i + i / 4) % CLASSES); /* no shard's labels are another's */
    }
    return b;
}

static void point(batch *b) {
    for (size_t k = 0; k < TEACHERS; k++) b->pointers[k] = b->teacher[k];
    b->lesson.logits = b->pointers;
    b->lesson.weights = b->weights;
    b->lesson.teachers = TEACHERS;
    b->lesson.ids = b->ids;
}

/* Runs the shards from the last to the first when `backwards`. */
static result run(lyc__objective *objective, const batch *b, size_t rows, size_t shard_rows, bool backwards) {
    result out = {0};
    size_t classes = objective->classes, shards = (rows + shard_rows - 1) / shard_rows;
    memset(out.gradient, 0x7f, sizeof out.gradient); /* must be overwritten */
    lyc__objective_begin(objective, &b->lesson, b->labels, rows);
    for (size_t i = 0; i < shards; i++) {
        size_t shard = backwards ? shards - 1 - i : i, first = shard * shard_rows;
        size_t count = rows - first < shard_rows ? rows - first : shard_rows;
        lyc__objective_shard(objective, shard, first, count, b->student + first * classes,
                             out.gradient + first * classes);
    }
    lyc__objective_end(objective, &out.losses);
    return out;
}

static void open_objective(lyc__objective *objective, const lyc_loss_options *o, size_t rows,
                           size_t classes) {
    lyc_error err = {0};
    if (lyc__objective_init(objective, o, (int)classes, rows, &err) != LYC_OK) fail_msg("%s", err.message);
}

static result evaluate_rows(const lyc_loss_options *o, const batch *b, size_t rows, size_t classes,
                            size_t shard_rows, bool backwards) {
    lyc__objective objective;
    open_objective(&objective, o, rows, classes);
    result out = run(&objective, b, rows, shard_rows, backwards);
    lyc__objective_free(&objective);
    return out;
}

static result evaluate(const lyc_loss_options *o, const batch *b) {
    return evaluate_rows(o, b, ROWS, CLASSES, SHARD, false);
}

/* ---- the reference, in double ---------------------------------------------------------------------- */

static double reference_log_sum(const double *s, double temperature) {
    double sum = 0.0;
    for (size_t c = 0; c < CLASSES; c++) sum += exp(s[c] / temperature);
    return log(sum);
}

static double reference_ce(const batch *b, const double *s) {
    double sum = 0.0;
    int labelled = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (b->labels[i] < 0) continue;
        sum += reference_log_sum(s + i * CLASSES, 1.0) - s[i * CLASSES + (size_t)b->labels[i]];
        labelled++;
    }
    return labelled > 0 ? sum / labelled : 0.0;
}

static double reference_kd(const lyc_loss_options *o, const float *target, const double *s) {
    double sum = 0.0;
    for (size_t i = 0; i < ROWS; i++) {
        double log_sum = reference_log_sum(s + i * CLASSES, o->temperature);
        for (size_t c = 0; c < CLASSES; c++) {
            double p = (double)target[i * CLASSES + c];
            if (p > 0.0) sum += p * (log(p) - s[i * CLASSES + c] / o->temperature + log_sum);
        }
    }
    return o->temperature * o->temperature * sum / ROWS;
}

static double reference_total(const lyc_loss_options *o, const batch *b, const float *target,
                              const double *s) {
    if (b->lesson.weights == NULL) return reference_ce(b, s);
    return o->alpha * reference_ce(b, s) + (1.0 - o->alpha) * o->terms[0].weight * reference_kd(o, target, s);
}

static void check_against_reference(const lyc_loss_options *o, const batch *b) {
    float target[MATRIX] = {0};
    uint8_t has_target[ROWS];
    double s[MATRIX];
    if (b->lesson.weights != NULL)
        lyc_fuse(b->lesson.logits, TEACHERS, ROWS, CLASSES, b->lesson.weights, b->lesson.per_row,
                 o->temperature, o->fusion, b->labels, target, has_target);
    for (size_t i = 0; i < MATRIX; i++) s[i] = (double)b->student[i];
    result r = evaluate(o, b);
    assert_near(r.losses.total, reference_total(o, b, target, s), 1e-5);
    assert_near(r.losses.ce, reference_ce(b, s), 1e-6);
    const double step = 1e-5;
    for (size_t i = 0; i < MATRIX; i++) {
        double keep = s[i];
        s[i] = keep + step;
        double above = reference_total(o, b, target, s);
        s[i] = keep - step;
        double below = reference_total(o, b, target, s);
        s[i] = keep;
        assert_near((double)r.gradient[i], (above - below) / (2.0 * step), 5e-7);
    }
}

static void gradients_match_central_differences(void **state) {
    (void)state;
    const double alphas[] = {0.0, 0.1, 1.0}, temperatures[] = {1.0, 4.0};
    for (uint32_t n = 0; n < 3 * 2 * 2 * 3 * 2 * 3; n++) {
        uint32_t rest = n;
        double alpha = alphas[rest % 3];
        double temperature = temperatures[(rest /= 3) % 2];
        lyc_fusion fusion = (lyc_fusion)((rest /= 2) % 2);
        uint32_t labelling = (rest /= 2) % 3; /* all, two of three, none */
        bool per_row = (rest /= 3) % 2;
        uint32_t knowledge = (rest /= 2) % 3; /* all classes; one specialist; specialists only */
        batch b = make_batch(n);
        point(&b);
        b.lesson.per_row = per_row;
        for (size_t i = 0; i < ROWS; i++)
            if (labelling == 2 || (labelling == 1 && i % 3 == 0)) b.labels[i] = LYC_UNLABELLED;
        for (size_t k = 0; k < TEACHERS; k++)
            for (size_t i = 0; i < MATRIX; i++)
                if (k < (knowledge == 2 ? 3 : knowledge) && (i % CLASSES + k) % CLASSES > 2)
                    b.teacher[k][i] = -INFINITY;
        lyc_loss_options o = options(alpha, temperature, fusion);
        o.terms[0].weight = 1.5;
        check_against_reference(&o, &b);
        b.lesson.weights = NULL;
        check_against_reference(&o, &b);
    }
}

/* ---- identities ------------------------------------------------------------------------------------ */

static void mixture_has_the_gradient_of_the_weighted_sum(void **state) {
    (void)state;
    batch b = make_batch(1);
    point(&b);
    lyc_loss_options o = options(0.0, 3.0, LYC_FUSION_PROBABILITY);
    const float weights[TEACHERS] = {0.2F, 0.3F, 0.5F};
    b.lesson.weights = weights;
    result mixture = evaluate(&o, &b);
    double sum[MATRIX] = {0}, divergence = 0.0;
    for (size_t k = 0; k < TEACHERS; k++) {
        float alone[TEACHERS] = {0};
        alone[k] = 1.0F;
        b.lesson.weights = alone;
        result one = evaluate(&o, &b);
        for (size_t i = 0; i < MATRIX; i++) sum[i] += (double)weights[k] * (double)one.gradient[i];
        divergence += (double)weights[k] * one.losses.kd;
    }
    for (size_t i = 0; i < MATRIX; i++) assert_near((double)mixture.gradient[i], sum[i], 1e-7);
    assert_true(mixture.losses.kd < divergence - 0.1); /* the values differ: by the teachers' disagreement */
}

static void dropping_a_teacher_keeps_the_scale(void **state) {
    (void)state;
    batch b = make_batch(2);
    point(&b);
    memcpy(b.teacher[1], b.teacher[0], sizeof b.teacher[0]);
    memcpy(b.teacher[2], b.teacher[0], sizeof b.teacher[0]);
    const float all[] = {0.5F, 0.25F, 0.25F}, one[] = {1.0F, 0.0F, 0.0F};
    for (int space = 0; space < 2; space++) {
        lyc_loss_options o = options(0.1, 4.0, (lyc_fusion)space);
        b.lesson.weights = all;
        result with_all = evaluate(&o, &b);
        b.lesson.weights = one;
        result with_one = evaluate(&o, &b);
        assert_near(with_all.losses.kd, with_one.losses.kd, 1e-5 * with_one.losses.kd);
        for (size_t i = 0; i < MATRIX; i++)
            assert_near((double)with_all.gradient[i], (double)with_one.gradient[i], 1e-6);
    }
}

static void a_student_that_equals_its_teacher_has_nothing_to_learn(void **state) {
    (void)state;
    batch b = make_batch(3);
    point(&b);
    for (size_t k = 0; k < TEACHERS; k++) memcpy(b.teacher[k], b.student, sizeof b.student);
    for (int space = 0; space < 2; space++)
        for (int t = 0; t < 2; t++) {
            lyc_loss_options o = options(0.0, t ? 4.0 : 1.0, (lyc_fusion)space);
            result r = evaluate(&o, &b);
            assert_near(r.losses.total, 0.0, 5e-6);
            for (size_t i = 0; i < MATRIX; i++) assert_near((double)r.gradient[i], 0.0, 1e-7);
        }
}

/* T (q - p) / B, and for large T the difference of the zero-meaned logits, over B C. */
static void a_large_temperature_matches_logits(void **state) {
    (void)state;
    batch b = make_batch(4);
    point(&b);
    const float one[] = {1.0F, 0.0F, 0.0F};
    b.lesson.weights = one;
    lyc_loss_options o = options(0.0, 1000.0, LYC_FUSION_LOGIT);
    result r = evaluate(&o, &b);
    for (size_t i = 0; i < ROWS; i++) {
        double mean = 0.0;
        for (size_t c = 0; c < CLASSES; c++)
            mean += ((double)b.student[i * CLASSES + c] - (double)b.teacher[0][i * CLASSES + c]) / CLASSES;
        for (size_t c = 0; c < CLASSES; c++) {
            size_t at = i * CLASSES + c;
            double gap = (double)b.student[at] - (double)b.teacher[0][at] - mean;
            assert_near((double)r.gradient[at], gap / (ROWS * CLASSES), 2e-4);
        }
    }
}

static void gradient_of_kd_is_t_times_q_minus_p_over_b(void **state) {
    (void)state;
    batch b = make_batch(5);
    point(&b);
    lyc_loss_options o = options(0.0, 4.0, LYC_FUSION_PROBABILITY);
    float target[MATRIX], q[MATRIX];
    uint8_t has_target[ROWS];
    lyc_fuse(b.pointers, TEACHERS, ROWS, CLASSES, b.weights, false, 4.0, o.fusion, b.labels, target,
             has_target);
    lyc_softmax(b.student, 4.0F, ROWS, CLASSES, q);
    result r = evaluate(&o, &b);
    for (size_t i = 0; i < MATRIX; i++)
        assert_near((double)r.gradient[i], 4.0 * ((double)q[i] - (double)target[i]) / ROWS, 1e-7);
}

/* ---- traps ----------------------------------------------------------------------------------------- */

/* p = (0.9, 0.1) against q = (0.5, 0.5), by hand; the same for 1 row and 8, and not halved by the two
 * classes. */
static void batchmean_never_over_rows_times_classes(void **state) {
    (void)state;
    batch b = {0};
    point(&b);
    const float one[] = {1.0F, 0.0F, 0.0F};
    b.lesson.weights = one;
    for (size_t i = 0; i < 8; i++) {
        b.teacher[0][2 * i] = logf(9.0F);
        b.labels[i] = 1;
    }
    double kl = 0.9 * log(1.8) + 0.1 * log(0.2);
    lyc_loss_options o = options(0.5, 1.0, LYC_FUSION_PROBABILITY);
    for (size_t rows = 1; rows <= 8; rows *= 2) {
        result r = evaluate_rows(&o, &b, rows, 2, 3, false);
        assert_near(r.losses.kd, kl, 1e-6);
        assert_near(r.losses.ce, log(2.0), 1e-6);
        assert_near((double)r.gradient[0], (0.5 * (0.5 - 0.9) + 0.5 * 0.5) / (double)rows, 1e-7);
    }
}

/* One text prints the total with T^2 on the hard term; the soft one is what shrinks. */
static void t_squared_multiplies_the_soft_term(void **state) {
    (void)state;
    batch b = make_batch(6);
    point(&b);
    lyc_loss_options o = options(0.25, 1.0, LYC_FUSION_LOGIT);
    result cold = evaluate(&o, &b);
    for (size_t i = 0; i < MATRIX; i++) { /* logits times T at temperature T: the same p and q */
        for (size_t k = 0; k < TEACHERS; k++) b.teacher[k][i] *= 4.0F;
    }
    batch hot = b;
    point(&hot);
    for (size_t i = 0; i < MATRIX; i++) hot.student[i] *= 4.0F;
    o.temperature = 4.0;
    result warm = evaluate(&o, &hot);
    assert_near(warm.losses.kd, 16.0 * cold.losses.kd, 1e-5 * warm.losses.kd);
    double s[MATRIX];
    for (size_t i = 0; i < MATRIX; i++) s[i] = (double)hot.student[i];
    assert_near(warm.losses.weighted_ce, 0.25 * reference_ce(&hot, s), 1e-6); /* no T in it */
    assert_near(warm.losses.total, warm.losses.weighted_ce + 0.75 * warm.losses.kd, 1e-9);
}

static void labels_count_by_labelled_rows_of_the_batch(void **state) {
    (void)state;
    batch b = make_batch(7);
    point(&b);
    b.lesson.weights = NULL;
    for (size_t i = 0; i < ROWS; i++)
        if (i != 1 && i != 6 && i != 11) b.labels[i] = LYC_UNLABELLED; /* one in each shard */
    lyc_loss_options o = options(0.1, 4.0, LYC_FUSION_PROBABILITY);
    result r = evaluate(&o, &b);
    assert_int_equal(r.losses.labelled, 3);
    double s[MATRIX];
    for (size_t i = 0; i < MATRIX; i++) s[i] = (double)b.student[i];
    assert_near(r.losses.total, reference_ce(&b, s), 1e-6); /* weight 1, not alpha */
    assert_true(r.losses.kd == 0.0 && r.losses.weighted_ce == r.losses.total);
    for (size_t c = 0; c < CLASSES; c++) assert_true(r.gradient[2 * CLASSES + c] == 0.0F);
    for (size_t i = 0; i < ROWS; i++) b.labels[i] = LYC_UNLABELLED;
    r = evaluate(&o, &b);
    assert_true(r.losses.total == 0.0 && r.losses.labelled == 0);
    for (size_t i = 0; i < MATRIX; i++) assert_true(r.gradient[i] == 0.0F);
}

/* The rows that no teacher can teach give no soft gradient, and the others none the more. */
static void rows_without_a_target_still_count(void **state) {
    (void)state;
    batch b = make_batch(8);
    point(&b);
    lyc_loss_options o = options(0.0, 2.0, LYC_FUSION_PROBABILITY);
    result before = evaluate(&o, &b);
    for (size_t k = 0; k < TEACHERS; k++) b.teacher[k][8 * CLASSES + (size_t)b.labels[8]] = -INFINITY;
    result after = evaluate(&o, &b);
    for (size_t i = 0; i < MATRIX; i++)
        assert_true(i / CLASSES == 8 ? after.gradient[i] == 0.0F : after.gradient[i] == before.gradient[i]);
}

/* ---- shards ---------------------------------------------------------------------------------------- */

static void the_order_of_shards_does_not_matter(void **state) {
    (void)state;
    batch b = make_batch(9);
    point(&b);
    b.lesson.per_row = true;
    lyc_loss_options o = options(0.3, 4.0, LYC_FUSION_LOGIT);
    for (size_t shard_rows = 1; shard_rows <= ROWS; shard_rows++) {
        result forwards = evaluate_rows(&o, &b, ROWS, CLASSES, shard_rows, false);
        result backwards = evaluate_rows(&o, &b, ROWS, CLASSES, shard_rows, true);
        assert_memory_equal(&forwards.losses.total, &backwards.losses.total, sizeof(double));
        assert_memory_equal(forwards.gradient, backwards.gradient, sizeof forwards.gradient);
        result whole = evaluate_rows(&o, &b, ROWS, CLASSES, ROWS, false);
        assert_near(forwards.losses.total, whole.losses.total, 1e-9);
    }
}

/* The last batch of an epoch has fewer rows, so fewer shards: what is left of the one before must not count.
 */
static void a_batch_leaves_nothing_for_the_next(void **state) {
    (void)state;
    batch b = make_batch(10);
    point(&b);
    lyc_loss_options o = options(0.3, 4.0, LYC_FUSION_PROBABILITY);
    lyc__objective objective;
    open_objective(&objective, &o, ROWS, CLASSES);
    (void)run(&objective, &b, ROWS, 2, false);
    result second = run(&objective, &b, ROWS - 1, SHARD, false);
    lyc__objective_free(&objective);
    result alone = evaluate_rows(&o, &b, ROWS - 1, CLASSES, SHARD, false);
    assert_memory_equal(&second.losses.total, &alone.losses.total, sizeof(double));
    assert_memory_equal(second.gradient, alone.gradient, sizeof alone.gradient);
}

/* ---- options --------------------------------------------------------------------------------------- */

static void expect_refusal(const lyc_loss_options *o, const char *text) {
    lyc__objective objective;
    lyc_error err = {0};
    assert_int_equal(lyc__objective_init(&objective, o, 3, 4, &err), LYC_ECONFIG);
    if (strstr(err.message, text) == NULL) fail_msg("\"%s\" does not say \"%s\"", err.message, text);
    lyc__objective_free(&objective);
}

static void bad_options_are_named(void **state) {
    (void)state;
    const double bad_alpha[] = {-0.1, 1.1, NAN}, bad_temperature[] = {0.0, -1.0, INFINITY, NAN};
    const double bad_weight[] = {-1.0, INFINITY, NAN};
    lyc_loss_options o;
    for (int i = 0; i < 3; i++) {
        o = options(bad_alpha[i], 4.0, LYC_FUSION_LOGIT);
        expect_refusal(&o, "loss.alpha");
        o = options(0.1, 4.0, LYC_FUSION_LOGIT);
        o.terms[0].weight = bad_weight[i];
        expect_refusal(&o, "loss.terms[0].weight");
    }
    for (int i = 0; i < 4; i++) {
        o = options(0.1, bad_temperature[i], LYC_FUSION_LOGIT);
        expect_refusal(&o, "loss.temperature");
    }
    o = options(0.1, 4.0, (lyc_fusion)2);
    expect_refusal(&o, "loss.fusion");
    o = options(0.1, 4.0, LYC_FUSION_LOGIT);
    o.terms[0].kind = "kl";
    expect_refusal(&o, "no loss term \"kl\"; choose one of: kd");
    o.terms[0].kind = "kd";
    o.terms[1] = o.terms[0];
    o.term_count = 2;
    expect_refusal(&o, "loss.terms[1].kind: \"kd\" is listed twice");
    o.term_count = LYC_MAX_TERMS + 1;
    expect_refusal(&o, "at most 8");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_match_central_differences),
        cmocka_unit_test(mixture_has_the_gradient_of_the_weighted_sum),
        cmocka_unit_test(dropping_a_teacher_keeps_the_scale),
        cmocka_unit_test(a_student_that_equals_its_teacher_has_nothing_to_learn),
        cmocka_unit_test(a_large_temperature_matches_logits),
        cmocka_unit_test(gradient_of_kd_is_t_times_q_minus_p_over_b),
        cmocka_unit_test(batchmean_never_over_rows_times_classes),
        cmocka_unit_test(t_squared_multiplies_the_soft_term),
        cmocka_unit_test(labels_count_by_labelled_rows_of_the_batch),
        cmocka_unit_test(rows_without_a_target_still_count),
        cmocka_unit_test(the_order_of_shards_does_not_matter),
        cmocka_unit_test(a_batch_leaves_nothing_for_the_next),
        cmocka_unit_test(bad_options_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
