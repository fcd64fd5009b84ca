/* Teachers' answers beside the student's, row by row. Included by every level's file.
 *
 * A lane is a row, whatever the number of classes: they come in pieces that are transposed, twice where there
 * is more than one piece. The bits of a row depend neither on the rows beside it nor on the other teachers.
 */

enum { PIECE_CLASSES = SHORT_ROW };

/* Some rows of one network's logits. */
typedef struct answer {
    const float *logits; /* [rows, classes] */
    size_t rows, classes;
    float block[PIECE_CLASSES * LANES]; /* [class][lane]: the classes from `first` on */
    size_t first;
    vector most, best; /* the largest logit and, as a float, its class: the first of equals */
} answer;

static TARGET void gather_piece(answer *a, size_t first) {
    const size_t rest = a->classes - first, count = rest < PIECE_CLASSES ? rest : PIECE_CLASSES;
    const float *x = a->logits + first;
    for (size_t c = 0; c < count; c++) {
        if (a->rows == LANES)
            for (size_t l = 0; l < LANES; l++) a->block[c * LANES + l] = x[l * a->classes + c];
        else
            for (size_t l = 0; l < LANES; l++)
                a->block[c * LANES + l] = l < a->rows ? x[l * a->classes + c] : 0;
    }
    a->first = first;
}

/* The logits of one class. */
INLINE vector class_of(answer *a, size_t c) {
    const size_t first = c - c % PIECE_CLASSES;
    if (a->first != first) gather_piece(a, first);
    return load(a->block + (c - first) * LANES);
}

static TARGET void open_answer(answer *a, const float *logits, size_t rows, size_t classes) {
    a->logits = logits;
    a->rows = rows;
    a->classes = classes;
    gather_piece(a, 0);
    a->most = load(a->block);
    a->best = all(0);
    for (size_t c = 1; c < classes; c++) {
        const vector x = class_of(a, c);
        const mask more = above(x, a->most);
        a->best = choose(more, all((float)c), a->best);
        a->most = choose(more, x, a->most);
    }
}

/* Each row's logit of its label; what it is without a label is of no account. */
INLINE vector label_logits(const answer *a, const int32_t *labels) {
    float lanes[LANES] = {0};
    for (size_t l = 0; l < a->rows; l++)
        if (labels[l] >= 0) lanes[l] = a->logits[l * a->classes + (size_t)labels[l]];
    return load(lanes);
}

/* What the rows' labels are, as floats. */
typedef struct label_lanes {
    const int32_t *labels;
    vector classes;
    mask known;
} label_lanes;

INLINE label_lanes label_lanes_of(const int32_t *labels, size_t rows) {
    float lanes[LANES];
    for (size_t l = 0; l < LANES; l++) lanes[l] = l < rows ? (float)labels[l] : -1;
    return (label_lanes){labels, load(lanes), above(load(lanes), all(-0.5F))};
}

/* Cross-entropy at T = 1 given the logarithm of the sum of exp(z - most). */
INLINE vector surprise_of(const answer *a, vector log_sum, const label_lanes *labels, float limit) {
    const vector loss = subtract(log_sum, subtract(label_logits(a, labels->labels), a->most));
    return choose(labels->known, choose(above(loss, all(limit)), all(limit), loss), all(0));
}

/* Logits that are -INFINITY stay finite below the largest, so that they can be multiplied by a probability of
 * 0. NaN stays NaN. */
INLINE vector below_most(answer *a, size_t c) {
    return larger(all(-1e30F), subtract(class_of(a, c), a->most));
}

/* Leaves the logarithm of the sum of exp((s - most) / temperature). */
static TARGET vector describe_student(answer *s, const lyc__answers *given, const label_lanes *labels,
                                      float *out) {
    vector sum = all(0), soft_sum = all(0);
    for (size_t c = 0; c < s->classes; c++) {
        const vector below = below_most(s, c);
        sum = add2(sum, vector_exp(below));
        soft_sum = add2(soft_sum, vector_exp(over(below, all(given->temperature))));
    }
    store_part(out, s->rows, surprise_of(s, vector_log(sum), labels, given->limit));
    return vector_log(soft_sum);
}

/* out[LYC__ANSWER_FIGURES], `stride` apart. */
static TARGET void describe_teacher(answer *t, answer *s, vector student_log_sum, const lyc__answers *given,
                                    const label_lanes *labels, size_t stride, float *out) {
    const vector temperature = all(given->temperature);
    vector sum = all(0), dot = all(0), soft_sum = all(0), cross = all(0), second = all(0);
    for (size_t c = 0; c < t->classes; c++) {
        const vector below = below_most(t, c),
                     difference = subtract(below, subtract(class_of(s, c), s->most));
        const vector e = vector_exp(below), soft = vector_exp(over(below, temperature));
        sum = add2(sum, e);
        dot = add2(dot, times(e, below));
        soft_sum = add2(soft_sum, soft);
        cross = add2(cross, times(soft, difference));
        second = larger(choose(equal(t->best, all((float)c)), all(0), e), second);
    }
    const vector log_sum = vector_log(sum);
    const vector kl =
        add2(over(over(cross, soft_sum), temperature), subtract(student_log_sum, vector_log(soft_sum)));
    const vector figures[LYC__ANSWER_FIGURES] = {
        [LYC__ANSWER_CE] = surprise_of(t, log_sum, labels, given->limit),
        [LYC__ANSWER_KL] = times(times(temperature, temperature), kl),
        [LYC__ANSWER_ENTROPY] = subtract(log_sum, over(dot, sum)),
        [LYC__ANSWER_MARGIN] = over(subtract(all(1), second), sum),
        [LYC__ANSWER_LABEL] = choose(equal(t->best, labels->classes), all(1), all(0)),
        [LYC__ANSWER_STUDENT] = choose(equal(t->best, s->best), all(1), all(0)),
    };
    for (size_t f = 0; f < LYC__ANSWER_FIGURES; f++) store_part(out + f * stride, t->rows, figures[f]);
}

static TARGET void describe_answers(const lyc__answers *given, size_t first, size_t rows, float *out) {
    const size_t classes = given->classes, stride = given->rows;
    answer student, teacher;
    for (size_t r = first; r < first + rows; r += LANES) {
        const size_t count = first + rows - r < LANES ? first + rows - r : LANES;
        const label_lanes labels = label_lanes_of(given->labels + r, count);
        open_answer(&student, given->student + r * classes, count, classes);
        const vector log_sum = describe_student(&student, given, &labels, out + r);
        for (size_t k = 0; k < given->teachers; k++) {
            open_answer(&teacher, given->logits[k] + r * classes, count, classes);
            describe_teacher(&teacher, &student, log_sum, given, &labels, stride,
                             out + (1 + k * LYC__ANSWER_FIGURES) * stride + r);
        }
    }
}
