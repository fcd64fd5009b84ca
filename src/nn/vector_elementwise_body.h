/* Element by element: mathematics, activations, sums, biases. Included by every level's file. */

/* The ReLU of all kernels. With this order of the arguments a NaN stays a NaN, and reaches whoever checks. */
INLINE vector rectified(vector x) {
    return larger(all(0), x);
}

/* The last, incomplete vector of an array is handled by the masked load and store of the level. */
#define MAP_UNARY(name, expression)                                                                          \
    static TARGET void name(const float *x, size_t count, float *out) {                                      \
        size_t i = 0;                                                                                        \
        for (; i + LANES <= count; i += LANES) {                                                             \
            vector v = load(x + i);                                                                          \
            store(out + i, (expression));                                                                    \
        }                                                                                                    \
        if (i < count) {                                                                                     \
            vector v = load_part(x + i, count - i);                                                          \
            store_part(out + i, count - i, (expression));                                                    \
        }                                                                                                    \
    }

#define MAP_BINARY(name, expression)                                                                         \
    static TARGET void name(const float *a, const float *b, size_t count, float *out) {                      \
        size_t i = 0;                                                                                        \
        for (; i + LANES <= count; i += LANES) {                                                             \
            vector v = load(a + i), w = load(b + i);                                                         \
            store(out + i, (expression));                                                                    \
        }                                                                                                    \
        if (i < count) {                                                                                     \
            vector v = load_part(a + i, count - i), w = load_part(b + i, count - i);                         \
            store_part(out + i, count - i, (expression));                                                    \
        }                                                                                                    \
    }

MAP_UNARY(map_exp, vector_exp(v))
MAP_UNARY(map_log, vector_log(v))
MAP_UNARY(map_tanh, vector_tanh(v))
MAP_UNARY(map_erf, vector_erf(v))
MAP_UNARY(map_relu, rectified(v))
MAP_BINARY(map_add, add2(v, w))
MAP_BINARY(map_add_relu, rectified(add2(v, w)))
MAP_BINARY(map_relu_backward, choose(above(v, all(0)), w, all(0)))

INLINE vector scaled(vector x, float scale, float offset) {
    return add2(times(x, all(scale)), all(offset));
}

static TARGET void scale_floats(const float *x, size_t count, float scale, float offset, float *out) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, scaled(load(x + i), scale, offset));
    if (i < count) store_part(out + i, count - i, scaled(load_part(x + i, count - i), scale, offset));
}

static TARGET void scale_bytes(const uint8_t *x, size_t count, float scale, float offset, float *out) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store(out + i, scaled(load_all_bytes(x + i), scale, offset));
    if (i < count) store_part(out + i, count - i, scaled(load_bytes(x + i, count - i), scale, offset));
}

/* x - x is 0 for numbers and NaN for the rest, which sums keep. Four sums, so that none waits for itself. */
static TARGET bool all_finite(const float *x, size_t count) {
    vector sums[4] = {all(0), all(0), all(0), all(0)};
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES)
        for (size_t j = 0; j < 4; j++) {
            vector v = load(x + i + j * LANES);
            sums[j] = add2(sums[j], subtract(v, v));
        }
    for (; i < count; i += LANES) {
        vector v = load_part(x + i, count - i < LANES ? count - i : LANES);
        sums[0] = add2(sums[0], subtract(v, v));
    }
    float lanes[LANES], sum = 0;
    store(lanes, add2(add2(sums[0], sums[1]), add2(sums[2], sums[3])));
    for (size_t l = 0; l < LANES; l++) sum += lanes[l];
    return sum == 0;
}

INLINE vector biased(vector x, vector bias, bool relu) {
    vector y = add2(x, bias);
    return relu ? rectified(y) : y;
}

/* Rows narrower than a vector: LANES rows are `columns` whole vectors, over which the bias repeats. */
static TARGET void add_narrow_bias(float *x, const float *bias, size_t rows, size_t columns, bool relu) {
    float pattern[LANES * LANES];
    for (size_t i = 0; i < columns * LANES; i++) pattern[i] = bias[i % columns];
    size_t r = 0;
    for (; r + LANES <= rows; r += LANES, x += LANES * columns)
        for (size_t i = 0; i < LANES * columns; i += LANES)
            store(x + i, biased(load(x + i), load(pattern + i), relu));
    for (; r < rows; r++, x += columns)
        store_part(x, columns, biased(load_part(x, columns), load(pattern), relu));
}

static TARGET void add_bias(float *x, const float *bias, size_t rows, size_t columns, bool relu) {
    if (columns < LANES && rows >= 4 * LANES) {
        add_narrow_bias(x, bias, rows, columns, relu);
        return;
    }
    const size_t whole = columns / LANES * LANES, rest = columns - whole;
    for (size_t r = 0; r < rows; r++, x += columns) {
        for (size_t c = 0; c < whole; c += LANES) store(x + c, biased(load(x + c), load(bias + c), relu));
        if (rest > 0)
            store_part(x + whole, rest,
                       biased(load_part(x + whole, rest), load_part(bias + whole, rest), relu));
    }
}

static TARGET void narrow_column_sums(const float *x, size_t rows, size_t columns, float *out) {
    float flat[LANES * LANES] = {0};
    size_t r = 0;
    for (; r + LANES <= rows; r += LANES, x += LANES * columns)
        for (size_t i = 0; i < LANES * columns; i += LANES)
            store(flat + i, add2(load(flat + i), load(x + i)));
    vector sum = all(0);
    for (size_t i = 0; i < LANES; i++) sum = add2(sum, load_part(flat + i * columns, columns));
    for (; r < rows; r++, x += columns) sum = add2(sum, load_part(x, columns));
    store_part(out, columns, sum);
}

static TARGET void column_sums(const float *x, size_t rows, size_t columns, float *out) {
    if (columns < LANES) {
        narrow_column_sums(x, rows, columns, out);
        return;
    }
    size_t c = 0;
    for (; c + LANES <= columns; c += LANES) {
        vector sum = all(0);
        for (size_t r = 0; r < rows; r++) sum = add2(sum, load(x + r * columns + c));
        store(out + c, sum);
    }
    if (c < columns) {
        vector sum = all(0);
        for (size_t r = 0; r < rows; r++) sum = add2(sum, load_part(x + r * columns + c, columns - c));
        store_part(out + c, columns - c, sum);
    }
}
