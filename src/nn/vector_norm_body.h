/* Normalisation over columns: sums in blocks of rows that single precision holds exactly enough, blocks in
 * double precision. Included by every level's file. */

enum { NORM_BLOCK = 32 };

INLINE void spill(vector x, size_t count, double *sums) {
    float lanes[LANES];
    store(lanes, x);
    for (size_t i = 0; i < count; i++) sums[i] += (double)lanes[i];
}

/* One block of rows, up to LANES columns. */
INLINE void moments_block(const float *x, const float *pivot, size_t rows, size_t columns, size_t count,
                          double *sums, double *squares) {
    const vector center = load_part(pivot, count);
    vector sum = all(0), square = all(0);
    for (size_t r = 0; r < rows; r++) {
        const vector d = subtract(load_part(x + r * columns, count), center);
        sum = add2(sum, d);
        square = add2(square, times(d, d));
    }
    spill(sum, count, sums);
    spill(square, count, squares);
}

static TARGET void column_moments(const float *x, const float *pivot, size_t rows, size_t columns,
                                  double *sums, double *squares) {
    for (size_t r = 0; r < rows; r += NORM_BLOCK) {
        const size_t height = rows - r < NORM_BLOCK ? rows - r : NORM_BLOCK;
        size_t c = 0;
        for (; c + LANES <= columns; c += LANES)
            moments_block(x + r * columns + c, pivot + c, height, columns, LANES, sums + c, squares + c);
        if (c < columns)
            moments_block(x + r * columns + c, pivot + c, height, columns, columns - c, sums + c,
                          squares + c);
    }
}

INLINE void products_block(const float *x, const float *dy, const float *mean, size_t rows, size_t columns,
                           size_t count, double *sums, double *products) {
    const vector center = load_part(mean, count);
    vector sum = all(0), product = all(0);
    for (size_t r = 0; r < rows; r++) {
        const vector d = load_part(dy + r * columns, count);
        sum = add2(sum, d);
        product = add2(product, times(d, subtract(load_part(x + r * columns, count), center)));
    }
    spill(sum, count, sums);
    spill(product, count, products);
}

static TARGET void column_products(const float *x, const float *dy, const float *mean, size_t rows,
                                   size_t columns, double *sums, double *products) {
    for (size_t r = 0; r < rows; r += NORM_BLOCK) {
        const size_t height = rows - r < NORM_BLOCK ? rows - r : NORM_BLOCK;
        size_t c = 0;
        for (; c < columns; c += LANES) {
            const size_t count = columns - c < LANES ? columns - c : LANES, at = r * columns + c;
            if (count == LANES)
                products_block(x + at, dy + at, mean + c, height, columns, LANES, sums + c, products + c);
            else products_block(x + at, dy + at, mean + c, height, columns, count, sums + c, products + c);
        }
    }
}

INLINE void normalize_part(const float *x, const float *mean, const float *scale, const float *shift,
                           size_t count, bool relu, float *out) {
    const vector d = subtract(load_part(x, count), load_part(mean, count));
    const vector y = add2(times(d, load_part(scale, count)), load_part(shift, count));
    store_part(out, count, relu ? larger(all(0), y) : y);
}

static TARGET void normalize(const float *x, const float *mean, const float *scale, const float *shift,
                             size_t rows, size_t columns, bool relu, float *out) {
    for (size_t r = 0; r < rows; r++, x += columns, out += columns) {
        size_t c = 0;
        for (; c + LANES <= columns; c += LANES)
            normalize_part(x + c, mean + c, scale + c, shift + c, LANES, relu, out + c);
        if (c < columns) normalize_part(x + c, mean + c, scale + c, shift + c, columns - c, relu, out + c);
    }
}

INLINE void normalize_back_part(const float *x, const float *dy, const lyc__norm_backward *n, size_t c,
                                size_t count, float *dx) {
    const vector d = subtract(load_part(x + c, count), load_part(n->mean + c, count));
    const vector direct =
        add2(times(load_part(dy + c, count), load_part(n->scale + c, count)), load_part(n->shift + c, count));
    store_part(dx + c, count, add2(direct, times(d, load_part(n->slope + c, count))));
}

static TARGET void normalize_backward(const float *x, const float *dy, const lyc__norm_backward *n,
                                      size_t rows, size_t columns, float *dx) {
    for (size_t r = 0; r < rows; r++, x += columns, dy += columns, dx += columns) {
        size_t c = 0;
        for (; c + LANES <= columns; c += LANES) normalize_back_part(x, dy, n, c, LANES, dx);
        if (c < columns) normalize_back_part(x, dy, n, c, columns - c, dx);
    }
}
