/* Convolutions whose images have few channels, which would leave most lanes of the usual code empty. Included
 * by every level's file. */

enum { SPREAD_ROWS = 5 };
#define EACH_ROW(i, rows) _Pragma("GCC unroll 5") for (size_t i = 0; i < (rows); i++)

/* Where things lie: distances in floats. */
typedef struct spread_form {
    size_t outputs, run; /* of a pixel; of the image under one line of the kernel */
    size_t weights;      /* of the kernel's lines and outputs: `run` up to LYC__SPREAD_UNIT */
    size_t line, below;  /* from an output pixel to the one below it; from the image under it to that */
} spread_form;

INLINE void add_part(const vector x, size_t count, float *to) {
    store_part(to, count, add2(load_part(to, count), x));
}

/* What a column of output pixels gives to `count` (at most 2 LANES) values under `rows` lines of the kernel.
 * Sums stay in registers until the window has left their line. Behind pooling and ReLU most of d is 0: that
 * is left out. */
INLINE void spread_column(const spread_form *s, size_t rows, size_t height, size_t count,
                          const float *weights, const float *d, float *image) {
    vector low[SPREAD_ROWS], high[SPREAD_ROWS];
    const size_t first = count < LANES ? count : LANES, second = count - first;
    EACH_ROW(i, rows) low[i] = high[i] = all(0);
    for (size_t p = 0; p < height; p++, d += s->line, image += s->below) {
        for (size_t o = 0; o < s->outputs; o += LANES) {
            const size_t left = s->outputs - o;
            uint16_t given = other_than_zero(load_part(d + o, left < LANES ? left : LANES));
            for (; given != 0; given &= (uint16_t)(given - 1)) {
                const size_t output = o + (size_t)__builtin_ctz(given);
                const vector x = all(d[output]);
                const float *from = weights + output * s->weights;
                EACH_ROW(i, rows) {
                    low[i] = multiply_add(x, load(from + i * s->outputs * s->weights), low[i]);
                    high[i] = multiply_add(x, load(from + i * s->outputs * s->weights + LANES), high[i]);
                }
            }
        }
        add_part(low[0], first, image);
        add_part(high[0], second, image + first);
        EACH_ROW(i, rows - 1) {
            low[i] = low[i + 1];
            high[i] = high[i + 1];
        }
        low[rows - 1] = high[rows - 1] = all(0);
    }
    EACH_ROW(i, rows - 1) {
        add_part(low[i], first, image + i * s->below);
        add_part(high[i], second, image + i * s->below + first);
    }
}

/* The same for any kernel and stride, pixel by pixel. */
INLINE void spread_pixels(const lyc__window *w, const spread_form *s, size_t count, const float *weights,
                          const float *d, float *image) {
    const size_t first = count < LANES ? count : LANES, second = count - first,
                 wide = s->below / w->stride[0];
    for (size_t p = 0; p < w->out_height; p++, d += s->line, image += s->below)
        for (size_t i = 0; i < w->kernel[0]; i++) {
            vector low = all(0), high = all(0);
            for (size_t o = 0; o < s->outputs; o++) {
                const float *from = weights + (i * s->outputs + o) * s->weights;
                low = multiply_add(all(d[o]), load(from), low);
                high = multiply_add(all(d[o]), load(from + LANES), high);
            }
            add_part(low, first, image + i * wide);
            add_part(high, second, image + i * wide + first);
        }
}

static TARGET void spread(const lyc__window *w, size_t outputs, const float *weights, const float *d_out,
                          float *scratch, float *image) {
    const bool direct = w->padding[0] == 0 && w->padding[1] == 0;
    const size_t row = w->width * w->channels, wide = row + 2 * w->padding[1] * w->channels,
                 run = w->kernel[1] * w->channels;
    const spread_form s = {outputs, run, lyc__spread_run(w), w->out_width * outputs, w->stride[0] * wide};
    float *to = direct ? image : scratch;
    memset(to, 0, lyc__window_scratch(w) * sizeof *to);
    for (size_t q = 0; q < w->out_width; q++)
        for (size_t c = 0; c < run; c += 2 * LANES) {
            const size_t count = run - c < 2 * LANES ? run - c : 2 * LANES;
            const float *d = d_out + q * outputs;
            float *under = to + q * w->stride[1] * w->channels + c;
            if (w->stride[0] == 1 && w->kernel[0] == 3)
                spread_column(&s, 3, w->out_height, count, weights + c, d, under);
            else if (w->stride[0] == 1 && w->kernel[0] == SPREAD_ROWS)
                spread_column(&s, SPREAD_ROWS, w->out_height, count, weights + c, d, under);
            else spread_pixels(w, &s, count, weights + c, d, under);
        }
    if (direct) return;
    const float *inside = scratch + w->padding[0] * wide + w->padding[1] * w->channels;
    for (size_t y = 0; y < w->height; y++) copy_run(inside + y * wide, row, image + y * row);
}

/* ---- forward ------------------------------------------------------------------------------------- */

/* Lines of output pixels whose sums stay in registers beside a column of the kernel; a smaller block of them
 * for what is left. */
enum { THIN_LINES = LANES == 16 ? 14 : 7, THIN_REST = 7, THIN_ROWS = 5 };
#define EACH(i, count) _Pragma("GCC unroll 18") for (size_t i = 0; i < (count); i++)

/* Where things lie: distances in floats. */
typedef struct thin_form {
    size_t columns;    /* of the kernel */
    size_t step, wide; /* in the spaced image: to the next pixel, the next line */
    size_t period;     /* of the weights of a tap */
    size_t line;       /* from an output pixel to the one below it */
    bool relu;
} thin_form;

/* Each pixel of a line `step` times. What a store writes too much is overwritten by the next. */
INLINE void space_line(const float *pixels, size_t count, size_t step, float *out) {
    size_t x = 0;
    for (; step <= LANES && x * step + LANES <= count * step; x++) store(out + x * step, all(pixels[x]));
    for (; x < count; x++)
        for (size_t o = 0; o < step; o += LANES)
            store_part(out + x * step + o, step - o < LANES ? step - o : LANES, all(pixels[x]));
}

/* The image inside its border, and zeros behind it as far as a vector may read. */
INLINE void space_image(const lyc__window *w, const thin_form *s, const float *image, float *out) {
    memset(out, 0, ((w->height + 2 * w->padding[0]) * s->wide + LANES) * sizeof *out);
    out += w->padding[0] * s->wide + w->padding[1] * s->step;
    for (size_t y = 0; y < w->height; y++, out += s->wide, image += w->width) {
        if (s->step > 1) space_line(image, w->width, s->step, out);
        else copy_run(image, w->width, out);
    }
}

/* LANES values, of which the first `count` count, of `lines` output lines. Each load of the image serves all
 * lines that it is under. */
INLINE void thin_lines(const thin_form *s, size_t rows, bool spaced, size_t lines, const float *weights,
                       const float *bias, const float *image, size_t count, float *out) {
    vector sum[THIN_LINES], tap[THIN_ROWS];
    EACH(l, lines) sum[l] = load(bias);
    for (size_t j = 0; j < s->columns; j++, weights += rows * s->period, image += s->step) {
        EACH(i, rows) tap[i] = load(weights + i * s->period);
        EACH(r, lines + rows - 1) {
            const vector pixels = spaced ? load(image + r * s->wide) : all(image[r * s->wide]);
            EACH(i, rows) if (r >= i && r - i < lines) sum[r - i] = multiply_add(pixels, tap[i], sum[r - i]);
        }
    }
    EACH(l, lines) store_part(out + l * s->line, count, s->relu ? rectified(sum[l]) : sum[l]);
}

/* Output lines p .. p + lines - 1. Where outputs fill vectors, a period is a pixel. */
INLINE void thin_block(const thin_form *s, size_t rows, bool spaced, size_t lines, size_t p,
                       const lyc__thin *thin, const float *image, float *out) {
    size_t phase = 0;
    image += p * s->wide;
    out += p * s->line;
    for (size_t f = 0; f < s->line; f += LANES) {
        thin_lines(s, rows, spaced, lines, thin->weights + phase, thin->bias + phase, image,
                   s->line - f < LANES ? s->line - f : LANES, out + f);
        phase = phase + LANES < s->period ? phase + LANES : 0;
        if (spaced) image += LANES;
        else if (phase == 0) image++;
    }
}

/* The last block goes up again to be a whole one: what it repeats comes out the same. */
INLINE void thin_image(const lyc__window *w, const thin_form *s, size_t rows, bool spaced,
                       const lyc__thin *thin, const float *image, float *out) {
    const size_t height = w->out_height;
    size_t p = 0;
    for (; p + THIN_LINES <= height; p += THIN_LINES)
        thin_block(s, rows, spaced, THIN_LINES, p, thin, image, out);
    for (; p < height && height >= THIN_REST; p += THIN_REST) {
        const size_t first = p + THIN_REST <= height ? p : height - THIN_REST;
        thin_block(s, rows, spaced, THIN_REST, first, thin, image, out);
    }
    for (; p < height; p++) thin_block(s, rows, spaced, 1, p, thin, image, out);
}

static thin_form thin_form_of(const lyc__window *w, size_t outputs) {
    const size_t step = outputs % LANES != 0 ? outputs : 1;
    return (thin_form){.columns = w->kernel[1],
                       .step = step,
                       .wide = (w->width + 2 * w->padding[1]) * step,
                       .period = lyc__thin_period(outputs, LANES),
                       .line = w->out_width * outputs};
}

static TARGET void convolve_thin(const lyc__window *w, size_t outputs, const lyc__thin *thin,
                                 const float *image, float *scratch, float *out) {
    const bool spaced = outputs % LANES != 0;
    thin_form s = thin_form_of(w, outputs);
    s.relu = thin->relu;
    space_image(w, &s, image, scratch);
    if (w->kernel[0] == 3 && spaced) thin_image(w, &s, 3, true, thin, scratch, out);
    else if (w->kernel[0] == 3) thin_image(w, &s, 3, false, thin, scratch, out);
    else if (spaced) thin_image(w, &s, THIN_ROWS, true, thin, scratch, out);
    else thin_image(w, &s, THIN_ROWS, false, thin, scratch, out);
}

/* ---- the gradient of the weights ------------------------------------------------------------------ */

/* What `lines` output lines give to a column of the kernel: LANES values each of its rows. */
INLINE void thin_products(const thin_form *s, size_t rows, bool spaced, size_t lines, size_t count,
                          const float *image, const float *d_out, vector *sum) {
    vector d[THIN_LINES];
    EACH(l, lines) d[l] = load_part(d_out + l * s->line, count);
    EACH(r, lines + rows - 1) {
        const vector pixels = spaced ? load(image + r * s->wide) : all(image[r * s->wide]);
        EACH(i, rows) if (r >= i && r - i < lines) sum[i] = multiply_add(pixels, d[r - i], sum[i]);
    }
}

/* All lines, for the LANES values at `image` and `d_out`. */
INLINE void thin_column(const thin_form *s, size_t rows, bool spaced, size_t height, size_t count,
                        const float *image, const float *d_out, float *gradient) {
    vector sum[THIN_ROWS];
    EACH(i, rows) sum[i] = all(0);
    size_t p = 0;
    for (; p + THIN_LINES <= height; p += THIN_LINES)
        thin_products(s, rows, spaced, THIN_LINES, count, image + p * s->wide, d_out + p * s->line, sum);
    for (; p < height; p++)
        thin_products(s, rows, spaced, 1, count, image + p * s->wide, d_out + p * s->line, sum);
    EACH(i, rows) store(gradient + i * s->period, add2(load(gradient + i * s->period), sum[i]));
}

INLINE void thin_gradients(const thin_form *s, size_t rows, bool spaced, size_t height, const float *image,
                           const float *d_out, float *gradient) {
    size_t phase = 0;
    for (size_t f = 0; f < s->line; f += LANES) {
        for (size_t j = 0; j < s->columns; j++)
            thin_column(s, rows, spaced, height, s->line - f < LANES ? s->line - f : LANES,
                        image + j * s->step, d_out + f, gradient + j * rows * s->period + phase);
        phase = phase + LANES < s->period ? phase + LANES : 0;
        if (spaced) image += LANES;
        else if (phase == 0) image++;
    }
}

static TARGET void thin_gradient(const lyc__window *w, size_t outputs, const float *image, const float *d_out,
                                 float *scratch, float *gradient) {
    const bool spaced = outputs % LANES != 0;
    const thin_form s = thin_form_of(w, outputs);
    space_image(w, &s, image, scratch);
    if (w->kernel[0] == 3 && spaced) thin_gradients(&s, 3, true, w->out_height, scratch, d_out, gradient);
    else if (w->kernel[0] == 3) thin_gradients(&s, 3, false, w->out_height, scratch, d_out, gradient);
    else if (spaced) thin_gradients(&s, THIN_ROWS, true, w->out_height, scratch, d_out, gradient);
    else thin_gradients(&s, THIN_ROWS, false, w->out_height, scratch, d_out, gradient);
}
