#include "agent/scores.h"

#include <math.h>

#include "agent/subset.h"
#include "lyceum/agent.h"

#define HALF_LOG_2PI 0.91893853320467274178

void lyc__scores_sample(const double *mu, double sigma, const uint8_t *select, int teachers,
                        lyc_random *random, double *score) {
    for (int k = 0; k < teachers; k++) score[k] = select[k] ? mu[k] + sigma * lyc_random_normal(random) : 0.0;
}

double lyc__scores_log_density(const double *mu, double sigma, const uint8_t *select, const double *score,
                               int teachers) {
    double sum = 0.0;
    for (int k = 0; k < teachers; k++) {
        if (!select[k]) continue;
        double z = (score[k] - mu[k]) / sigma;
        sum -= 0.5 * z * z + log(sigma) + HALF_LOG_2PI;
    }
    return sum;
}

void lyc__scores_log_density_gradient(const double *mu, double sigma, const uint8_t *select,
                                      const double *score, int teachers, double scale, double *gradient) {
    for (int k = 0; k < teachers; k++)
        if (select[k]) gradient[k] += scale * (score[k] - mu[k]) / (sigma * sigma);
}

static double largest(const double *value, const uint8_t *select, int teachers) {
    double best = -INFINITY;
    for (int k = 0; k < teachers; k++)
        if ((select == NULL || select[k]) && value[k] > best) best = value[k];
    return best;
}

void lyc__scores_softmax(const double *score, const uint8_t *select, int teachers, double *weight) {
    double shift = largest(score, select, teachers), sum = 0.0;
    for (int k = 0; k < teachers; k++) {
        weight[k] = select[k] ? exp(score[k] - shift) : 0.0;
        sum += weight[k];
    }
    for (int k = 0; k < teachers; k++) weight[k] /= sum;
}

/* The integrand of every teacher at one node, added to mean[]. With a_k = exp(mu_k) and 1/x = int_0^inf
 * exp(-s x) ds, E[m_k a_k / sum_{j in S} a_j] = p_k/Z int_0^inf a_k exp(-s a_k) prod_{j != k} (1 - p_j + p_j
 * exp(-s a_j)) ds. The product without k comes from products of those before and behind, since dividing by a
 * factor next to 0 would lose it. */
static void add_node(double s, const double *p, const double *a, int teachers, double *mean) {
    double decay[LYC_MAX_TEACHERS], before[LYC_MAX_TEACHERS], product = 1.0;
    for (int k = 0; k < teachers; k++) {
        decay[k] = exp(-s * a[k]);
        before[k] = product;
        product *= 1.0 - p[k] + p[k] * decay[k];
    }
    double behind = 1.0;
    for (int k = teachers - 1; k >= 0; k--) {
        mean[k] += s * p[k] * a[k] * decay[k] * before[k] * behind;
        behind *= 1.0 - p[k] + p[k] * decay[k];
    }
}

/* With s = exp(y) the integrand is analytic for |Im y| < pi/2 and falls off at both ends, so that the
 * trapezoidal rule converges as exp(-pi^2 / step): rounding error at 1/4. */
void lyc__scores_mean_weights(const double *logit, const double *mu, int teachers, double *mean) {
    const double step = 0.25, lower = -37.0;
    double p[LYC_MAX_TEACHERS], a[LYC_MAX_TEACHERS], sum = 0.0, smallest = INFINITY;
    double shift = largest(mu, NULL, teachers);
    for (int k = 0; k < teachers; k++) {
        p[k] = lyc__sigmoid(logit[k]);
        a[k] = exp(mu[k] - shift);
        if (mu[k] < smallest) smallest = mu[k];
        mean[k] = 0.0;
    }
    double upper = log(40.0) + shift - smallest;
    int nodes = (int)ceil((upper - lower) / step);
    for (int i = 0; i <= nodes; i++) add_node(exp(lower + step * i), p, a, teachers, mean);
    for (int k = 0; k < teachers; k++) sum += mean[k];
    for (int k = 0; k < teachers; k++) mean[k] /= sum;
}
