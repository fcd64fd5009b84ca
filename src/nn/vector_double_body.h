/* Small products and tanh in double precision, DOUBLES doubles at a time. Included by every level's file.
 *
 * But for `double_dots` every output is one sum in the order of its terms, whatever the level. */

enum { DOUBLES = LANES / 2, TILE = 4 };

INLINE doubles load_doubles(const double *p) {
    doubles x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE void store_doubles(double *p, doubles x) {
    memcpy(p, &x, sizeof x);
}
INLINE doubles all_doubles(double x) {
    return x - (doubles){0};
}

static TARGET void double_tanh(const double *x, size_t count, double *out) {
    double lanes[DOUBLES] = {0};
    size_t i = 0;
    for (; i + DOUBLES <= count; i += DOUBLES) store_doubles(out + i, doubles_tanh(load_doubles(x + i)));
    if (i == count) return;
    memcpy(lanes, x + i, (count - i) * sizeof *x);
    store_doubles(lanes, doubles_tanh(load_doubles(lanes)));
    memcpy(out + i, lanes, (count - i) * sizeof *x);
}

static TARGET void double_tanh_backward(const double *y, const double *dy, size_t count, double *dx) {
    size_t i = 0;
    for (; i + DOUBLES <= count; i += DOUBLES) {
        const doubles v = load_doubles(y + i);
        store_doubles(dx + i, (all_doubles(1) - v * v) * load_doubles(dy + i));
    }
    for (; i < count; i++) dx[i] = (1 - y[i] * y[i]) * dy[i];
}

/* One tile of `vectors` of an output that is a sum of scaled rows: out += sum over i of x[i x_step] rows[i
 * row_step]. */
INLINE void add_scaled_rows(const double *x, size_t x_step, const double *rows, size_t row_step, size_t count,
                            size_t vectors, double *out) {
    doubles sums[TILE];
    for (size_t j = 0; j < vectors; j++) sums[j] = load_doubles(out + j * DOUBLES);
    for (size_t i = 0; i < count; i++) {
        const doubles scale = all_doubles(x[i * x_step]);
        for (size_t j = 0; j < vectors; j++)
            sums[j] = sums[j] + scale * load_doubles(rows + i * row_step + j * DOUBLES);
    }
    for (size_t j = 0; j < vectors; j++) store_doubles(out + j * DOUBLES, sums[j]);
}

static TARGET void combine_rows(const double *x, size_t x_step, const double *rows, size_t columns,
                                size_t count, double *out) {
    size_t c = 0;
    for (; c + TILE * DOUBLES <= columns; c += TILE * DOUBLES)
        add_scaled_rows(x, x_step, rows + c, columns, count, TILE, out + c);
    for (; c + DOUBLES <= columns; c += DOUBLES)
        add_scaled_rows(x, x_step, rows + c, columns, count, 1, out + c);
    for (; c < columns; c++)
        for (size_t i = 0; i < count; i++) out[c] += x[i * x_step] * rows[i * columns + c];
}

static TARGET void double_products(const double *x, size_t rows, size_t inputs, const double *matrix,
                                   size_t columns, double *out) {
    for (size_t r = 0; r < rows; r++)
        combine_rows(x + r * inputs, 1, matrix, columns, inputs, out + r * columns);
}

static TARGET void double_outer(const double *x, const double *y, size_t rows, size_t inputs, size_t columns,
                                double *matrix) {
    for (size_t i = 0; i < inputs; i++) combine_rows(x + i, inputs, y, columns, rows, matrix + i * columns);
}

static TARGET void double_dots(const double *x, size_t rows, const double *y, size_t columns, double *out) {
    for (size_t r = 0; r < rows; r++, x += columns) {
        doubles sums = {0};
        double lanes[DOUBLES];
        size_t c = 0;
        for (; c + DOUBLES <= columns; c += DOUBLES) sums += load_doubles(x + c) * load_doubles(y + c);
        store_doubles(lanes, sums);
        for (size_t l = 1; l < DOUBLES; l++) lanes[0] += lanes[l];
        for (; c < columns; c++) lanes[0] += x[c] * y[c];
        out[r] = lanes[0];
    }
}
