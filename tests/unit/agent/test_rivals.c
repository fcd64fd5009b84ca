/* The fixed strategies that draw, that look at the validation split and that look at gradients, against short
 * references. */
#include "support.h"

static test_batch batch;

static void make_batch(uint64_t seed, int teachers, size_t rows) {
    lyc_random random = test_random(seed);
    double sharpness[LYC_MAX_TEACHERS];
    for (int k = 0; k < teachers; k++) sharpness[k] = 2.0 * (k % 4);
    fill_batch(&batch, &random, teachers, rows, sharpness, NULL);
}

static lyc_strategy *make_named(const char *name, int teachers) {
    lyc_agent_options options = default_options(name);
    return make_strategy(&options, teachers);
}

/* ---- drawn ------------------------------------------------------------------------------------------- */

static uint32_t drawn(lyc_strategy *strategy, int teachers, uint64_t seed, uint32_t epoch, uint32_t step) {
    batch.input.seed = seed;
    batch.input.epoch = epoch;
    batch.input.step = step;
    lyc_decision decision = decide(strategy, &batch.input);
    uint32_t subset = 0;
    int members = 0;
    assert_false(decision.per_row);
    for (int k = 0; k < teachers; k++) {
        subset |= (uint32_t)decision.select[k] << k;
        members += decision.select[k];
    }
    assert_true(members > 0);
    for (int k = 0; k < teachers; k++) {
        assert_near((double)decision.weights[k], decision.select[k] ? 1.0 / members : 0.0, 1e-7);
        assert_true(decision.weights[k] == decision.mean_weight[k]);
    }
    return subset;
}

enum { DRAWS = 21000 };
static void count_subsets(const char *name, int teachers, int *counts) {
    lyc_strategy *strategy = make_named(name, teachers);
    memset(counts, 0, sizeof(int) << teachers);
    for (uint32_t i = 0; i < DRAWS; i++) counts[drawn(strategy, teachers, 5, i / 100, i % 100)]++;
    lyc_strategy_destroy(strategy);
}

/* Five standard deviations of a binomial count with probability `share`. */
static void assert_share(int count, double share) {
    assert_near(count, DRAWS * share, 5.0 * sqrt(DRAWS * share * (1.0 - share)));
}

static void random_single_draws_each_teacher_equally_often(void **state) {
    (void)state;
    int counts[1 << 3];
    make_batch(1, 3, 2);
    count_subsets("random_single", 3, counts);
    for (int k = 0; k < 3; k++) assert_share(counts[1 << k], 1.0 / 3.0);
}

/* Traps: a fallback for the empty set would make one subset twice as likely; coins without it, the full set.
 */
static void random_subset_draws_each_non_empty_subset_equally_often(void **state) {
    (void)state;
    int counts[1 << 3];
    make_batch(2, 3, 2);
    count_subsets("random_subset", 3, counts);
    assert_int_equal(counts[0], 0);
    for (int subset = 1; subset < 8; subset++) assert_share(counts[subset], 1.0 / 7.0);
}

/* A resumed run draws what it would have drawn, whatever went before. */
static void draws_depend_on_seed_epoch_and_step_only(void **state) {
    (void)state;
    enum { K = 20 };
    const char *const names[] = {"random_single", "random_subset"};
    make_batch(3, K, 2);
    for (int i = 0; i < 2; i++) {
        lyc_strategy *one = make_named(names[i], K), *other = make_named(names[i], K);
        int seeds = 0, epochs = 0, steps = 0;
        for (uint32_t step = 0; step < 40; step++) {
            uint32_t here = drawn(one, K, 1, 1, step);
            seeds += here != drawn(one, K, 2, 1, step);
            epochs += here != drawn(one, K, 1, 2, step);
            steps += here != drawn(one, K, 1, 1, step + 1);
            assert_int_equal(here, drawn(other, K, 1, 1, step));
        }
        assert_true(seeds > 20 && epochs > 20 && steps > 20);
        lyc_strategy_destroy(one);
        lyc_strategy_destroy(other);
    }
}

static void many_teachers_are_all_drawn(void **state) {
    (void)state;
    make_batch(4, LYC_MAX_TEACHERS, 1);
    const char *const names[] = {"random_single", "random_subset"};
    for (int i = 0; i < 2; i++) {
        lyc_strategy *strategy = make_named(names[i], LYC_MAX_TEACHERS);
        uint32_t ever = 0;
        for (uint32_t step = 0; step < 400; step++) ever |= drawn(strategy, LYC_MAX_TEACHERS, 1, 0, step);
        assert_int_equal(ever, UINT32_MAX);
        lyc_strategy_destroy(strategy);
    }
}

/* ---- validated --------------------------------------------------------------------------------------- */

static void assert_validated(const char *name, const double *ce, const double *accuracy,
                             const double *expected) {
    lyc_agent_options options = default_options(name);
    lyc_agent_facts facts = test_facts(3);
    facts.valid_ce = ce;
    facts.valid_accuracy = accuracy;
    lyc_strategy *strategy;
    lyc_error err = {0};
    if (lyc_strategy_create(&strategy, &options, &facts, 1, MAX_ROWS, &err) != LYC_OK)
        fail_msg("%s", err.message);
    lyc_decision decision = decide(strategy, &batch.input);
    for (int k = 0; k < 3; k++) {
        assert_near((double)decision.weights[k], expected[k], 1e-7);
        assert_true(decision.select[k] == (expected[k] > 0.0));
    }
    lyc_strategy_destroy(strategy);
}

static void validated_is_the_softmax_of_minus_the_cross_entropy(void **state) {
    (void)state;
    make_batch(5, 3, 2);
    const double accuracy[3] = {0.9, 0.3, 0.6}, infinite = (double)INFINITY, third = 1.0 / 3.0;
    double ce[3] = {0.4, 1.5, 0.9}, expected[3], sum = 0.0;
    for (int k = 0; k < 3; k++) sum += exp(-ce[k]);
    for (int k = 0; k < 3; k++) expected[k] = exp(-ce[k]) / sum;
    assert_validated("validated", ce, accuracy, expected);
    for (int k = 0; k < 3; k++) ce[k] += 5000.0; /* exp(-5000) alone is 0 */
    assert_validated("validated", ce, accuracy, expected);
    assert_validated("validated", (double[]){infinite, 0.5, 0.5}, accuracy, (double[]){0, 0.5, 0.5});
    assert_validated("validated", (double[]){infinite, infinite, infinite}, accuracy,
                     (double[]){third, third, third});
    assert_validated("validated:accuracy", ce, accuracy, (double[]){0.5, 0.3 / 1.8, third});
    assert_validated("validated:accuracy", ce, (double[]){0, 0, 0}, (double[]){third, third, third});
}

static void validated_refuses_what_is_not_a_number_or_not_its_name(void **state) {
    (void)state;
    const double bad[3] = {0.5, 0.5, (double)NAN};
    const struct {
        const char *name, *says;
        lyc_status status;
    } cases[] = {{"validated", "teacher t2: its cross-entropy on the validation split", LYC_ENUMERIC},
                 {"validated:accuracy", "teacher t2: its accuracy on the validation split", LYC_ENUMERIC},
                 {"validated:ce", "there is no strategy \"validated:ce\"", LYC_ECONFIG},
                 {"validated:", "there is no strategy \"validated:\"", LYC_ECONFIG}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lyc_agent_options options = default_options(cases[i].name);
        lyc_agent_facts facts = test_facts(3);
        (i == 0 ? (facts.valid_ce = bad) : (facts.valid_accuracy = bad));
        lyc_strategy *strategy;
        lyc_error err = {0};
        assert_int_equal(lyc_strategy_create(&strategy, &options, &facts, 1, 4, &err), cases[i].status);
        if (strstr(err.message, cases[i].says) == NULL) fail_msg("%s", err.message);
    }
}

/* ---- gradient ---------------------------------------------------------------------------------------- */

/* g[k][c], mean over the rows of T (q - p_k): reference in double precision. */
static void gradients_of(int teachers, double gradient[][CLASSES]) {
    double t = batch.input.temperature, rows = (double)batch.input.rows;
    for (int k = 0; k < teachers; k++) {
        memset(gradient[k], 0, sizeof gradient[k]);
        for (size_t row = 0; row < batch.input.rows; row++) {
            const float *s = batch.student + row * CLASSES, *z = batch.logits[k] + row * CLASSES;
            double q = 0.0, p = 0.0;
            for (int c = 0; c < CLASSES; c++) q += exp((double)s[c] / t), p += exp((double)z[c] / t);
            for (int c = 0; c < CLASSES; c++)
                gradient[k][c] += t * (exp((double)s[c] / t) / q - exp((double)z[c] / t) / p) / rows;
        }
    }
}

static double squared_norm(double gradient[][CLASSES], const double *weight, int teachers) {
    double square = 0.0;
    for (int c = 0; c < CLASSES; c++) {
        double sum = 0.0;
        for (int k = 0; k < teachers; k++) sum += weight[k] * gradient[k][c];
        square += sum * sum;
    }
    return square;
}

/* The best of a grid over the simplex of two or three teachers, none above 0.6. */
static double best_of_grid(double gradient[][CLASSES], int teachers, int steps) {
    double best = (double)INFINITY;
    for (int i = 0; i <= steps; i++)
        for (int j = 0; j <= (teachers == 3 ? steps - i : 0); j++) {
            int last = steps - i - j;
            double weight[3] = {(double)i / steps, teachers == 3 ? (double)j / steps : (double)last / steps,
                                (double)last / steps};
            if (5 * i > 3 * steps || 5 * j > 3 * steps || 5 * last > 3 * steps) continue;
            best = fmin(best, squared_norm(gradient, weight, teachers));
        }
    return best;
}

/* All teachers agree on a class that the student doubts: minima at corners of the cap, on edges and inside.
 */
static void lean(int teachers, const double *strength, const int *towards) {
    for (int k = 0; k < teachers; k++)
        for (size_t row = 0; row < batch.input.rows; row++)
            batch.logits[k][row * CLASSES + (size_t)towards[k]] += (float)strength[k];
}

static void gradient_is_the_best_of_a_grid(void **state) {
    (void)state;
    double gradient[3][CLASSES];
    int capped = 0, empty = 0, inside = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        int teachers = 2 + (int)(seed % 2);
        make_batch(100 + seed, teachers, 8);
        lyc_random random = test_random(seed);
        double strength[3];
        int towards[3];
        for (int k = 0; k < 3; k++) {
            strength[k] = 8.0 * lyc_random_uniform(&random);
            towards[k] = (int)lyc_random_below(&random, 3);
        }
        lean(teachers, strength, towards);
        gradients_of(teachers, gradient);
        lyc_strategy *strategy = make_named("gradient", teachers);
        lyc_decision decision = decide(strategy, &batch.input);
        double weight[3] = {0}, scale = 0.0;
        assert_false(decision.per_row);
        for (int k = 0; k < teachers; k++) {
            weight[k] = (double)decision.weights[k];
            assert_true(weight[k] >= 0.0 && weight[k] <= 0.6 + 1e-7);
            capped += weight[k] > 0.6 - 1e-7;
            empty += weight[k] == 0.0;
            inside += weight[k] > 0.01 && weight[k] < 0.59;
            scale = fmax(scale, squared_norm(gradient + k, (double[]){1.0}, 1));
        }
        double best = best_of_grid(gradient, teachers, teachers == 2 ? 10000 : 500);
        double got = squared_norm(gradient, weight, teachers);
        assert_true(got <= best + 1e-6 * scale); /* no point of the grid is better, */
        assert_true(got >= best - 1e-4 * scale); /* and the grid is as fine as this */
        lyc_strategy_destroy(strategy);
    }
    assert_true(capped > 5 && empty > 5 && inside > 5);
}

/* For many teachers: the gap that bounds what any feasible weights could still gain, sum_k slope_k w_k minus
 * its least value, which fills up whoever has the least slope first. */
static void gradient_leaves_nothing_to_gain_with_many_teachers(void **state) {
    (void)state;
    static double gradient[LYC_MAX_TEACHERS][CLASSES];
    for (int teachers = 1; teachers <= LYC_MAX_TEACHERS; teachers++) {
        make_batch(200 + (uint64_t)teachers, teachers, 16);
        gradients_of(teachers, gradient);
        lyc_strategy *strategy = make_named("gradient", teachers);
        lyc_decision decision = decide(strategy, &batch.input);
        double slope[LYC_MAX_TEACHERS] = {0}, now = 0.0, scale = 0.0;
        for (int j = 0; j < teachers; j++) {
            for (int c = 0; c < CLASSES; c++)
                for (int k = 0; k < teachers; k++)
                    slope[j] += gradient[j][c] * gradient[k][c] * (double)decision.weights[k];
            now += slope[j] * (double)decision.weights[j];
            scale = fmax(scale, squared_norm(gradient + j, (double[]){1.0}, 1));
        }
        int first = 0, second = -1;
        for (int k = 1; k < teachers; k++) first = slope[k] < slope[first] ? k : first;
        for (int k = 0; k < teachers; k++)
            if (k != first && (second < 0 || slope[k] < slope[second])) second = k;
        double least = second < 0 ? slope[first] : 0.6 * slope[first] + 0.4 * slope[second];
        assert_near(now, least, 1e-6 * scale);
        lyc_strategy_destroy(strategy);
    }
}

static void gradient_of_teachers_that_are_alike_is_uniform(void **state) {
    (void)state;
    make_batch(7, 3, 8);
    for (int k = 1; k < 3; k++) memcpy(batch.logits[k], batch.logits[0], sizeof batch.logits[0]);
    lyc_strategy *strategy = make_named("gradient", 3);
    lyc_decision decision = decide(strategy, &batch.input);
    for (int k = 0; k < 3; k++) assert_near((double)decision.weights[k], 1.0 / 3.0, 1e-7);
    lyc_strategy_destroy(strategy);
}

static void gradient_takes_unknown_classes_and_refuses_nan(void **state) {
    (void)state;
    make_batch(8, 2, 4);
    lyc_strategy *strategy = make_named("gradient", 2);
    lyc_decision decision;
    lyc_error err = {0};
    for (size_t row = 0; row < 4; row++) batch.logits[0][row * CLASSES + 2] = -INFINITY;
    decision = decide(strategy, &batch.input);
    assert_near((double)decision.weights[0] + (double)decision.weights[1], 1.0, 1e-6);
    batch.logits[1][12] = NAN;
    assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err), LYC_ENUMERIC);
    assert_non_null(strstr(err.message, "teacher t1"));
    batch.logits[1][12] = 0.0F;
    batch.student[3] = NAN;
    assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err), LYC_ENUMERIC);
    assert_non_null(strstr(err.message, "student"));
    lyc_strategy_destroy(strategy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_single_draws_each_teacher_equally_often),
        cmocka_unit_test(random_subset_draws_each_non_empty_subset_equally_often),
        cmocka_unit_test(draws_depend_on_seed_epoch_and_step_only),
        cmocka_unit_test(many_teachers_are_all_drawn),
        cmocka_unit_test(validated_is_the_softmax_of_minus_the_cross_entropy),
        cmocka_unit_test(validated_refuses_what_is_not_a_number_or_not_its_name),
        cmocka_unit_test(gradient_is_the_best_of_a_grid),
        cmocka_unit_test(gradient_leaves_nothing_to_gain_with_many_teachers),
        cmocka_unit_test(gradient_of_teachers_that_are_alike_is_uniform),
        cmocka_unit_test(gradient_takes_unknown_classes_and_refuses_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
