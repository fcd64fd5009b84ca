/* Normalisation over columns: sums in blocks of rows that single precision holds exactly enough, blocks in
 * double precision. What belongs to a column stays in registers for a block of rows, and a block in the
 * first-level cache. Included by every level's file. */

enum { NORM_BLOCK = 32 };

/* Words of bits that a row has: one for each vector. */
#define NORM_WORDS(columns) (((columns) + LANES - 1) / LANES)

/* Some rows of up to LANES columns of a matrix. */
typedef struct norm_block {
    size_t rows, columns; /* of the block; of the matrix */
    size_t column, count; /* the first, and how many */
    size_t at, word;      /* its first element, and where the bits of that lie */
} norm_block;

INLINE norm_block block_at(size_t rows, size_t columns, size_t row, size_t column, size_t count) {
    return (norm_block){.rows = rows - row < NORM_BLOCK ? rows - row : NORM_BLOCK,
                        .columns = columns,
                        .column = column,
                        .count = count,
                        .at = row * columns + column,
                        .word = row * NORM_WORDS(columns) + column / LANES};
}

/* Does `action` for every block `b` of a matrix [rows, columns]. */
#define FOR_EACH_BLOCK(rows, columns, action)                                                                \
    for (size_t row_ = 0; row_ < (rows); row_ += NORM_BLOCK) {                                               \
        size_t column_ = 0;                                                                                  \
        for (; column_ + LANES <= (columns); column_ += LANES) {                                             \
            const norm_block b = block_at(rows, columns, row_, column_, LANES);                              \
            action;                                                                                          \
        }                                                                                                    \
        if (column_ < (columns)) {                                                                           \
            const norm_block b = block_at(rows, columns, row_, column_, (columns)-column_);                  \
            action;                                                                                          \
        }                                                                                                    \
    }

/* Whole batches stand between one use of these arrays and the next, and the hardware looks ahead within a
 * page only: asking for what comes 1 KiB later makes a forward pass of ResNet-20 6 % faster. */
INLINE void fetch_ahead(const float *p) {
    __builtin_prefetch(p + 256);
}

INLINE void spill(vector x, size_t count, double *sums) {
    float lanes[LANES];
    store(lanes, x);
    for (size_t i = 0; i < count; i++) sums[i] += (double)lanes[i];
}

/* ---- forward ---------------------------------------------------------------------------------- */

INLINE void moments_block(norm_block b, const float *x, const float *pivot, double *sums, double *squares) {
    const vector center = load_part(pivot + b.column, b.count);
    vector sum = all(0), square = all(0);
    for (size_t r = 0; r < b.rows; r++) {
        const vector d = subtract(load_part(x + b.at + r * b.columns, b.count), center);
        sum = add2(sum, d);
        square = add2(square, times(d, d));
    }
    spill(sum, b.count, sums + b.column);
    spill(square, b.count, squares + b.column);
}

static TARGET void column_moments(const float *x, const float *pivot, size_t rows, size_t columns,
                                  double *sums, double *squares) {
    FOR_EACH_BLOCK(rows, columns, moments_block(b, x, pivot, sums, squares));
}

INLINE void normalize_block(norm_block b, const float *x, const lyc__norm *n, bool adds, bool keeps,
                            float *out) {
    const vector mean = load_part(n->mean + b.column, b.count),
                 scale = load_part(n->scale + b.column, b.count),
                 shift = load_part(n->shift + b.column, b.count);
    for (size_t r = 0, at = b.at; r < b.rows; r++, at += b.columns) {
        fetch_ahead(x + at);
        if (adds) {
            fetch_ahead(n->residual + at);
            fetch_ahead(out + at);
        }
        vector y = add2(times(subtract(load_part(x + at, b.count), mean), scale), shift);
        if (adds) y = add2(y, load_part(n->residual + at, b.count));
        if (keeps) n->positive[b.word + r * NORM_WORDS(b.columns)] = bits_of(above(y, all(0)));
        store_part(out + at, b.count, n->relu ? rectified(y) : y);
    }
}

static TARGET void normalize(const float *x, const lyc__norm *n, size_t rows, size_t columns, float *out) {
    if (n->residual != NULL && n->positive != NULL)
        FOR_EACH_BLOCK(rows, columns, normalize_block(b, x, n, true, true, out))
    else if (n->residual != NULL) FOR_EACH_BLOCK(rows, columns, normalize_block(b, x, n, true, false, out))
    else if (n->positive != NULL) FOR_EACH_BLOCK(rows, columns, normalize_block(b, x, n, false, true, out))
    else FOR_EACH_BLOCK(rows, columns, normalize_block(b, x, n, false, false, out))
}

/* ---- backward --------------------------------------------------------------------------------- */

/* The gradient behind the ReLU, where there was one. */
INLINE vector load_masked(norm_block b, const float *dy, const uint16_t *positive, size_t row) {
    const vector d = load_part(dy + b.at + row * b.columns, b.count);
    return positive != NULL ? choose(mask_of(positive[b.word + row * NORM_WORDS(b.columns)]), d, all(0)) : d;
}

INLINE void products_block(norm_block b, const float *x, const float *dy, const lyc__norm_products *n,
                           const uint16_t *positive, bool keeps, double *sums, double *products) {
    const vector center = load_part(n->mean + b.column, b.count);
    vector sum = all(0), product = all(0);
    for (size_t r = 0, at = b.at; r < b.rows; r++, at += b.columns) {
        fetch_ahead(x + at);
        fetch_ahead(dy + at);
        const vector d = load_masked(b, dy, positive, r);
        if (keeps) store_part(n->masked + at, b.count, d);
        sum = add2(sum, d);
        product = add2(product, times(d, subtract(load_part(x + at, b.count), center)));
    }
    spill(sum, b.count, sums + b.column);
    spill(product, b.count, products + b.column);
}

static TARGET void column_products(const float *x, const float *dy, const lyc__norm_products *n, size_t rows,
                                   size_t columns, double *sums, double *products) {
    if (n->positive == NULL)
        FOR_EACH_BLOCK(rows, columns, products_block(b, x, dy, n, NULL, false, sums, products))
    else if (n->masked == NULL)
        FOR_EACH_BLOCK(rows, columns, products_block(b, x, dy, n, n->positive, false, sums, products))
    else FOR_EACH_BLOCK(rows, columns, products_block(b, x, dy, n, n->positive, true, sums, products))
}

INLINE void normalize_back_block(norm_block b, const float *x, const float *dy, const lyc__norm_backward *n,
                                 const uint16_t *positive, float *dx) {
    const vector mean = load_part(n->mean + b.column, b.count),
                 scale = load_part(n->scale + b.column, b.count),
                 shift = load_part(n->shift + b.column, b.count),
                 slope = load_part(n->slope + b.column, b.count);
    for (size_t r = 0, at = b.at; r < b.rows; r++, at += b.columns) {
        fetch_ahead(x + at);
        fetch_ahead(dy + at);
        const vector d = subtract(load_part(x + at, b.count), mean);
        const vector direct = add2(times(load_masked(b, dy, positive, r), scale), shift);
        store_part(dx + at, b.count, add2(direct, times(d, slope)));
    }
}

static TARGET void normalize_backward(const float *x, const float *dy, const lyc__norm_backward *n,
                                      size_t rows, size_t columns, float *dx) {
    if (n->positive == NULL) FOR_EACH_BLOCK(rows, columns, normalize_back_block(b, x, dy, n, NULL, dx))
    else FOR_EACH_BLOCK(rows, columns, normalize_back_block(b, x, dy, n, n->positive, dx))
}
