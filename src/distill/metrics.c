/* Accuracy, calibration and agreement of classifiers; formulas and sources in docs/metrics.md. */
#include "lyceum/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/argmax.h"
#include "lyceum/memory.h"

/* ---- one row ------------------------------------------------------------------------------------- */

typedef struct softmax_row {
    int argmax;
    double confidence; /* its probability; 1 / sum rather than exp of a log, so that equal logits of 3 classes
                          are 1/3 and fall on the edge of their bin */
    double log_sum; /* log p_c = logits[c] - log_sum; NAN for NaN or +INFINITY, and when no class is known */
} softmax_row;

static softmax_row softmax_of(const float *logits, int classes) {
    softmax_row row = {.argmax = lyc__argmax(logits, classes)};
    double highest = (double)logits[row.argmax], sum = 0.0;
    for (int c = 0; c < classes; c++) sum += exp((double)logits[c] - highest);
    row.confidence = 1.0 / sum;
    row.log_sum = highest + log(sum);
    return row;
}

/* Bin i is (i / LYC_ECE_BINS, (i + 1) / LYC_ECE_BINS]. */
static int calibration_bin(double confidence) {
    int bin = 0;
    while (bin < LYC_ECE_BINS - 1 && confidence > (double)(bin + 1) / LYC_ECE_BINS) bin++;
    return bin;
}

/* ---- sums over rows ------------------------------------------------------------------------------ */

typedef struct sums {
    uint64_t rows, right;
    double nll, brier;
    struct {
        double confidence;
        uint64_t right;
    } bins[LYC_ECE_BINS];
    uint64_t *labelled, *predicted, *both; /* [classes] rows with that label, prediction, both */
} sums;

static void add_row(sums *s, const float *logits, int32_t label, int classes, const softmax_row *row) {
    for (int c = 0; c < classes; c++) {
        double gap = exp((double)logits[c] - row->log_sum) - (c == label ? 1.0 : 0.0);
        s->brier += gap * gap;
    }
    bool right = row->argmax == label;
    int bin = calibration_bin(row->confidence);
    s->bins[bin].confidence += row->confidence;
    s->bins[bin].right += right;
    s->nll += row->log_sum - (double)logits[label];
    s->rows++;
    s->right += right;
    s->labelled[label]++;
    s->predicted[row->argmax]++;
    s->both[label] += right;
}

static lyc_status add_rows(sums *s, const float *logits, const int32_t *labels, size_t rows, int classes,
                           lyc_error *err) {
    for (size_t i = 0; i < rows; i++) {
        const float *of_row = logits + i * (size_t)classes;
        if (labels[i] < 0) continue;
        if (labels[i] >= classes)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "row %zu has label %d, but the logits are of %d classes; labels are 0 to %d", i,
                     labels[i], classes, classes - 1);
        softmax_row row = softmax_of(of_row, classes);
        if (!isfinite(row.log_sum))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "row %zu: its logits hold NaN or an infinity, or know no class; nothing can be "
                     "measured with them: find out where they come from",
                     i);
        add_row(s, of_row, labels[i], classes, &row);
    }
    return LYC_OK;
}

/* ---- figures ------------------------------------------------------------------------------------- */

/* Naeini, Cooper, Hauskrecht 2015; Guo et al. 2017 (arXiv 1706.04599). The bin's size cancels. */
static double calibration_error(const sums *s) {
    double sum = 0.0;
    for (int i = 0; i < LYC_ECE_BINS; i++) sum += fabs((double)s->bins[i].right - s->bins[i].confidence);
    return sum / (double)s->rows;
}

static double f1_macro(const sums *s, int classes) {
    double sum = 0.0;
    int occurring = 0;
    for (int c = 0; c < classes; c++) {
        uint64_t either = s->labelled[c] + s->predicted[c];
        if (either == 0) continue;
        sum += 2.0 * (double)s->both[c] / (double)either;
        occurring++;
    }
    return sum / occurring;
}

/* Gorodkin 2004, R_K: the correlation of label and prediction over classes. */
static double matthews(const sums *s, int classes) {
    double rows = (double)s->rows, product = 0.0, labelled = 0.0, predicted = 0.0;
    for (int c = 0; c < classes; c++) {
        double l = (double)s->labelled[c], p = (double)s->predicted[c];
        product += l * p;
        labelled += l * l;
        predicted += p * p;
    }
    double spread = (rows * rows - labelled) * (rows * rows - predicted);
    return spread > 0.0 ? ((double)s->right * rows - product) / sqrt(spread) : 0.0;
}

lyc_status lyc_metrics_compute(lyc_metrics *out, const float *logits, const int32_t *labels, size_t rows,
                               int classes, lyc_error *err) {
    sums s = {0};
    LYC_TRY(LYC_NEW_ARRAY(s.labelled, 3 * (size_t)classes, err));
    s.predicted = s.labelled + classes;
    s.both = s.predicted + classes;
    lyc_status status = add_rows(&s, logits, labels, rows, classes, err);
    if (status == LYC_OK && s.rows == 0) *out = (lyc_metrics){0, NAN, NAN, NAN, NAN, NAN, NAN};
    else if (status == LYC_OK)
        *out = (lyc_metrics){.rows = s.rows,
                             .accuracy = (double)s.right / (double)s.rows,
                             .nll = s.nll / (double)s.rows,
                             .brier = s.brier / (double)s.rows,
                             .ece = calibration_error(&s),
                             .f1_macro = f1_macro(&s, classes),
                             .matthews = matthews(&s, classes)};
    lyc_free(s.labelled);
    return status;
}

/* ---- against teachers ---------------------------------------------------------------------------- */

static double divergence(const float *teacher, const float *student, int classes) {
    double teacher_sum = softmax_of(teacher, classes).log_sum;
    double student_sum = softmax_of(student, classes).log_sum, sum = 0.0;
    for (int c = 0; c < classes; c++) {
        double log_p = (double)teacher[c] - teacher_sum, log_q = (double)student[c] - student_sum;
        if (log_p != -INFINITY) sum += exp(log_p) * (log_p - log_q); /* 0 log 0 = 0 */
    }
    return sum;
}

void lyc_agreement_compute(lyc_agreement *out, const float *teacher_logits, const float *student_logits,
                           size_t rows, int classes) {
    uint64_t equal = 0;
    double kl = 0.0;
    for (size_t i = 0; i < rows; i++) {
        const float *teacher = teacher_logits + i * (size_t)classes,
                    *student = student_logits + i * (size_t)classes;
        equal += lyc__argmax(teacher, classes) == lyc__argmax(student, classes);
        kl += divergence(teacher, student, classes);
    }
    *out = (lyc_agreement){NAN, NAN};
    if (rows > 0) *out = (lyc_agreement){(double)equal / (double)rows, kl / (double)rows};
}

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b) {
    double high = a > b ? a : b, low = a > b ? b : a;
    return low == -INFINITY ? high : high + log1p(exp(low - high));
}

void lyc_mixture_log_probabilities(const float *const *logits, int teachers, size_t rows, int classes,
                                   float *out) {
    double log_teachers = log((double)teachers);
    for (size_t i = 0; i < rows; i++) {
        float *mixture = out + i * (size_t)classes;
        for (int c = 0; c < classes; c++) mixture[c] = -INFINITY;
        for (int k = 0; k < teachers; k++) {
            const float *row = logits[k] + i * (size_t)classes;
            double log_sum = softmax_of(row, classes).log_sum + log_teachers;
            for (int c = 0; c < classes; c++)
                mixture[c] = (float)log_add((double)mixture[c], (double)row[c] - log_sum);
        }
    }
}
