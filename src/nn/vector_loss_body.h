/* Softmax and the losses on logits. Included by every level's file.
 *
 * Rows of few classes are the common case, and too short for a vector: LANES of them are transposed, so
 * that a lane is a row. Longer rows go one by one, a lane being a class. Either way the bits of a row do
 * not depend on the rows beside it. */

enum { SHORT_ROW = 64 };

/* block[class][lane]; lanes past `rows` become 0 */
INLINE void gather_rows(const float *x, size_t rows, size_t classes, float *block) {
    for (size_t c = 0; c < classes; c++) {
        if (rows == LANES)
            for (size_t l = 0; l < LANES; l++) block[c * LANES + l] = x[l * classes + c];
        else
            for (size_t l = 0; l < LANES; l++) block[c * LANES + l] = l < rows ? x[l * classes + c] : 0;
    }
}

/* x := block, or x += block */
INLINE void scatter_rows(const float *block, size_t rows, size_t classes, bool add, float *x) {
    for (size_t l = 0; l < rows; l++)
        for (size_t c = 0; c < classes; c++)
            x[l * classes + c] = block[c * LANES + l] + (add ? x[l * classes + c] : 0);
}

/* block := log softmax(block / temperature) */
INLINE void block_log_softmax(float *block, size_t classes, float temperature) {
    vector most = load(block);
    for (size_t c = 1; c < classes; c++) most = larger(load(block + c * LANES), most);
    vector sum = all(0);
    for (size_t c = 0; c < classes; c++) {
        vector z = over(subtract(load(block + c * LANES), most), all(temperature));
        store(block + c * LANES, z);
        sum = add2(sum, vector_exp(z));
    }
    const vector log_sum = vector_log(sum);
    for (size_t c = 0; c < classes; c++) store(block + c * LANES, subtract(load(block + c * LANES), log_sum));
}

/* block := softmax(block / temperature) */
INLINE void block_softmax(float *block, size_t classes, float temperature) {
    vector most = load(block);
    for (size_t c = 1; c < classes; c++) most = larger(load(block + c * LANES), most);
    vector sum = all(0);
    for (size_t c = 0; c < classes; c++) {
        vector e = vector_exp(over(subtract(load(block + c * LANES), most), all(temperature)));
        store(block + c * LANES, e);
        sum = add2(sum, e);
    }
    for (size_t c = 0; c < classes; c++) store(block + c * LANES, over(load(block + c * LANES), sum));
}

/* The maximum of a row and the logarithm of its sum of exp((x - maximum) / temperature). */
typedef struct row_summary {
    float most, log_sum;
} row_summary;

static TARGET row_summary summarise(const float *x, size_t classes, float temperature) {
    float most = x[0];
    for (size_t c = 1; c < classes; c++) most = x[c] > most ? x[c] : most;
    float lanes[LANES];
    vector sums = all(0);
    size_t c = 0;
    for (; c + LANES <= classes; c += LANES)
        sums = add2(sums, vector_exp(over(subtract(load(x + c), all(most)), all(temperature))));
    store(lanes, sums);
    float sum = 0;
    for (size_t l = 0; l < LANES; l++) sum += lanes[l];
    store(lanes, vector_exp(over(subtract(load_part(x + c, classes - c), all(most)), all(temperature))));
    for (size_t l = 0; l < classes - c; l++) sum += lanes[l];
    store(lanes, vector_log(all(sum)));
    return (row_summary){most, lanes[0]};
}

INLINE vector row_log_softmax(vector x, row_summary row, float temperature) {
    return subtract(over(subtract(x, all(row.most)), all(temperature)), all(row.log_sum));
}

/* ---- softmax ---------------------------------------------------------------------------------- */

static TARGET void softmax_long(const float *x, float temperature, size_t classes, bool log, float *out) {
    const row_summary row = summarise(x, classes, temperature);
    for (size_t c = 0; c < classes; c += LANES) {
        const size_t count = classes - c < LANES ? classes - c : LANES;
        vector z = row_log_softmax(load_part(x + c, count), row, temperature);
        store_part(out + c, count, log ? z : vector_exp(z));
    }
}

static TARGET void softmax(const float *logits, float temperature, size_t rows, size_t classes, bool log,
                           float *out) {
    if (classes > SHORT_ROW) {
        for (size_t r = 0; r < rows; r++)
            softmax_long(logits + r * classes, temperature, classes, log, out + r * classes);
        return;
    }
    float block[SHORT_ROW * LANES];
    for (size_t r = 0; r < rows; r += LANES) {
        const size_t count = rows - r < LANES ? rows - r : LANES;
        gather_rows(logits + r * classes, count, classes, block);
        if (log) block_log_softmax(block, classes, temperature);
        else block_softmax(block, classes, temperature);
        scatter_rows(block, count, classes, false, out + r * classes);
    }
}

/* ---- cross-entropy ---------------------------------------------------------------------------- */

/* From log-probabilities, class after class `stride` floats apart, to the loss; 0 without a label. */
INLINE float label_loss(const float *log_probability, size_t stride, int32_t label) {
    return label >= 0 ? -log_probability[(size_t)label * stride] : 0;
}

static TARGET void cross_entropy_short(const float *logits, const int32_t *labels, float weight, size_t rows,
                                       size_t classes, float *loss, float *gradient) {
    float block[SHORT_ROW * LANES];
    gather_rows(logits, rows, classes, block);
    block_log_softmax(block, classes, 1);
    for (size_t l = 0; loss != NULL && l < rows; l++) loss[l] = label_loss(block + l, LANES, labels[l]);
    if (gradient == NULL) return;
    float weights[LANES] = {0};
    for (size_t l = 0; l < rows; l++) weights[l] = labels[l] >= 0 ? weight : 0;
    for (size_t c = 0; c < classes; c++)
        store(block + c * LANES, times(load(weights), vector_exp(load(block + c * LANES))));
    for (size_t l = 0; l < rows; l++)
        if (labels[l] >= 0) block[(size_t)labels[l] * LANES + l] -= weight;
    scatter_rows(block, rows, classes, true, gradient);
}

static TARGET void cross_entropy_long(const float *x, int32_t label, float weight, size_t classes,
                                      float *loss, float *gradient) {
    if (loss != NULL) *loss = 0;
    if (label < 0) return;
    const row_summary row = summarise(x, classes, 1);
    if (loss != NULL) *loss = row.log_sum - (x[label] - row.most);
    if (gradient == NULL) return;
    for (size_t c = 0; c < classes; c += LANES) {
        const size_t count = classes - c < LANES ? classes - c : LANES;
        vector q = vector_exp(row_log_softmax(load_part(x + c, count), row, 1));
        store_part(gradient + c, count, add2(load_part(gradient + c, count), times(all(weight), q)));
    }
    gradient[label] -= weight;
}

static TARGET void cross_entropy(const float *logits, const int32_t *labels, float weight, size_t rows,
                                 size_t classes, float *loss, float *gradient) {
    const size_t together = classes > SHORT_ROW ? 1 : LANES;
    for (size_t r = 0; r < rows; r += together) {
        const float *x = logits + r * classes;
        float *l = loss != NULL ? loss + r : NULL, *g = gradient != NULL ? gradient + r * classes : NULL;
        if (together == 1) cross_entropy_long(x, labels[r], weight, classes, l, g);
        else cross_entropy_short(x, labels + r, weight, rows - r < LANES ? rows - r : LANES, classes, l, g);
    }
}

/* ---- Kullback-Leibler divergence -------------------------------------------------------------- */

/* p (log p - log q), 0 where p is 0 */
INLINE vector divergence(vector p, vector log_q) {
    return choose(above(p, all(0)), times(p, subtract(vector_log(p), log_q)), all(0));
}

static TARGET void kl_short(const float *logits, const float *targets, float temperature, float weight,
                            size_t rows, size_t classes, float *loss, float *gradient) {
    float block[SHORT_ROW * LANES], target[SHORT_ROW * LANES];
    gather_rows(logits, rows, classes, block);
    gather_rows(targets, rows, classes, target);
    block_log_softmax(block, classes, temperature);
    if (loss != NULL) {
        vector sum = all(0);
        for (size_t c = 0; c < classes; c++)
            sum = add2(sum, divergence(load(target + c * LANES), load(block + c * LANES)));
        store_part(loss, rows, times(all(temperature * temperature), sum));
    }
    if (gradient == NULL) return;
    const vector scale = all(weight * temperature);
    for (size_t c = 0; c < classes; c++) {
        vector q = vector_exp(load(block + c * LANES));
        store(block + c * LANES, times(scale, subtract(q, load(target + c * LANES))));
    }
    scatter_rows(block, rows, classes, true, gradient);
}

static TARGET void kl_long(const float *x, const float *target, float temperature, float weight,
                           size_t classes, float *loss, float *gradient) {
    const row_summary row = summarise(x, classes, temperature);
    const vector scale = all(weight * temperature);
    vector sums = all(0);
    for (size_t c = 0; c < classes; c += LANES) {
        const size_t count = classes - c < LANES ? classes - c : LANES;
        const vector p = load_part(target + c, count);
        const vector log_q = row_log_softmax(load_part(x + c, count), row, temperature);
        sums = add2(sums, divergence(p, log_q)); /* p is 0 past the end */
        if (gradient == NULL) continue;
        vector change = times(scale, subtract(vector_exp(log_q), p));
        store_part(gradient + c, count, add2(load_part(gradient + c, count), change));
    }
    float lanes[LANES], sum = 0;
    store(lanes, sums);
    for (size_t l = 0; l < LANES; l++) sum += lanes[l];
    if (loss != NULL) *loss = temperature * temperature * sum;
}

static TARGET void kl(const float *logits, const float *targets, float temperature, float weight, size_t rows,
                      size_t classes, float *loss, float *gradient) {
    const size_t together = classes > SHORT_ROW ? 1 : LANES;
    for (size_t r = 0; r < rows; r += together) {
        const float *x = logits + r * classes, *p = targets + r * classes;
        float *l = loss != NULL ? loss + r : NULL, *g = gradient != NULL ? gradient + r * classes : NULL;
        if (together == 1) kl_long(x, p, temperature, weight, classes, l, g);
        else kl_short(x, p, temperature, weight, rows - r < LANES ? rows - r : LANES, classes, l, g);
    }
}
