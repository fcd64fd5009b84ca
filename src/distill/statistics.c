#include "distill/statistics.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define CONFIDENCE      0.95
#define MOST_TERMS      10000 /* of the continued fraction; about sqrt(max(a, b)) are needed */
#define MOST_BISECTIONS 2100  /* enough to halve the range of a double down to its last bit */

/* ---- Student's t ------------------------------------------------------------------------------------- */

/* lgamma() writes a global of the C library; this does not. */
static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

static double away_from_zero(double x) {
    return fabs(x) < DBL_MIN / DBL_EPSILON ? DBL_MIN / DBL_EPSILON : x;
}

/* The continued fraction of I_x(a, b), which converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
    for (int m = 1; m <= MOST_TERMS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= c * d;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        value *= c * d;
        if (fabs(c * d - 1) < 4 * DBL_EPSILON) break;
    }
    return value;
}

/* I_x(a, b) with 1 - x given as well, so that neither end of the range loses digits. */
static double beta_ratio(double a, double b, double x, double rest) {
    if (x <= 0) return 0;
    if (rest <= 0) return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log(rest));
    bool direct = x < (a + 1) / (a + b + 2);
    return direct ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, rest) / b;
}

double lyc__incomplete_beta(double a, double b, double x) {
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return NAN;
    return beta_ratio(a, b, x, 1 - x);
}

/* P(|T| >= |t|) = I_{v / (v + t^2)}(v / 2, 1 / 2) (DLMF 7.18 and Abramowitz, Stegun 26.7.1). */
double lyc__t_two_sided(double t, double freedom) {
    if (isnan(t) || !(freedom > 0)) return NAN;
    if (isinf(t)) return 0;
    double square = t * t;
    return beta_ratio(freedom / 2, 0.5, freedom / (freedom + square), square / (freedom + square));
}

double lyc__t_distribution(double t, double freedom) {
    double tail = lyc__t_two_sided(t, freedom) / 2;
    return t < 0 ? tail : 1 - tail;
}

/* Bisection on the tail probability: every digit, and nothing that could fail to converge. */
double lyc__t_quantile(double p, double freedom) {
    if (!(p > 0 && p < 1 && freedom > 0)) return NAN;
    double tail = 2 * (p < 0.5 ? p : 1 - p), low = 0, high = 1;
    while (lyc__t_two_sided(high, freedom) > tail && high < DBL_MAX / 4) high *= 2;
    for (int i = 0; i < MOST_BISECTIONS; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        if (lyc__t_two_sided(middle, freedom) > tail) low = middle;
        else high = middle;
    }
    return p < 0.5 ? -low : low;
}

/* ---- samples ------------------------------------------------------------------------------------------ */

lyc__sample lyc__sample_of(const double *values, size_t count) {
    lyc__sample sample = {.count = count, .mean = NAN, .deviation = NAN};
    if (count == 0) return sample;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    sample.mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) squares += (values[i] - sample.mean) * (values[i] - sample.mean);
    if (count > 1) sample.deviation = sqrt(squares / (double)(count - 1));
    return sample;
}

lyc__paired lyc__paired_difference(const double *first, const double *second, size_t pairs) {
    lyc__paired result = {.pairs = pairs, .mean = NAN, .low = NAN, .high = NAN, .p = NAN};
    if (pairs == 0) return result;
    double sum = 0, squares = 0, scale = 0;
    for (size_t i = 0; i < pairs; i++) {
        sum += first[i] - second[i];
        scale = fmax(scale, fmax(fabs(first[i]), fabs(second[i])));
    }
    result.mean = sum / (double)pairs;
    for (size_t i = 0; i < pairs; i++) {
        double off = first[i] - second[i] - result.mean;
        squares += off * off;
    }
    if (pairs < 2) return result;
    double freedom = (double)(pairs - 1), error = sqrt(squares / freedom / (double)pairs);
    if (error <= 8 * DBL_EPSILON * scale) return result;
    double reach = lyc__t_quantile(0.5 + CONFIDENCE / 2, freedom) * error;
    result.low = result.mean - reach;
    result.high = result.mean + reach;
    result.p = lyc__t_two_sided(result.mean / error, freedom);
    return result;
}

/* ---- several tests ------------------------------------------------------------------------------------ */

/* The i-th smallest of m values of p is multiplied by m - i + 1, and none falls below one before it. With
 * equal values, which of them counts as the smaller makes no difference. */
void lyc__holm(const double *p, size_t count, double *corrected) {
    size_t tests = 0;
    for (size_t i = 0; i < count; i++) tests += isnan(p[i]) ? 0 : 1;
    double floor = 0, last = -1;
    for (size_t i = 0; i < count; i++) corrected[i] = NAN;
    for (size_t done = 0; done < tests;) {
        double next = INFINITY;
        for (size_t i = 0; i < count; i++)
            if (!isnan(p[i]) && p[i] > last && p[i] < next) next = p[i];
        double value = fmin(1, (double)(tests - done) * next);
        floor = fmax(floor, value);
        for (size_t i = 0; i < count; i++) {
            if (!(p[i] == next)) continue;
            corrected[i] = floor;
            done++;
        }
        last = next;
    }
}
