/* The credit is real: on a bandit of three teachers, small enough to enumerate, the mean of sampled policy
 * gradients is the analytic gradient of the expected reward, in every action mode and with both kinds of
 * credit.
 *
 * The analytic side shares nothing with the code under test: it sums the reward over all selections,
 * integrates it over the scores on a grid, and differentiates the result numerically. Each case has its
 * negative control: the same estimate without the non-empty term (or drawn with a fallback) must be far off.
 */
#include "support.h"

#include "agent/learned.h"
#include "agent/subset.h"

#define K     3
#define DRAWS 120000

static const double sigma = 0.5;

/* Not linear in anything, far from zero on average, different for every selection. */
static double reward_of(const uint8_t *select, const double *weight) {
    const double quality[K] = {1.0, 0.3, -0.8};
    double reward = 1.5;
    int count = 0;
    for (int k = 0; k < K; k++) {
        reward += quality[k] * weight[k];
        count += select[k];
    }
    return reward + 0.8 * weight[0] * weight[2] + (count == 2 ? 0.4 : 0.0);
}

static double reward_of_action(const lyc_action *action) {
    double weight[K];
    for (int k = 0; k < K; k++) weight[k] = (double)action->weight[k];
    return reward_of(action->select, weight);
}

/* ---- the analytic side ----------------------------------------------------------------------------- */

static double reward_at_scores(const uint8_t *select, const double *u) {
    double weight[K] = {0}, sum = 0.0;
    for (int k = 0; k < K; k++) sum += select[k] ? exp(u[k]) : 0.0;
    for (int k = 0; k < K; k++) weight[k] = select[k] ? exp(u[k]) / sum : 0.0;
    return reward_of(select, weight);
}

/* E[reward | selection] over u_k ~ N(mu_k, sigma): the trapezoidal rule with steps of sigma/2 out to 6 sigma
 * is exact to many digits for a Gaussian weight. Scores outside the selection do not matter and stay at their
 * mean. */
static double expected_over_scores(const uint8_t *select, const double *mu, int k, double *u) {
    if (k == K) return reward_at_scores(select, u);
    u[k] = mu[k];
    if (!select[k]) return expected_over_scores(select, mu, k + 1, u);
    double sum = 0.0, total = 0.0;
    for (int i = -12; i <= 12; i++) {
        double z = 0.5 * i, density = exp(-0.5 * z * z);
        u[k] = mu[k] + sigma * z;
        sum += density * expected_over_scores(select, mu, k + 1, u);
        total += density;
    }
    return sum / total;
}

typedef struct mode {
    const char *name;
    lyc_action_mode action;
    bool selects, weighs;
} mode;
static const mode modes[] = {{"select", LYC_ACTION_SELECT, true, false},
                             {"weight", LYC_ACTION_WEIGHT, false, true},
                             {"select+weight", LYC_ACTION_SELECT_WEIGHT, true, true}};
enum { MODES = sizeof modes / sizeof modes[0] };

static double expected_reward(const mode *m, const double *theta) {
    const double *logit = theta, *mu = theta + K, flat[K] = {0};
    double sum = 0.0, u[K];
    for (uint32_t mask = m->selects ? 1 : (1U << K) - 1; mask < 1U << K; mask++) {
        uint8_t select[K];
        mask_to_select(mask, K, select);
        double probability = m->selects ? subset_probability(logit, K, mask) : 1.0;
        sum += probability *
               (m->weighs ? expected_over_scores(select, mu, 0, u) : reward_at_scores(select, flat));
    }
    return sum;
}

static double conditional_entropy(const mode *m, const double *theta) {
    double entropy = 0.0;
    for (uint32_t mask = 1; m->selects && mask < 1U << K; mask++) {
        double probability = subset_probability(theta, K, mask);
        entropy -= probability * log(probability);
    }
    return entropy;
}

static void numeric_gradient(const mode *m, double (*f)(const mode *, const double *), const double *theta,
                             double *gradient) {
    for (int i = 0; i < 2 * K; i++) {
        double low[2 * K], high[2 * K];
        memcpy(low, theta, sizeof low);
        memcpy(high, theta, sizeof high);
        low[i] -= 1e-4;
        high[i] += 1e-4;
        gradient[i] = (f(m, high) - f(m, low)) / 2e-4;
    }
}

/* ---- the sampled side ------------------------------------------------------------------------------ */

typedef struct estimate {
    double sum[2 * K], square[2 * K];
    int count;
} estimate;

static void add_estimate(estimate *e, const double *gradient) {
    for (int i = 0; i < 2 * K; i++) {
        e->sum[i] += gradient[i];
        e->square[i] += gradient[i] * gradient[i];
    }
    e->count++;
}

static void flatten(const lyc__heads *heads, double *out) {
    memcpy(out, heads->select, K * sizeof *out);
    memcpy(out + K, heads->score, K * sizeof *out);
}

/* |mean - analytic|, the standard error of the mean and the analytic norm, over all components. */
typedef struct verdict {
    double distance, error, norm;
} verdict;
static verdict judge(const estimate *e, const double *analytic) {
    verdict v = {0};
    for (int i = 0; i < 2 * K; i++) {
        double mean = e->sum[i] / e->count;
        v.distance += (mean - analytic[i]) * (mean - analytic[i]);
        v.error += (e->square[i] / e->count - mean * mean) / e->count;
        v.norm += analytic[i] * analytic[i];
    }
    return (verdict){sqrt(v.distance), sqrt(v.error), sqrt(v.norm)};
}

static void assert_real(const mode *m, const estimate *e, const double *analytic) {
    verdict v = judge(e, analytic);
    print_message("  %-13s |gradient| %.4f  standard error %.2f %%  off by %.2f %%\n", m->name, v.norm,
                  100 * v.error / v.norm, 100 * v.distance / v.norm);
    assert_true(v.error < 0.02 * v.norm);
    assert_true(v.distance < 4.0 * v.error);
}

static void assert_far_off(const mode *m, const char *what, const estimate *e, const double *analytic) {
    verdict v = judge(e, analytic);
    print_message("  %-13s %s: off by %.0f %%, %.0f standard errors\n", m->name, what,
                  100 * v.distance / v.norm, v.distance / v.error);
    assert_true(v.distance > 10.0 * v.error && v.distance > 0.2 * v.norm);
}

/* A learned strategy at a policy far from its start: heads that differ, low enough that "empty" has
 * probability. */
typedef struct bandit {
    lyc_strategy *strategy;
    lyc__learner *learner;
    lyc__heads heads;
    double theta[2 * K];
    test_batch batch;
} bandit;

static void open_bandit(bandit *b, const mode *m, lyc_credit_kind credit) {
    lyc_agent_options options = default_options("learned");
    options.action = m->action;
    options.sigma = sigma;
    options.learning_rate = 0.0;
    options.credit.kind = credit;
    options.credit.steps = DRAWS + 1;
    b->strategy = make_strategy(&options, K);
    b->learner = &lyc__learned_of(b->strategy)->learner;
    for (size_t i = 0; i < b->learner->size; i++) b->learner->params[i] *= 3.0;
    size_t hidden = (size_t)b->learner->shape.hidden;
    for (size_t i = b->learner->size - 2 * hidden - 2; i < b->learner->size; i++)
        b->learner->params[i] *= 5.0;
    b->learner->params[b->learner->size - hidden - 2] = -0.7; /* bias of the selection's head */
    lyc_random random = test_random(20);
    fill_batch(&b->batch, &random, K, 4, (const double[K]){4.0, 1.0, 0.0}, NULL);
    (void)decide(b->strategy, &b->batch.input);
    lyc__learner_forward(b->learner, lyc__learned_of(b->strategy)->observation, NULL, &b->heads);
    flatten(&b->heads, b->theta);
    double p0 = 1.0;
    for (int k = 0; k < K; k++) p0 *= 1.0 - lyc__sigmoid(b->theta[k]);
    assert_true(p0 > 0.15 &&
                fabs(b->theta[0] - b->theta[1]) > 0.1); /* the term matters, the teachers differ */
}

/* The sampled pair (probe) or action (on policy) number `step`. */
static void draw(bandit *b, int step, lyc_action *a, lyc_action *second) {
    b->batch.input.step = (uint32_t)step + 1;
    lyc_strategy_sample(b->strategy, &b->batch.input, 0, a);
    if (second != NULL) lyc_strategy_sample(b->strategy, &b->batch.input, 1, second);
}

/* grad log pi without the non-empty term: m_k - p_k instead of m_k - p_k / Z. */
static void add_unconditional(const bandit *b, double scale, double *gradient) {
    double z = 1.0;
    for (int k = 0; k < K; k++) z *= 1.0 - lyc__sigmoid(b->theta[k]);
    z = 1.0 - z;
    for (int k = 0; k < K; k++)
        gradient[k] += scale * (lyc__sigmoid(b->theta[k]) / z - lyc__sigmoid(b->theta[k]));
}

/* ---- on policy ------------------------------------------------------------------------------------- */

/* The baseline is 0.4 too low, as a learned one may be at times. That biases nothing, but only with the
 * non-empty term: a perfect baseline would hide that it is missing. */
static void on_policy_case(const mode *m) {
    bandit b;
    estimate real = {0}, without_term = {0};
    double analytic[2 * K];
    open_bandit(&b, m, LYC_CREDIT_ON_POLICY);
    numeric_gradient(m, expected_reward, b.theta, analytic);
    double baseline = expected_reward(m, b.theta) - 0.4;
    for (int step = 0; step < DRAWS; step++) {
        lyc_action action;
        lyc__heads credit = {0};
        double gradient[2 * K];
        draw(&b, step, &action, NULL);
        double advantage = reward_of_action(&action) - baseline;
        lyc__reinforce_credit(&b.learner->law, &b.heads, &action, advantage, &credit);
        flatten(&credit, gradient);
        add_estimate(&real, gradient);
        add_unconditional(&b, advantage, gradient);
        add_estimate(&without_term, gradient);
    }
    assert_real(m, &real, analytic);
    if (m->selects) assert_far_off(m, "without the non-empty term", &without_term, analytic);
    lyc_strategy_destroy(b.strategy);
}
static void on_policy_gradients_are_the_analytic_ones(void **state) {
    (void)state;
    for (int i = 0; i < MODES; i++) on_policy_case(&modes[i]);
}

/* What the strategy teaches on policy is the very action that is credited. */
static void the_action_that_teaches_is_the_one_that_is_credited(void **state) {
    (void)state;
    for (int i = 0; i < MODES; i++) {
        bandit b;
        open_bandit(&b, &modes[i], LYC_CREDIT_ON_POLICY);
        for (int step = 0; step < 50; step++) {
            lyc_action action;
            draw(&b, step, &action, NULL);
            lyc_decision decision = decide(b.strategy, &b.batch.input);
            assert_memory_equal(decision.select, action.select, K);
            assert_memory_equal(decision.weights, action.weight, K * sizeof(float));
            assert_near(decision.log_prob, action.log_prob, 1e-9);
        }
        lyc_strategy_destroy(b.strategy);
    }
}

/* ---- probe ----------------------------------------------------------------------------------------- */

/* One action as public code often draws it: independent coins, and everybody when none came up. */
static void draw_with_fallback(const bandit *b, lyc_random *random, lyc_action *out) {
    int count = 0;
    *out = (lyc_action){0};
    for (int k = 0; k < K; k++) {
        out->select[k] = lyc_random_uniform(random) < lyc__sigmoid(b->theta[k]);
        count += out->select[k];
    }
    for (int k = 0; k < K && count == 0; k++) out->select[k] = 1;
    if (count == 0) count = K;
    for (int k = 0; k < K; k++) out->weight[k] = out->select[k] ? 1.0F / (float)count : 0.0F;
}

static void pair_gradient(const bandit *b, const lyc_action *first, const lyc_action *second,
                          double *gradient) {
    lyc__heads credit = {0};
    double difference = reward_of_action(first) - reward_of_action(second);
    lyc__probe_credit(&b->learner->law, &b->heads, first, second, difference, &credit);
    flatten(&credit, gradient);
}

static void probe_case(const mode *m) {
    bandit b;
    estimate real = {0}, fallback = {0};
    double analytic[2 * K], gradient[2 * K];
    lyc_random random = test_random(21);
    open_bandit(&b, m, LYC_CREDIT_PROBE);
    numeric_gradient(m, expected_reward, b.theta, analytic);
    for (int step = 0; step < DRAWS; step++) {
        lyc_action first, second;
        draw(&b, step, &first, &second);
        pair_gradient(&b, &first, &second, gradient);
        add_estimate(&real, gradient);
        draw_with_fallback(&b, &random, &first);
        draw_with_fallback(&b, &random, &second);
        pair_gradient(&b, &first, &second, gradient);
        add_estimate(&fallback, gradient);
    }
    assert_real(m, &real, analytic);
    if (m->action == LYC_ACTION_SELECT) assert_far_off(m, "drawn with a fallback", &fallback, analytic);
    lyc_strategy_destroy(b.strategy);
}
static void probe_gradients_are_the_analytic_ones(void **state) {
    (void)state;
    for (int i = 0; i < MODES; i++) probe_case(&modes[i]);
}

/* In the difference of a pair the non-empty term cancels, so it acts through the entropy bonus alone; the
 * whole update, bonus included, is the gradient of reward + weight * conditional entropy. */
static void probe_gradients_with_the_entropy_bonus_are_the_analytic_ones(void **state) {
    (void)state;
    const mode *m = &modes[0];
    const double bonus = 0.5;
    bandit b;
    estimate real = {0}, without_term = {0};
    double analytic[2 * K], entropy[2 * K];
    open_bandit(&b, m, LYC_CREDIT_PROBE);
    numeric_gradient(m, expected_reward, b.theta, analytic);
    numeric_gradient(m, conditional_entropy, b.theta, entropy);
    for (int i = 0; i < 2 * K; i++) analytic[i] += bonus * entropy[i];
    for (int step = 0; step < DRAWS; step++) {
        lyc_action first, second;
        lyc__heads more = {0};
        double gradient[2 * K], independent[2 * K];
        draw(&b, step, &first, &second);
        pair_gradient(&b, &first, &second, gradient);
        memcpy(independent, gradient, sizeof gradient);
        lyc__action_entropy_gradient(&b.learner->law, &b.heads, bonus, &more);
        for (int k = 0; k < K; k++) {
            double p = lyc__sigmoid(b.theta[k]);
            gradient[k] += more.select[k];
            independent[k] -= bonus * b.theta[k] * p * (1.0 - p); /* of the sum of the binary entropies */
        }
        add_estimate(&real, gradient);
        add_estimate(&without_term, independent);
    }
    assert_real(m, &real, analytic);
    assert_far_off(m, "entropy without the non-empty term", &without_term, analytic);
    lyc_strategy_destroy(b.strategy);
}

/* Trap: "updates that never use the sampled action". */
static void the_update_follows_the_sampled_action(void **state) {
    (void)state;
    bandit b;
    open_bandit(&b, &modes[2], LYC_CREDIT_PROBE);
    lyc_action first = {.select = {1, 0, 1}, .score = {0.7, 0.0, -0.4}},
               second = {.select = {0, 1, 0}, .score = {0.0, 0.9, 0.0}};
    lyc__heads there = {0}, back = {0}, one = {0};
    lyc__probe_credit(&b.learner->law, &b.heads, &first, &second, 1.0, &there);
    lyc__probe_credit(&b.learner->law, &b.heads, &second, &first, 1.0, &back);
    lyc__reinforce_credit(&b.learner->law, &b.heads, &first, 1.0, &one);
    const double towards[K] = {1.0, -1.0, 1.0};
    for (int k = 0; k < K; k++) {
        assert_near(there.select[k], 0.5 * towards[k], 1e-12);
        assert_near(back.select[k], -there.select[k], 1e-12);
        assert_near(back.score[k], -there.score[k], 1e-12);
        assert_true(one.select[k] * towards[k] > 0.0);
        assert_true((one.score[k] != 0.0) == (first.select[k] == 1));
    }
    lyc_strategy_destroy(b.strategy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_policy_gradients_are_the_analytic_ones),
        cmocka_unit_test(the_action_that_teaches_is_the_one_that_is_credited),
        cmocka_unit_test(probe_gradients_are_the_analytic_ones),
        cmocka_unit_test(probe_gradients_with_the_entropy_bonus_are_the_analytic_ones),
        cmocka_unit_test(the_update_follows_the_sampled_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
