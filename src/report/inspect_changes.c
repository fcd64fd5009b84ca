/* When the weights changed for good.
 *
 * The run in at most 40 windows is cut where constant weights between the cuts explain it best: least sum of
 * squares over all teachers plus a price a cut, by dynamic programming (Jackson et al. 2005, arXiv
 * math/0309285). The price rises with the noise, taken from the differences of neighbouring windows. Cuts at
 * which no teacher's weight moves by LEAST_MOVE are taken back. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/inspect.h"

#define FEW_POINTS 4
#define PRICE      0.02 /* of a cut, in squared weight times windows */
#define NOISE      3.0  /* and this often the variance of a window times the logarithm of their number */
#define LEAST_MOVE 0.1

typedef struct cutting {
    const lyc__column_summary *weight;
    size_t teachers, points;
    double price;
    size_t ends[LYC__COARSE + 1]; /* of the parts, in windows */
    size_t parts;
} cutting;

static double part_mean(const cutting *it, size_t teacher, size_t first, size_t end) {
    double sum = 0;
    for (size_t i = first; i < end; i++) sum += it->weight[teacher].coarse.values[i];
    return sum / (double)(end - first);
}

static double part_cost(const cutting *it, size_t first, size_t end) {
    double cost = it->price;
    for (size_t k = 0; k < it->teachers; k++) {
        double mean = part_mean(it, k, first, end);
        for (size_t i = first; i < end; i++) {
            double off = it->weight[k].coarse.values[i] - mean;
            cost += off * off;
        }
    }
    return cost;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of squared differences over its ratio to the variance of what differs, 2 * 0.4549, for normal
 * noise: changes, which are few, do not count. */
static double noise_of(const cutting *it) {
    double sum = 0, squares[LYC__COARSE];
    for (size_t k = 0; k < it->teachers; k++) {
        const double *values = it->weight[k].coarse.values;
        for (size_t i = 1; i < it->points; i++)
            squares[i - 1] = (values[i] - values[i - 1]) * (values[i] - values[i - 1]);
        qsort(squares, it->points - 1, sizeof *squares, by_size);
        sum += squares[(it->points - 1) / 2] / (2 * 0.4549);
    }
    return sum;
}

static void cut(cutting *it) {
    double best[LYC__COARSE + 1] = {0};
    size_t from[LYC__COARSE + 1] = {0};
    for (size_t end = 1; end <= it->points; end++) {
        best[end] = INFINITY;
        for (size_t first = 0; first < end; first++) {
            double cost = best[first] + part_cost(it, first, end);
            if (!(cost < best[end])) continue;
            best[end] = cost;
            from[end] = first;
        }
    }
    for (size_t end = it->points; end > 0; end = from[end]) it->parts++;
    size_t place = it->parts;
    for (size_t end = it->points; end > 0; end = from[end]) it->ends[--place] = end;
}

static size_t start_of(const cutting *it, size_t part) {
    return part > 0 ? it->ends[part - 1] : 0;
}

/* The largest change of a weight at the end of a part. */
static double move_after(const cutting *it, size_t part) {
    double most = 0;
    for (size_t k = 0; k < it->teachers; k++)
        most = fmax(most, fabs(part_mean(it, k, start_of(it, part), it->ends[part]) -
                               part_mean(it, k, it->ends[part], it->ends[part + 1])));
    return most;
}

static void take_back(cutting *it) {
    while (it->parts > 1) {
        size_t least = 0;
        for (size_t part = 1; part + 1 < it->parts; part++)
            if (move_after(it, part) < move_after(it, least)) least = part;
        if (move_after(it, least) >= LEAST_MOVE) return;
        memmove(&it->ends[least], &it->ends[least + 1], (it->parts - least - 1) * sizeof it->ends[0]);
        it->parts--;
    }
}

static lyc_status keep(lyc__inspector *run, const cutting *it, lyc_error *err) {
    lyc_inspected_change *changes;
    uint64_t window = lyc__coarse_window(run->rows);
    LYC_TRY(lyc__inspector_allocate(run, (void **)&changes, it->parts - 1, sizeof *changes, err));
    for (size_t i = 0; i + 1 < it->parts; i++) {
        double *weights;
        LYC_TRY(lyc__inspector_allocate(run, (void **)&weights, 2 * it->teachers, sizeof *weights, err));
        for (size_t k = 0; k < it->teachers; k++) {
            weights[k] = part_mean(it, k, start_of(it, i), it->ends[i]);
            weights[it->teachers + k] = part_mean(it, k, it->ends[i], it->ends[i + 1]);
        }
        changes[i] = (lyc_inspected_change){(uint64_t)it->ends[i] * window, weights, weights + it->teachers};
    }
    run->shown.changes = changes;
    run->shown.change_count = it->parts - 1;
    return LYC_OK;
}

lyc_status lyc__inspect_changes(lyc__inspector *run, const lyc__column_summary *weight, lyc_error *err) {
    cutting it = {.weight = weight, .teachers = run->shown.teacher_count};
    it.points = it.teachers > 0 ? weight[0].coarse.count : 0;
    if (it.points < FEW_POINTS) return LYC_OK;
    for (size_t k = 0; k < it.teachers; k++)
        for (size_t i = 0; i < it.points; i++)
            if (!isfinite(weight[k].coarse.values[i])) return LYC_OK;
    it.price = PRICE + NOISE * noise_of(&it) * log((double)it.points);
    cut(&it);
    take_back(&it);
    return keep(run, &it, err);
}
