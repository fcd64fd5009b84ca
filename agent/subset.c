#include "agent/subset.h"

#include <math.h>

#include "lyceum/agent.h"

double lyc__sigmoid(double logit) {
    if (logit >= 0.0) return 1.0 / (1.0 + exp(-logit));
    double e = exp(logit);
    return e / (1.0 + e);
}

/* What every formula needs. `log_p0` keeps its digits where P0 is next to 1 or to 0. */
typedef struct parts {
    double p[LYC_MAX_TEACHERS];
    double none[LYC_MAX_TEACHERS]; /* -log(1 - p) = log(1 + e^l); -log p is l less */
    double log_p0, z;
} parts;

static parts parts_of(const double *logit, int teachers) {
    parts s;
    s.log_p0 = 0.0;
    for (int k = 0; k < teachers; k++) {
        const double e = exp(-fabs(logit[k]));
        s.p[k] = (logit[k] >= 0.0 ? 1.0 : e) / (1.0 + e);
        s.none[k] = (logit[k] > 0.0 ? logit[k] : 0.0) + log1p(e);
        s.log_p0 -= s.none[k];
    }
    s.z = -expm1(s.log_p0);
    return s;
}

/* As long as nothing is selected, teacher k is selected with probability p_k / (1 - prod_{j >= k} (1 - p_j)):
 * the conditional probability given that this one or a later one must be. Then the rest is independent. */
void lyc__subset_sample(const double *logit, int teachers, lyc_random *random, uint8_t *select) {
    parts s = parts_of(logit, teachers);
    double log_rest[LYC_MAX_TEACHERS + 1];
    log_rest[teachers] = 0.0;
    for (int k = teachers - 1; k >= 0; k--) log_rest[k] = log_rest[k + 1] - s.none[k];
    int selected = 0;
    for (int k = 0; k < teachers; k++) {
        double p = s.p[k];
        double uniform = lyc_random_uniform(random);
        if (selected == 0) p = k == teachers - 1 ? 1.0 : p / -expm1(log_rest[k]);
        select[k] = uniform < p;
        selected += select[k];
    }
}

static double log_prob_of(const parts *s, const double *logit, int teachers, const uint8_t *select) {
    double log_prob = -log(s->z);
    for (int k = 0; k < teachers; k++) log_prob -= select[k] ? s->none[k] - logit[k] : s->none[k];
    return log_prob;
}

double lyc__subset_log_prob(const double *logit, int teachers, const uint8_t *select) {
    parts s = parts_of(logit, teachers);
    return log_prob_of(&s, logit, teachers, select);
}

void lyc__subset_log_prob_gradient(const double *logit, int teachers, const uint8_t *select, double scale,
                                   double *gradient) {
    parts s = parts_of(logit, teachers);
    for (int k = 0; k < teachers; k++) gradient[k] += scale * ((select[k] ? 1.0 : 0.0) - s.p[k] / s.z);
}

static double entropy_of(const parts *s, const double *logit, int teachers) {
    double sum = exp(s->log_p0) * s->log_p0;
    for (int k = 0; k < teachers; k++) /* binary entropy: -p log p - (1 - p) log(1 - p) */
        sum += s->none[k] - s->p[k] * logit[k];
    double entropy = log(s->z) + sum / s->z;
    return entropy > 0.0 ? entropy : 0.0;
}

double lyc__subset_entropy(const double *logit, int teachers) {
    parts s = parts_of(logit, teachers);
    return entropy_of(&s, logit, teachers);
}

/* H = A - sum_k l_k dA/dl_k with A the log-partition, so dH/dl_j = -sum_k l_k Cov(m_k, m_j):
 * Cov_jj = p_j/Z - (p_j/Z)^2, Cov_kj = -p_k p_j P0/Z^2. */
void lyc__subset_entropy_gradient(const double *logit, int teachers, double scale, double *gradient) {
    parts s = parts_of(logit, teachers);
    double mean = 0.0;
    for (int k = 0; k < teachers; k++) mean += logit[k] * s.p[k];
    double shared = exp(s.log_p0) / s.z * mean;
    for (int k = 0; k < teachers; k++)
        gradient[k] -= scale * s.p[k] / s.z * (logit[k] * (1.0 - s.p[k]) - shared);
}

static void mean_weights_of(const parts *s, int teachers, double *mean) {
    for (int k = 0; k < teachers; k++) {
        double count[LYC_MAX_TEACHERS] = {1.0}; /* count[n]: probability that n of the others are selected */
        int others = 0;
        for (int j = 0; j < teachers; j++) {
            if (j == k) continue;
            others++;
            for (int n = others; n > 0; n--) count[n] = count[n] * (1.0 - s->p[j]) + count[n - 1] * s->p[j];
            count[0] *= 1.0 - s->p[j];
        }
        mean[k] = 0.0;
        for (int n = 0; n < teachers; n++) mean[k] += count[n] / (n + 1);
        mean[k] *= s->p[k] / s->z;
    }
}

void lyc__subset_mean_weights(const double *logit, int teachers, double *mean) {
    parts s = parts_of(logit, teachers);
    mean_weights_of(&s, teachers, mean);
}

void lyc__subset_describe(const double *logit, int teachers, const uint8_t *select, double *mean,
                          double *log_prob, double *entropy) {
    parts s = parts_of(logit, teachers);
    mean_weights_of(&s, teachers, mean);
    *log_prob = log_prob_of(&s, logit, teachers, select);
    *entropy = entropy_of(&s, logit, teachers);
}

void lyc__subset_greedy(const double *logit, int teachers, uint8_t *select) {
    int best = 0, selected = 0;
    for (int k = 0; k < teachers; k++) {
        select[k] = logit[k] > 0.0;
        selected += select[k];
        if (logit[k] > logit[best]) best = k;
    }
    if (selected == 0) select[best] = 1;
}
