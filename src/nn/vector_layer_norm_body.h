/* Normalisation of rows, each over its own columns. Included by every level's file, behind
 * vector_norm_body.h. */

/* The sum of the lanes and of what did not fill a vector, in one order. */
INLINE float sum_of(vector lanes, float rest) {
    float x[LANES];
    store(x, lanes);
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) x[i] += x[i + half];
    return x[0] + rest;
}

INLINE float mean_of(const float *x, size_t columns) {
    vector sum = all(0);
    float rest = 0;
    size_t c = 0;
    for (; c + LANES <= columns; c += LANES) sum = add2(sum, load(x + c));
    for (; c < columns; c++) rest += x[c];
    return sum_of(sum, rest) / (float)columns;
}

INLINE float variance_of(const float *x, float mean, size_t columns) {
    vector sum = all(0);
    float rest = 0;
    size_t c = 0;
    for (; c + LANES <= columns; c += LANES) {
        const vector d = subtract(load(x + c), all(mean));
        sum = add2(sum, times(d, d));
    }
    for (; c < columns; c++) rest += (x[c] - mean) * (x[c] - mean);
    return sum_of(sum, rest) / (float)columns;
}

INLINE vector normal(const float *x, float mean, float inverse, size_t count) {
    return times(subtract(load_part(x, count), all(mean)), all(inverse));
}

INLINE void layer_norm_part(const float *x, const lyc__row_norm *n, size_t row, size_t c, size_t count,
                            float *out) {
    const vector y = normal(x + c, n->means[row], n->inverses[row], count);
    store_part(out + c, count,
               add2(times(y, load_part(n->weight + c, count)), load_part(n->bias + c, count)));
}

static TARGET void layer_norm(const float *x, const lyc__row_norm *n, size_t rows, size_t columns,
                              float *out) {
    for (size_t r = 0; r < rows; r++, x += columns, out += columns) {
        n->means[r] = mean_of(x, columns);
        n->inverses[r] = 1 / sqrtf(variance_of(x, n->means[r], columns) + n->epsilon);
        size_t c = 0;
        for (; c + LANES <= columns; c += LANES) layer_norm_part(x, n, r, c, LANES, out);
        if (c < columns) layer_norm_part(x, n, r, c, columns - c, out);
    }
}

/* ---- backward --------------------------------------------------------------------------------- */

INLINE void layer_products_block(norm_block b, const float *x, const float *dy, const lyc__row_norm *n,
                                 double *sums, double *products) {
    const size_t first = (b.at - b.column) / b.columns;
    vector sum = all(0), product = all(0);
    for (size_t r = 0, at = b.at; r < b.rows; r++, at += b.columns) {
        const vector d = load_part(dy + at, b.count);
        sum = add2(sum, d);
        product =
            add2(product, times(d, normal(x + at, n->means[first + r], n->inverses[first + r], b.count)));
    }
    spill(sum, b.count, sums + b.column);
    spill(product, b.count, products + b.column);
}

static TARGET void layer_norm_products(const float *x, const float *dy, const lyc__row_norm *n, size_t rows,
                                       size_t columns, double *sums, double *products) {
    FOR_EACH_BLOCK(rows, columns, layer_products_block(b, x, dy, n, sums, products));
}

/* With g = dy weight and y the normal row: dx = inverse (g - mean of g - y mean of g y). */
INLINE void layer_norm_back_row(const float *x, const float *dy, const lyc__row_norm *n, size_t row,
                                size_t columns, float *dx) {
    const float mean = n->means[row], inverse = n->inverses[row];
    vector sum = all(0), product = all(0);
    size_t c = 0;
    for (; c < columns; c += LANES) {
        const size_t count = columns - c < LANES ? columns - c : LANES;
        const vector g = times(load_part(dy + c, count), load_part(n->weight + c, count));
        sum = add2(sum, g);
        product = add2(product, times(g, normal(x + c, mean, inverse, count)));
    }
    const vector mean_g = all(sum_of(sum, 0) / (float)columns),
                 slope = all(sum_of(product, 0) / (float)columns);
    for (c = 0; c < columns; c += LANES) {
        const size_t count = columns - c < LANES ? columns - c : LANES;
        const vector g = times(load_part(dy + c, count), load_part(n->weight + c, count));
        const vector y = normal(x + c, mean, inverse, count);
        store_part(dx + c, count, times(subtract(subtract(g, mean_g), times(y, slope)), all(inverse)));
    }
}

static TARGET void layer_norm_backward(const float *x, const float *dy, const lyc__row_norm *n, size_t rows,
                                       size_t columns, float *dx) {
    for (size_t r = 0; r < rows; r++)
        layer_norm_back_row(x + r * columns, dy + r * columns, n, r, columns, dx + r * columns);
}
