/* What each teacher adds to the others: their mixture on the reward split, whole and without each, by class
 * and by confidence. The weights are the run's own, means over its last quarter; at temperature 1, in the
 * space of loss.fusion. */
#include <math.h>
#include <string.h>

#include "base/argmax.h"
#include "distill/job.h"
#include "lyceum/memory.h"

#define ROWS_AT_ONCE 1024

/* Sums over rows; `groups` is the number of classes or of bins. */
typedef struct counts {
    uint64_t *rows;
    double *right, *loss;
} counts;

typedef struct mixture {
    float weight[LYC_MAX_TEACHERS];
    double rows, right, loss;
    counts by_class, by_bin;
} mixture;

typedef struct measuring {
    lyc__job *job;
    mixture *mixtures; /* whole, then without teacher 0, 1, ... */
    size_t count;
    float *logits, *target; /* [teachers, ROWS_AT_ONCE, classes], [ROWS_AT_ONCE, classes] */
    const float *teachers[LYC_MAX_TEACHERS];
    int32_t *unlabelled;
    uint8_t *has_target, *bin; /* [ROWS_AT_ONCE] */
} measuring;

/* ---- memory ------------------------------------------------------------------------------------------ */

static lyc_status allocate_counts(counts *out, size_t groups, lyc_error *err) {
    LYC_TRY(LYC_NEW_ARRAY(out->rows, groups, err));
    LYC_TRY(LYC_NEW_ARRAY(out->right, groups, err));
    return LYC_NEW_ARRAY(out->loss, groups, err);
}

static void free_counts(counts *of) {
    lyc_free(of->rows);
    lyc_free(of->right);
    lyc_free(of->loss);
}

static lyc_status allocate(measuring *m, lyc_error *err) {
    size_t matrix = ROWS_AT_ONCE * (size_t)m->job->classes, teachers = (size_t)m->job->teachers;
    size_t count = teachers > 1 ? teachers + 1 : 1;
    LYC_TRY(LYC_NEW_ARRAY(m->mixtures, count, err));
    m->count = count;
    for (size_t i = 0; i < count; i++) {
        LYC_TRY(allocate_counts(&m->mixtures[i].by_class, (size_t)m->job->classes, err));
        LYC_TRY(allocate_counts(&m->mixtures[i].by_bin, LYC_RUN_BINS, err));
    }
    LYC_TRY(LYC_NEW_ARRAY(m->logits, teachers * matrix, err));
    LYC_TRY(LYC_NEW_ARRAY(m->target, matrix, err));
    LYC_TRY(LYC_NEW_ARRAY(m->unlabelled, ROWS_AT_ONCE, err));
    LYC_TRY(LYC_NEW_ARRAY(m->has_target, ROWS_AT_ONCE, err));
    LYC_TRY(LYC_NEW_ARRAY(m->bin, ROWS_AT_ONCE, err));
    for (size_t k = 0; k < teachers; k++) m->teachers[k] = m->logits + k * matrix;
    for (size_t i = 0; i < ROWS_AT_ONCE; i++)
        m->unlabelled[i] = LYC_UNLABELLED; /* a target must not see its label */
    return LYC_OK;
}

static void release(measuring *m) {
    for (size_t i = 0; i < m->count; i++) {
        free_counts(&m->mixtures[i].by_class);
        free_counts(&m->mixtures[i].by_bin);
    }
    lyc_free(m->mixtures);
    lyc_free(m->logits);
    lyc_free(m->target);
    lyc_free(m->unlabelled);
    lyc_free(m->has_target);
    lyc_free(m->bin);
}

/* ---- weights ----------------------------------------------------------------------------------------- */

/* The others share in proportion; alike where nobody else had any weight. */
static void choose_weights(const lyc__job *job, int without, float *weight) {
    double sum = 0.0;
    int others = 0;
    for (int k = 0; k < job->teachers; k++) {
        sum += k == without ? 0.0 : job->late_weight[k];
        others += k != without;
    }
    for (int k = 0; k < job->teachers; k++) {
        double share = sum > 0.0 ? job->late_weight[k] / sum : 1.0 / others;
        weight[k] = k == without ? 0.0F : (float)share;
    }
}

/* ---- counting ---------------------------------------------------------------------------------------- */

static uint8_t bin_of(float confidence) {
    static const double edges[LYC_RUN_BINS - 1] = LYC_RUN_BIN_EDGES;
    uint8_t bin = 0;
    while (bin < LYC_RUN_BINS - 1 && (double)confidence > edges[bin]) bin++;
    return bin;
}

static void add(counts *to, size_t group, bool right, double loss) {
    to->rows[group]++;
    to->right[group] += right;
    to->loss[group] += loss;
}

static void count_rows(measuring *m, mixture *into, const uint32_t *rows, uint32_t count) {
    size_t classes = (size_t)m->job->classes;
    for (uint32_t i = 0; i < count; i++) {
        const float *p = m->target + i * classes;
        size_t answer = (size_t)lyc__argmax(p, (int)classes), label = (size_t)m->job->splits->labels[rows[i]];
        double loss = fmin(-log((double)p[label]), LYC__CROSS_ENTROPY_CAP);
        if (into == m->mixtures) m->bin[i] = bin_of(p[answer]);
        into->rows += 1.0;
        into->right += answer == label;
        into->loss += loss;
        add(&into->by_class, label, answer == label, loss);
        add(&into->by_bin, m->bin[i], answer == label, loss);
    }
}

static lyc_status measure_rows(measuring *m, const uint32_t *rows, uint32_t count, lyc_error *err) {
    lyc__job *job = m->job;
    for (int k = 0; k < job->teachers; k++)
        LYC_TRY(lyc_ensemble_logits(job->ensemble, k, rows, count,
                                    m->logits + (size_t)k * ROWS_AT_ONCE * (size_t)job->classes, err));
    for (size_t i = 0; i < m->count; i++) {
        lyc_fuse(m->teachers, job->teachers, count, job->classes, m->mixtures[i].weight, false, 1.0,
                 job->config->loss.fusion, m->unlabelled, m->target, m->has_target);
        count_rows(m, &m->mixtures[i], rows, count);
    }
    return LYC_OK;
}

/* ---- recording --------------------------------------------------------------------------------------- */

static void to_means(counts *of, size_t groups) {
    for (size_t g = 0; g < groups; g++) {
        double rows = of->rows[g] > 0 ? (double)of->rows[g] : (double)NAN;
        of->right[g] /= rows;
        of->loss[g] /= rows;
    }
}

static lyc_status record(measuring *m, size_t index, lyc_error *err) {
    mixture *made = &m->mixtures[index];
    to_means(&made->by_class, (size_t)m->job->classes);
    to_means(&made->by_bin, LYC_RUN_BINS);
    lyc_mixture_row row = {
        .without = (int32_t)index - 1,
        .weight = made->weight,
        .accuracy = made->right / made->rows,
        .nll = made->loss / made->rows,
        .class_rows = made->by_class.rows,
        .class_accuracy = made->by_class.right,
        .class_nll = made->by_class.loss,
        .bin_rows = made->by_bin.rows,
        .bin_accuracy = made->by_bin.right,
        .bin_nll = made->by_bin.loss,
    };
    return lyc_run_append_mixture(m->job->runfile, &row, err);
}

lyc_status lyc__record_mixtures(lyc__job *job, lyc_error *err) {
    measuring m = {.job = job};
    lyc_status status;
    if (job->teachers == 0) return LYC_OK;
    const uint32_t *rows = job->splits->rows[LYC_SPLIT_REWARD];
    uint32_t total = job->splits->count[LYC_SPLIT_REWARD];
    LYC_TRY_GOTO(allocate(&m, err));
    for (size_t i = 0; i < m.count; i++) choose_weights(job, (int)i - 1, m.mixtures[i].weight);
    for (uint32_t first = 0; first < total; first += ROWS_AT_ONCE)
        LYC_TRY_GOTO(
            measure_rows(&m, rows + first, total - first < ROWS_AT_ONCE ? total - first : ROWS_AT_ONCE, err));
    for (size_t i = 0; i < m.count; i++) LYC_TRY_GOTO(record(&m, i, err));
done:
    release(&m);
    return status;
}
