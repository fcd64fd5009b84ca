/* What the probes say that each teacher is worth: least squares on differences.
 *
 * Pair i followed the weights a_i and b_i and earned the rewards r(a_i) and r(b_i): with x_i = a_i - b_i and
 * y_i = r(a_i) - r(b_i), y_i = <worth, x_i> + error. A reward is linear in the weights to first order,
 * whatever the action mode. Each x_i sums to 0, so that worth is known up to a constant: it sums to 0 over
 * the teachers, which compares each with their mean. Variance: White's, errors need not be of one size
 * (rewards shrink as the student learns); times n / (n - p), interval by Student's t with n - p degrees, p =
 * teachers - 1 (MacKinnon and White 1985). */
#include <math.h>
#include <string.h>

#include "distill/statistics.h"
#include "lyceum/agent.h"
#include "report/inspect.h"

#define SINGULAR 1e-9 /* a pivot under this share of the mean diagonal: nothing tells two teachers apart */

typedef struct regression {
    size_t teachers;
    uint64_t rows, used;
    const double *a, *b, *reward_a, *reward_b;
    double *inverse, *spread; /* [teachers, teachers] */
    double *worth;            /* [teachers] */
} regression;

static lyc_status read_pairs(lyc__inspector *run, regression *it, lyc_error *err) {
    size_t teachers = run->shown.teacher_count, cells = teachers * teachers;
    it->teachers = teachers;
    LYC_TRY(lyc_runreader_rows(run->reader, "probes", &it->rows, err));
    LYC_TRY(lyc__inspector_column(run, "probes", "weight_a", teachers, it->rows, &it->a, err));
    LYC_TRY(lyc__inspector_column(run, "probes", "weight_b", teachers, it->rows, &it->b, err));
    LYC_TRY(lyc__inspector_column(run, "probes", "reward_a", 1, it->rows, &it->reward_a, err));
    LYC_TRY(lyc__inspector_column(run, "probes", "reward_b", 1, it->rows, &it->reward_b, err));
    LYC_TRY(lyc__inspector_allocate(run, (void **)&it->inverse, cells, sizeof(double), err));
    LYC_TRY(lyc__inspector_allocate(run, (void **)&it->spread, cells, sizeof(double), err));
    return lyc__inspector_allocate(run, (void **)&it->worth, teachers, sizeof(double), err);
}

/* Fills x; false for a pair of equal weights or without a reward, which says nothing. */
static bool take_pair(const regression *it, uint64_t row, double *x, double *y) {
    bool differs = false;
    for (size_t k = 0; k < it->teachers; k++) {
        x[k] = it->a[row * it->teachers + k] - it->b[row * it->teachers + k];
        differs = differs || x[k] != 0;
    }
    *y = it->reward_a[row] - it->reward_b[row];
    return differs && isfinite(*y);
}

/* matrix += weight * x x^T */
static void add_outer(double *matrix, const double *x, size_t size, double weight) {
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++) matrix[i * size + j] += weight * x[i] * x[j];
}

/* In place, of a symmetric positive definite matrix, by Gauss and Jordan without exchanges. */
static bool invert(double *matrix, size_t size, double least) {
    for (size_t p = 0; p < size; p++) {
        double pivot = matrix[p * size + p];
        if (!(pivot > least)) return false;
        matrix[p * size + p] = 1;
        for (size_t j = 0; j < size; j++) matrix[p * size + j] /= pivot;
        for (size_t i = 0; i < size; i++) {
            double factor = matrix[i * size + p];
            if (i == p) continue;
            matrix[i * size + p] = 0;
            for (size_t j = 0; j < size; j++) matrix[i * size + j] -= factor * matrix[p * size + j];
        }
    }
    return true;
}

/* The sum of x x^T has the vector of ones as its null space: filled up, its inverse gives the solution that
 * sums to 0. */
static bool solve(regression *it) {
    double x[LYC_MAX_TEACHERS], moment[LYC_MAX_TEACHERS] = {0}, y, trace = 0;
    size_t size = it->teachers;
    for (uint64_t row = 0; row < it->rows; row++) {
        if (!take_pair(it, row, x, &y)) continue;
        it->used++;
        add_outer(it->inverse, x, size, 1);
        for (size_t k = 0; k < size; k++) moment[k] += x[k] * y;
    }
    if (size < 2 || it->used < size + 1) return false;
    for (size_t k = 0; k < size; k++) trace += it->inverse[k * size + k] / (double)size;
    for (size_t i = 0; i < size * size; i++) it->inverse[i] += trace / (double)size;
    if (!invert(it->inverse, size, SINGULAR * trace)) return false;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++) it->worth[i] += it->inverse[i * size + j] * moment[j];
    return true;
}

static double variance(const regression *it, size_t index) {
    double sum = 0;
    for (size_t i = 0; i < it->teachers; i++)
        for (size_t j = 0; j < it->teachers; j++)
            sum += it->inverse[index * it->teachers + i] * it->spread[i * it->teachers + j] *
                   it->inverse[j * it->teachers + index];
    return sum;
}

static void find_spread(regression *it) {
    double x[LYC_MAX_TEACHERS], y;
    for (uint64_t row = 0; row < it->rows; row++) {
        if (!take_pair(it, row, x, &y)) continue;
        for (size_t k = 0; k < it->teachers; k++) y -= it->worth[k] * x[k];
        add_outer(it->spread, x, it->teachers, y * y);
    }
}

lyc_status lyc__inspect_worth(lyc__inspector *run, lyc_inspected_teacher *teachers, lyc_error *err) {
    regression it = {0};
    for (size_t k = 0; k < run->shown.teacher_count; k++)
        teachers[k].worth = teachers[k].worth_low = teachers[k].worth_high = NAN;
    if (run->shown.teacher_count > LYC_MAX_TEACHERS) return LYC_OK;
    LYC_TRY(read_pairs(run, &it, err));
    bool known = solve(&it);
    run->shown.worth_pairs = it.used;
    if (!known) return LYC_OK;
    find_spread(&it);
    double freedom = (double)it.used - (double)(it.teachers - 1);
    double reach = lyc__t_quantile(0.975, freedom) * sqrt((double)it.used / freedom);
    for (size_t k = 0; k < it.teachers; k++) {
        double error = reach * sqrt(fmax(variance(&it, k), 0));
        teachers[k].worth = it.worth[k];
        teachers[k].worth_low = it.worth[k] - error;
        teachers[k].worth_high = it.worth[k] + error;
    }
    return LYC_OK;
}
