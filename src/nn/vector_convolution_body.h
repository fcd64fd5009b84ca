/* Convolutions whose images have few channels, which would leave most lanes of the usual code empty. Included
 * by every level's file. */

/* Lines of output pixels that share each load of the weights, and whose sums all fit in registers. */
enum { SPREAD_LINES = 5 };
#define EACH_LINE(l, lines) _Pragma("GCC unroll 5") for (size_t l = 0; l < (lines); l++)

/* Where things lie: distances in floats. */
typedef struct spread_form {
    size_t outputs, run; /* of a pixel; of the image under one line of the kernel */
    size_t line, below;  /* from an output pixel to the one below it; from the image under it to that */
} spread_form;

/* Adds what `lines` output pixels, one below the other, give to `count` (at most 2 LANES) values under a line
 * of the kernel. */
INLINE void spread_pixels(const spread_form *s, size_t lines, size_t count, const float *weights,
                          const float *d, float *image) {
    vector low[SPREAD_LINES], high[SPREAD_LINES];
    const size_t first = count < LANES ? count : LANES, second = count - first;
    EACH_LINE(l, lines) low[l] = high[l] = all(0);
    for (size_t o = 0; o < s->outputs; o++) {
        const vector a = load_part(weights + o * s->run, first),
                     b = load_part(weights + o * s->run + first, second);
        EACH_LINE(l, lines) {
            const vector x = all(d[l * s->line + o]);
            low[l] = multiply_add(x, a, low[l]);
            high[l] = multiply_add(x, b, high[l]);
        }
    }
    EACH_LINE(l, lines) {
        float *to = image + l * s->below;
        store_part(to, first, add2(load_part(to, first), low[l]));
        store_part(to + first, second, add2(load_part(to + first, second), high[l]));
    }
}

/* Output lines p .. p + lines - 1. */
INLINE void spread_lines(const lyc__window *w, const spread_form *s, size_t p, size_t lines,
                         const float *weights, const float *d_out, float *image) {
    const size_t wide = s->below / w->stride[0];
    for (size_t q = 0; q < w->out_width; q++)
        for (size_t i = 0; i < w->kernel[0]; i++)
            for (size_t c = 0; c < s->run; c += 2 * LANES)
                spread_pixels(s, lines, s->run - c < 2 * LANES ? s->run - c : 2 * LANES,
                              weights + i * s->outputs * s->run + c, d_out + p * s->line + q * s->outputs,
                              image + p * s->below + i * wide + q * w->stride[1] * w->channels + c);
}

static TARGET void spread(const lyc__window *w, size_t outputs, const float *weights, const float *d_out,
                          float *scratch, float *image) {
    const bool direct = w->padding[0] == 0 && w->padding[1] == 0;
    const size_t row = w->width * w->channels, wide = row + 2 * w->padding[1] * w->channels;
    const spread_form s = {outputs, w->kernel[1] * w->channels, w->out_width * outputs, w->stride[0] * wide};
    float *to = direct ? image : scratch;
    memset(to, 0, lyc__window_scratch(w) * sizeof *to);
    size_t p = 0;
    for (; p + SPREAD_LINES <= w->out_height; p += SPREAD_LINES)
        spread_lines(w, &s, p, SPREAD_LINES, weights, d_out, to);
    for (; p < w->out_height; p++) spread_lines(w, &s, p, 1, weights, d_out, to);
    if (direct) return;
    const float *inside = scratch + w->padding[0] * wide + w->padding[1] * w->channels;
    for (size_t y = 0; y < w->height; y++) copy_run(inside + y * wide, row, image + y * row);
}
