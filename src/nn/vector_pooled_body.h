/* A convolution of images with one channel, ReLU and the maximum of tiles of two by two in one: what stands
 * between never is in memory. Lanes run over columns of tiles; the image is cut into its even and its odd
 * columns, so that the four pixels of a tile are lanes of four vectors. Included by every level's file. */

/* Outputs whose four sums stay in registers; lines of the kernel whose gradients do. */
enum { POOLED_OUTPUTS = LANES == 16 ? 6 : 2, POOLED_LINES = LANES == 16 ? 5 : 1, POOLED_KERNEL = 5 };
#define EACH_POOLED(i, count) _Pragma("GCC unroll 25") for (size_t i = 0; i < (count); i++)

/* Where things lie: distances in floats. */
typedef struct pooled_form {
    size_t outputs, half, line; /* a line of the cut image: `half` for even columns, as many for odd ones */
    size_t height, width, wide; /* of tiles; `wide` is a multiple of the lanes */
} pooled_form;

static pooled_form pooled_form_of(const lyc__window *w, size_t outputs) {
    const size_t width = w->out_width / 2, wide = (width + LANES - 1) / LANES * LANES;
    const size_t half = wide + w->kernel[1] / 2 + 1;
    return (pooled_form){outputs, half, 2 * half, w->out_height / 2, width, wide};
}

/* The line inside its border; what the border begins with decides which columns are the even ones. */
INLINE void cut_line(const float *pixels, size_t count, size_t border, size_t half, float *out) {
    float *first = out + border / 2 + (border % 2 != 0 ? half : 0),
          *second = out + (border + 1) / 2 + (border % 2 != 0 ? 0 : half);
    for (size_t x = 0; x < count; x += 2 * LANES) {
        const size_t left = count - x, low = left < LANES ? left : LANES,
                     high = left - low < LANES ? left - low : LANES, pairs = (low + high) / 2;
        const vector a = load_part(pixels + x, low), b = load_part(pixels + x + low, high);
        store_part(first + x / 2, (low + high) - pairs, evens(a, b));
        store_part(second + x / 2, pairs, odds(a, b));
    }
}

INLINE void cut_image(const lyc__window *w, const pooled_form *s, const float *image, float *out) {
    memset(out, 0, (w->height + 2 * w->padding[0]) * s->line * sizeof *out);
    for (size_t y = 0; y < w->height; y++)
        cut_line(image + y * w->width, w->width, w->padding[1], s->half, out + (y + w->padding[0]) * s->line);
}

/* Column 2 q + m of a line that stands at q. */
INLINE vector cut_column(const pooled_form *s, const float *line, size_t m) {
    return load(line + m / 2 + (m % 2 != 0 ? s->half : 0));
}

/* What a line of the image adds to the upper pixels of the tiles, under one line of the kernel, and to the
 * lower ones, under the line before. */
INLINE void pooled_line(const pooled_form *s, size_t kernel, size_t outputs, bool upper, bool lower,
                        const float *weights, const float *line, vector *sum) {
    vector left = cut_column(s, line, 0);
    EACH_POOLED(j, kernel) {
        const vector right = cut_column(s, line, j + 1);
        const float *above_it = weights + j * s->outputs, *below_it = above_it - kernel * s->outputs;
        EACH_POOLED(o, outputs) {
            if (upper) {
                const vector weight = all(above_it[o]);
                sum[o * 4] = multiply_add(left, weight, sum[o * 4]);
                sum[o * 4 + 1] = multiply_add(right, weight, sum[o * 4 + 1]);
            }
            if (lower) {
                const vector weight = all(below_it[o]);
                sum[o * 4 + 2] = multiply_add(left, weight, sum[o * 4 + 2]);
                sum[o * 4 + 3] = multiply_add(right, weight, sum[o * 4 + 3]);
            }
        }
        left = right;
    }
}

/* LANES tiles of line p from q on, `outputs` outputs from o on. */
INLINE void pooled_tiles(const pooled_form *s, size_t kernel, size_t outputs, const lyc__pooled *layer,
                         size_t p, size_t q, size_t o, const float *image, float *out, uint8_t *which) {
    vector sum[POOLED_OUTPUTS * 4];
    float largest[POOLED_OUTPUTS * LANES];
    const float *line = image + 2 * p * s->line + q, *weights = layer->weights + o;
    EACH_POOLED(c, outputs) {
        const vector bias = all(layer->bias != NULL ? layer->bias[o + c] : 0);
        sum[c * 4] = sum[c * 4 + 1] = sum[c * 4 + 2] = sum[c * 4 + 3] = bias;
    }
    pooled_line(s, kernel, outputs, true, false, weights, line, sum);
    for (size_t i = 1; i < kernel; i++)
        pooled_line(s, kernel, outputs, true, true, weights + i * kernel * s->outputs, line + i * s->line,
                    sum);
    pooled_line(s, kernel, outputs, false, true, weights + kernel * kernel * s->outputs,
                line + kernel * s->line, sum);
    EACH_POOLED(c, outputs) {
        vector best = sum[c * 4], place = all(0);
        EACH_POOLED(t, 4) {
            if (t == 0) continue;
            const mask higher = above(sum[c * 4 + t], best);
            best = choose(higher, sum[c * 4 + t], best);
            place = choose(higher, all((float)t), place);
        }
        store(largest + c * LANES, rectified(best));
        store_bytes(which + (p * s->outputs + o + c) * s->wide + q, LANES,
                    choose(above(best, all(0)), place, all(LYC__NO_PLACE)));
    }
    float *to = out + (p * s->width + q) * s->outputs + o;
    for (size_t x = 0; x < LANES && q + x < s->width; x++)
        EACH_POOLED(c, outputs) to[x * s->outputs + c] = largest[c * LANES + x];
}

INLINE void pooled_image(const pooled_form *s, size_t kernel, const lyc__pooled *layer, const float *image,
                         float *out, uint8_t *which) {
    for (size_t p = 0; p < s->height; p++)
        for (size_t q = 0; q < s->width; q += LANES) {
            size_t o = 0;
            for (; o + POOLED_OUTPUTS <= s->outputs; o += POOLED_OUTPUTS)
                pooled_tiles(s, kernel, POOLED_OUTPUTS, layer, p, q, o, image, out, which);
            for (; o < s->outputs; o++) pooled_tiles(s, kernel, 1, layer, p, q, o, image, out, which);
        }
}

static TARGET void convolve_pooled(const lyc__window *w, const lyc__pooled *layer, const float *image,
                                   float *scratch, float *out, uint8_t *which) {
    const pooled_form s = pooled_form_of(w, layer->outputs);
    cut_image(w, &s, image, scratch);
    if (w->kernel[0] == 3) pooled_image(&s, 3, layer, scratch, out, which);
    else pooled_image(&s, POOLED_KERNEL, layer, scratch, out, which);
}

/* ---- the gradient of weights and bias ------------------------------------------------------------- */

/* The gradient of the tiles' values as planes [line][output][tile], with zeros behind the last tile. */
INLINE void turn_gradient(const pooled_form *s, const float *d_out, float *out) {
    memset(out, 0, s->height * s->outputs * s->wide * sizeof *out);
    for (size_t p = 0; p < s->height; p++, d_out += s->width * s->outputs)
        for (size_t o = 0; o < s->outputs; o++, out += s->wide)
            for (size_t q = 0; q < s->width; q++) out[q] = d_out[q * s->outputs + o];
}

/* What LANES tiles give to lines first .. first + lines - 1 of the kernel. Every pixel of the image meets the
 * four pixels of a tile under four taps. */
INLINE void pooled_taps(const pooled_form *s, size_t kernel, size_t first, size_t lines, const float *image,
                        const vector share[4], vector *sum) {
    EACH_POOLED(r, lines + 1)
    EACH_POOLED(m, kernel + 1) {
        const vector pixels = cut_column(s, image + (first + r) * s->line, m);
        if (r < lines && m < kernel)
            sum[r * kernel + m] = multiply_add(pixels, share[0], sum[r * kernel + m]);
        if (r < lines && m > 0)
            sum[r * kernel + m - 1] = multiply_add(pixels, share[1], sum[r * kernel + m - 1]);
        if (r > 0 && m < kernel)
            sum[(r - 1) * kernel + m] = multiply_add(pixels, share[2], sum[(r - 1) * kernel + m]);
        if (r > 0 && m > 0)
            sum[(r - 1) * kernel + m - 1] = multiply_add(pixels, share[3], sum[(r - 1) * kernel + m - 1]);
    }
}

/* Of one output; `d` and `which` are its planes' first lines. */
INLINE void pooled_weights(const pooled_form *s, size_t kernel, size_t first, size_t lines,
                           const float *image, const float *d, const uint8_t *which, float *gradient) {
    vector sum[POOLED_LINES * POOLED_KERNEL];
    EACH_POOLED(t, lines * kernel) sum[t] = all(0);
    for (size_t p = 0; p < s->height; p++)
        for (size_t q = 0; q < s->wide; q += LANES) {
            const size_t at = p * s->outputs * s->wide + q;
            const vector given = load(d + at), place = load_all_bytes(which + at);
            vector share[4];
            EACH_POOLED(t, 4) share[t] = choose(equal(place, all((float)t)), given, all(0));
            pooled_taps(s, kernel, first, lines, image + 2 * p * s->line + q, share, sum);
        }
    EACH_POOLED(t, lines * kernel) {
        float *to = gradient + (first * kernel + t) * LANES;
        store(to, add2(load(to), sum[t]));
    }
}

INLINE void pooled_bias(const pooled_form *s, const float *d, const uint8_t *which, float *gradient) {
    vector sum = all(0);
    for (size_t p = 0; p < s->height; p++)
        for (size_t q = 0; q < s->wide; q += LANES) {
            const size_t at = p * s->outputs * s->wide + q;
            const mask none = equal(load_all_bytes(which + at), all(LYC__NO_PLACE));
            sum = add2(sum, choose(none, all(0), load(d + at)));
        }
    store(gradient, add2(load(gradient), sum));
}

INLINE void pooled_gradients(const pooled_form *s, size_t kernel, const float *image, const float *d,
                             const uint8_t *which, float *gradient) {
    const size_t lines = POOLED_LINES < kernel ? POOLED_LINES : kernel;
    for (size_t o = 0; o < s->outputs; o++, d += s->wide, which += s->wide) {
        for (size_t i = 0; i < kernel; i += lines)
            pooled_weights(s, kernel, i, lines, image, d, which, gradient);
        pooled_bias(s, d, which, gradient + kernel * kernel * LANES);
        gradient += (kernel * kernel + 1) * LANES;
    }
}

static TARGET void pooled_gradient(const lyc__window *w, size_t outputs, const float *image,
                                   const float *d_out, const uint8_t *which, float *scratch,
                                   float *gradient) {
    const pooled_form s = pooled_form_of(w, outputs);
    float *planes = scratch + (w->height + 2 * w->padding[0]) * s.line;
    cut_image(w, &s, image, scratch);
    turn_gradient(&s, d_out, planes);
    if (w->kernel[0] == 3) pooled_gradients(&s, 3, scratch, planes, which, gradient);
    else pooled_gradients(&s, POOLED_KERNEL, scratch, planes, which, gradient);
}
