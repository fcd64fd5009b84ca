/* Teachers' answers beside the student's, on every level that this CPU runs: against the definitions in
 * double precision. */
#include "harness.h"

#include "nn/vector.h"

enum {
    ROWS = 37,
    CLASSES = 131,
    TEACHERS = 3,
    FIGURES = LYC__ANSWER_FIGURES,
    VALUES = 1 + TEACHERS * FIGURES
};
static const double temperature = 2.5, limit = 10;
static const float canary = -77777.0F;

#define FOR_EACH_LEVEL(v)                                                                                    \
    for (size_t level_ = 0; lyc__vector_level(level_) != NULL; level_++)                                     \
        for (const lyc__vectors *v = lyc__vector_level(level_); v != NULL && v->runs_here(); v = NULL)

typedef struct scene {
    float student[ROWS * CLASSES], logits[TEACHERS][ROWS * CLASSES];
    const float *teachers[TEACHERS];
    int32_t labels[ROWS];
    lyc__answers answers;
} scene;

static void fill(float *out, size_t count, uint32_t number) {
    lyc_random random =
        lyc_random_start((lyc_random_key){.seed = 3, .purpose = LYC_PURPOSE_TEST, .sample = number});
    for (size_t i = 0; i < count; i++) out[i] = (float)(3 * lyc_random_normal(&random));
}

/* The second teacher knows every other class, and not its label in some rows; the third has ties for the
 * first place. */
static void set_scene(scene *s, size_t rows, size_t classes) {
    const size_t count = rows * classes;
    fill(s->student, count, 0);
    for (size_t k = 0; k < TEACHERS; k++) {
        fill(s->logits[k], count, (uint32_t)k + 1);
        s->teachers[k] = s->logits[k];
    }
    for (size_t i = 0; i < count; i++)
        if (i % classes % 2 == 1) s->logits[1][i] = -INFINITY;
    for (size_t r = 0; r < rows; r++) {
        s->labels[r] = r % 7 == 3 ? -1 : (int32_t)(r * 11 % classes);
        if (classes > 2) s->logits[2][r * classes + 1] = s->logits[2][r * classes + classes - 1] = 20;
    }
    s->answers = (lyc__answers){rows,        classes,   TEACHERS,           s->student,
                                s->teachers, s->labels, (float)temperature, (float)limit};
}

/* ---- in double precision ----------------------------------------------------------------------- */

static size_t first_largest(const float *z, size_t classes) {
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (z[c] > z[best]) best = c;
    return best;
}

static void probabilities(const float *z, size_t classes, double t, double *p) {
    const double most = (double)z[first_largest(z, classes)];
    double sum = 0;
    for (size_t c = 0; c < classes; c++) sum += p[c] = exp(((double)z[c] - most) / t);
    for (size_t c = 0; c < classes; c++) p[c] /= sum;
}

static double cross_entropy(const float *z, int32_t label, size_t classes) {
    double p[CLASSES];
    if (label < 0) return 0;
    probabilities(z, classes, 1, p);
    return fmin(limit, -log(p[label]));
}

static void expected_figures(const scene *s, size_t teacher, size_t row, double *out) {
    const size_t classes = s->answers.classes;
    const float *z = s->logits[teacher] + row * classes, *student = s->student + row * classes;
    const size_t best = first_largest(z, classes);
    double p[CLASSES], soft[CLASSES], q[CLASSES], second = 0;
    probabilities(z, classes, 1, p);
    probabilities(z, classes, temperature, soft);
    probabilities(student, classes, temperature, q);
    memset(out, 0, FIGURES * sizeof *out);
    out[LYC__ANSWER_CE] = cross_entropy(z, s->labels[row], classes);
    for (size_t c = 0; c < classes; c++) {
        if (p[c] > 0) out[LYC__ANSWER_ENTROPY] -= p[c] * log(p[c]);
        if (soft[c] > 0)
            out[LYC__ANSWER_KL] += temperature * temperature * soft[c] * (log(soft[c]) - log(q[c]));
        if (c != best) second = fmax(second, p[c]);
    }
    out[LYC__ANSWER_MARGIN] = p[best] - second;
    out[LYC__ANSWER_LABEL] = (int32_t)best == s->labels[row];
    out[LYC__ANSWER_STUDENT] = best == first_largest(student, classes);
}

/* ---- cases --------------------------------------------------------------------------------------- */

static const size_t sizes[][2] = {{1, 1}, {3, 2}, {5, 10}, {16, 10}, {37, 10}, {17, 64}, {4, 65}, {19, 131}};

static void check(const lyc__vectors *v, const scene *s) {
    const size_t rows = s->answers.rows, classes = s->answers.classes;
    float got[VALUES * ROWS + 1];
    got[VALUES * rows] = canary;
    v->describe_answers(&s->answers, 0, rows, got);
    assert_true(got[VALUES * rows] == canary);
    for (size_t r = 0; r < rows; r++) {
        const double ce = cross_entropy(s->student + r * classes, s->labels[r], classes);
        assert_true(fabs((double)got[r] - ce) <= 1e-5);
        for (size_t k = 0; k < TEACHERS; k++) {
            double expected[FIGURES];
            expected_figures(s, k, r, expected);
            for (size_t f = 0; f < FIGURES; f++) {
                const double value = (double)got[(1 + k * FIGURES + f) * rows + r];
                if (!(fabs(value - expected[f]) <= 2e-5 * (1 + fabs(expected[f]))))
                    fail_msg("%s, %zu classes, row %zu, teacher %zu, figure %zu: %g, not %g", v->name,
                             classes, r, k, f, value, expected[f]);
            }
        }
    }
}

static void figures_are_as_defined(void **state) {
    (void)state;
    static scene s;
    FOR_EACH_LEVEL(v) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            set_scene(&s, sizes[i][0], sizes[i][1]);
            check(v, &s);
        }
    }
}

/* Whatever the rows and the teachers beside it, and in whatever pieces the rows are described. */
static void a_row_stands_alone(void **state) {
    (void)state;
    static scene s, one;
    static float together[VALUES * ROWS], pieces[VALUES * ROWS], alone[1 + FIGURES];
    FOR_EACH_LEVEL(v) {
        for (size_t classes = 10; classes <= 70; classes += 60) {
            set_scene(&s, ROWS, classes);
            v->describe_answers(&s.answers, 0, ROWS, together);
            v->describe_answers(&s.answers, 0, 5, pieces);
            v->describe_answers(&s.answers, 5, ROWS - 5, pieces);
            assert_memory_equal(together, pieces, sizeof together);
            for (size_t r = 0; r < ROWS; r++)
                for (size_t k = 0; k < TEACHERS; k++) {
                    one.teachers[0] = s.logits[k] + r * classes;
                    one.answers = s.answers;
                    one.answers.rows = one.answers.teachers = 1;
                    one.answers.student = s.student + r * classes;
                    one.answers.logits = one.teachers;
                    one.answers.labels = s.labels + r;
                    v->describe_answers(&one.answers, 0, 1, alone);
                    assert_memory_equal(&alone[0], &together[r], sizeof alone[0]);
                    for (size_t f = 0; f < FIGURES; f++)
                        assert_memory_equal(&alone[1 + f], &together[(1 + k * FIGURES + f) * ROWS + r],
                                            sizeof alone[0]);
                }
        }
    }
}

/* NaN anywhere, an infinite logit, a row that knows no class: figures that are not numbers, in that row
 * alone. */
static void what_is_not_a_number_shows(void **state) {
    (void)state;
    enum { CLASS_COUNT = 10, AT = 5 };
    static scene s;
    static float got[VALUES * ROWS];
    FOR_EACH_LEVEL(v) {
        for (size_t spoilt = 0; spoilt < CLASS_COUNT + 2; spoilt++) {
            set_scene(&s, ROWS, CLASS_COUNT);
            float *row = s.logits[0] + AT * CLASS_COUNT;
            if (spoilt < CLASS_COUNT) row[spoilt] = NAN;
            else if (spoilt == CLASS_COUNT) row[3] = INFINITY;
            else
                for (size_t c = 0; c < CLASS_COUNT; c++) row[c] = -INFINITY;
            v->describe_answers(&s.answers, 0, ROWS, got);
            for (size_t r = 0; r < ROWS; r++)
                for (size_t k = 0; k < TEACHERS; k++)
                    for (size_t f = LYC__ANSWER_KL; f <= LYC__ANSWER_MARGIN; f++)
                        assert_true(isnan(got[(1 + k * FIGURES + f) * ROWS + r]) == (k == 0 && r == AT));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_as_defined),
        cmocka_unit_test(a_row_stands_alone),
        cmocka_unit_test(what_is_not_a_number_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
