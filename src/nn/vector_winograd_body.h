/* Convolutions of 3 x 3 by F(4 x 4, 3 x 3) of Lavin and Gray 2015 (arXiv 1509.09308): 36 products for 16
 * output pixels instead of 144. Included by every level's file. */

/* Sums that stay in registers: tiles by vectors of outputs. */
enum { WINOGRAD_TILES = LANES == 16 ? 12 : 6, WINOGRAD_REST = 4 };
#define EACH_TILE(t, count) _Pragma("GCC unroll 24") for (size_t t = 0; t < (count); t++)
#define EACH_OF_6(i)        _Pragma("GCC unroll 6") for (size_t i = 0; i < 6; i++)
#define EACH_OF_4(i)        _Pragma("GCC unroll 4") for (size_t i = 0; i < 4; i++)

/* Tiles of the shard one after the other, image by image; `count` of them are in work at a time. */
typedef struct winograd_form {
    size_t channels, outputs;
    size_t down, across;     /* tiles of an image */
    size_t values, products; /* floats from one of the 36 elements to the next */
    size_t block;            /* of outputs, side by side in products */
    size_t first, count;
} winograd_form;

/* ---- images to elements: B' d B ------------------------------------------------------------------ */

INLINE void winograd_spread(const vector *d, vector *out) {
    const vector even = multiply_add(all(-4), d[2], d[4]), odd = multiply_add(all(-4), d[1], d[3]),
                 near = subtract(d[4], d[2]), far = subtract(d[3], d[1]);
    out[0] = multiply_add(all(4), d[0], multiply_add(all(-5), d[2], d[4]));
    out[1] = add2(even, odd);
    out[2] = subtract(even, odd);
    out[3] = multiply_add(all(2), far, near);
    out[4] = multiply_add(all(-2), far, near);
    out[5] = multiply_add(all(4), d[1], multiply_add(all(-5), d[3], d[5]));
}

/* The pixels of a tile, [6][6]; what lies outside the image is at `zeros`. */
INLINE void winograd_pixels(const lyc__window *w, const winograd_form *s, size_t tile, const float *images,
                            const float *zeros, const float *pixels[36]) {
    const size_t image = tile / (s->down * s->across), place = tile % (s->down * s->across);
    const size_t top = place / s->across * 4, left = place % s->across * 4; /* with the border counted */
    const float *from = images + image * w->height * w->width * s->channels;
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++) {
            const size_t y = top + i - w->padding[0], x = left + j - w->padding[1]; /* outside: huge */
            pixels[i * 6 + j] =
                y < w->height && x < w->width ? from + (y * w->width + x) * s->channels : zeros;
        }
}

INLINE void winograd_values(const float *const pixels[36], size_t step, size_t c, float *values) {
    vector rows[36];
    EACH_OF_6(i) {
        vector d[6];
        EACH_OF_6(j) d[j] = load(pixels[i * 6 + j] + c);
        winograd_spread(d, rows + i * 6);
    }
    EACH_OF_6(j) {
        vector d[6], out[6];
        EACH_OF_6(i) d[i] = rows[i * 6 + j];
        winograd_spread(d, out);
        EACH_OF_6(i) store(values + (i * 6 + j) * step, out[i]);
    }
}

/* ---- products ------------------------------------------------------------------------------------ */

/* `tiles` tiles by `vectors` vectors of outputs, of one element. */
INLINE void winograd_multiply(const winograd_form *s, size_t tiles, size_t vectors, const float *values,
                              const float *weights, float *products) {
    vector sum[WINOGRAD_TILES * 2];
    EACH_TILE(t, tiles * vectors) sum[t] = all(0);
    for (size_t c = 0; c < s->channels; c++, weights += vectors * LANES) {
        const vector low = load(weights), high = vectors > 1 ? load(weights + LANES) : low;
        EACH_TILE(t, tiles) {
            const vector value = all(values[t * s->channels + c]);
            sum[t * vectors] = multiply_add(value, low, sum[t * vectors]);
            if (vectors > 1) sum[t * vectors + 1] = multiply_add(value, high, sum[t * vectors + 1]);
        }
    }
    EACH_TILE(t, tiles) {
        store(products + t * s->block, sum[t * vectors]);
        if (vectors > 1) store(products + t * s->block + LANES, sum[t * vectors + 1]);
    }
}

/* One element of all tiles. There is room for a multiple of WINOGRAD_REST. */
INLINE void winograd_element(const winograd_form *s, size_t vectors, const float *values,
                             const float *weights, float *products) {
    const size_t most = vectors > 1 ? WINOGRAD_TILES : 2 * WINOGRAD_TILES;
    size_t t = 0;
    for (; t + most <= s->count; t += most)
        winograd_multiply(s, most, vectors, values + t * s->channels, weights, products + t * s->block);
    for (; t < s->count; t += WINOGRAD_REST)
        winograd_multiply(s, WINOGRAD_REST, vectors, values + t * s->channels, weights,
                          products + t * s->block);
}

/* ---- elements to output pixels: A' m A ----------------------------------------------------------- */

INLINE void winograd_gather(const vector *m, vector *out) {
    const vector sum1 = add2(m[1], m[2]), difference1 = subtract(m[1], m[2]), sum2 = add2(m[3], m[4]),
                 difference2 = subtract(m[3], m[4]);
    out[0] = add2(m[0], add2(sum1, sum2));
    out[1] = multiply_add(all(2), difference2, difference1);
    out[2] = multiply_add(all(4), sum2, sum1);
    out[3] = add2(m[5], multiply_add(all(8), difference2, difference1));
}

/* A vector of outputs of a tile, from output o on. */
INLINE void winograd_pixels_out(const lyc__window *w, const winograd_form *s, const lyc__winograd *layer,
                                size_t tile, size_t o, const float *products, float *out) {
    const size_t image = tile / (s->down * s->across), place = tile % (s->down * s->across);
    const size_t top = place / s->across * 4, left = place % s->across * 4;
    const size_t corner = ((image * w->out_height + top) * w->out_width + left) * s->outputs + o;
    const vector bias = load(layer->bias + o);
    vector rows[24];
    EACH_OF_6(i) {
        vector m[6];
        EACH_OF_6(j) m[j] = load(products + (i * 6 + j) * s->products);
        winograd_gather(m, rows + i * 4);
    }
    EACH_OF_4(j) {
        vector m[6], sum[4];
        if (left + j >= w->out_width) break;
        EACH_OF_6(i) m[i] = rows[i * 4 + j];
        winograd_gather(m, sum);
        EACH_OF_4(i) {
            const size_t at = corner + (i * w->out_width + j) * s->outputs;
            if (top + i >= w->out_height) break;
            sum[i] = add2(sum[i], bias);
            if (layer->residual != NULL) sum[i] = add2(sum[i], load(layer->residual + at));
            store(out + at, layer->relu ? rectified(sum[i]) : sum[i]);
        }
    }
}

static TARGET void winograd(const lyc__window *w, const lyc__winograd *layer, size_t rows,
                            const float *images, float *scratch, float *out) {
    const size_t channels = w->channels, outputs = layer->outputs;
    winograd_form s = {channels,
                       outputs,
                       (w->out_height + 3) / 4,
                       (w->out_width + 3) / 4,
                       0,
                       0,
                       outputs < 2 * LANES ? outputs : 2 * LANES,
                       0,
                       0};
    const size_t tiles = rows * s.down * s.across, most = lyc__winograd_tiles(channels);
    /* One more line each, lest all 36 lie in the same set of the first-level cache. */
    s.values = most * channels + LYC__WINOGRAD_GAP;
    s.products = most * s.block + LYC__WINOGRAD_GAP;
    float *zeros = scratch, *values = zeros + channels, *products = values + 36 * s.values;
    memset(zeros, 0, channels * sizeof *zeros);
    for (s.first = 0; s.first < tiles; s.first += s.count) {
        const float *weights = layer->weights;
        s.count = tiles - s.first < most ? tiles - s.first : most;
        for (size_t t = 0; t < s.count; t++) {
            const float *pixels[36];
            winograd_pixels(w, &s, s.first + t, images, zeros, pixels);
            for (size_t c = 0; c < channels; c += LANES)
                winograd_values(pixels, s.values, c, values + t * channels + c);
        }
        for (size_t o = 0; o < outputs; o += 2 * LANES) {
            const size_t vectors = outputs - o > LANES ? 2 : 1;
            for (size_t e = 0; e < 36; e++, weights += channels * vectors * LANES)
                if (vectors > 1)
                    winograd_element(&s, 2, values + e * s.values, weights, products + e * s.products);
                else winograd_element(&s, 1, values + e * s.values, weights, products + e * s.products);
            for (size_t t = 0; t < s.count; t++)
                for (size_t v = 0; v < vectors; v++)
                    winograd_pixels_out(w, &s, layer, s.first + t, o + v * LANES,
                                        products + t * s.block + v * LANES, out);
        }
    }
}
