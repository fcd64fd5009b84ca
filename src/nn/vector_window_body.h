/* Windows over one NHWC image: matrices of patches for convolutions, and max pooling. Included by every
 * level's file. */

INLINE void copy_run(const float *from, size_t count, float *to) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store(to + i, load(from + i));
    if (i < count) store_part(to + i, count - i, load_part(from + i, count - i));
}

INLINE void add_run(const float *from, size_t count, float *to) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store(to + i, add2(load(to + i), load(from + i)));
    if (i < count)
        store_part(to + i, count - i, add2(load_part(to + i, count - i), load_part(from + i, count - i)));
}

/* ---- [out pixel][kernel pixel, channel] ------------------------------------------------------- */

/* The image inside a border of zeros; the image itself where there is no border. */
static TARGET const float *bordered(const lyc__window *w, const float *image, float *scratch) {
    if (w->padding[0] == 0 && w->padding[1] == 0) return image;
    const size_t row = w->width * w->channels, wide = row + 2 * w->padding[1] * w->channels;
    memset(scratch, 0, lyc__window_scratch(w) * sizeof *scratch);
    float *to = scratch + w->padding[0] * wide + w->padding[1] * w->channels;
    for (size_t y = 0; y < w->height; y++) copy_run(image + y * row, row, to + y * wide);
    return scratch;
}

static TARGET void patches(const lyc__window *w, const float *image, float *scratch, float *out) {
    const float *from = bordered(w, image, scratch);
    const size_t wide = (w->width + 2 * w->padding[1]) * w->channels;
    const size_t run = w->kernel[1] * w->channels;
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++) {
            const float *corner = from + p * w->stride[0] * wide + q * w->stride[1] * w->channels;
            for (size_t k = 0; k < w->kernel[0]; k++, out += run) copy_run(corner + k * wide, run, out);
        }
}

static TARGET void unpatch(const lyc__window *w, const float *matrix, float *scratch, float *image) {
    const bool direct = w->padding[0] == 0 && w->padding[1] == 0;
    float *to = direct ? image : scratch;
    memset(to, 0, lyc__window_scratch(w) * sizeof *to);
    const size_t row = w->width * w->channels, wide = row + 2 * w->padding[1] * w->channels;
    const size_t run = w->kernel[1] * w->channels;
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++) {
            float *corner = to + p * w->stride[0] * wide + q * w->stride[1] * w->channels;
            for (size_t k = 0; k < w->kernel[0]; k++, matrix += run) add_run(matrix, run, corner + k * wide);
        }
    if (direct) return;
    const float *inside = scratch + w->padding[0] * wide + w->padding[1] * w->channels;
    for (size_t y = 0; y < w->height; y++) copy_run(inside + y * wide, row, image + y * row);
}

/* ---- [kernel pixel, channel][out pixel] ------------------------------------------------------- */

static TARGET void planes(const lyc__window *w, const float *image, float *scratch, float *out) {
    const size_t wide = w->width + 2 * w->padding[1], plane = wide * (w->height + 2 * w->padding[0]);
    memset(scratch, 0, lyc__window_scratch(w) * sizeof *scratch);
    for (size_t y = 0; y < w->height; y++)
        for (size_t c = 0; c < w->channels; c++) {
            const float *from = image + y * w->width * w->channels + c;
            float *to = scratch + c * plane + (y + w->padding[0]) * wide + w->padding[1];
            for (size_t x = 0; x < w->width; x++) to[x] = from[x * w->channels];
        }
    for (size_t k = 0; k < w->kernel[0] * w->kernel[1]; k++)
        for (size_t c = 0; c < w->channels; c++) {
            const float *from = scratch + c * plane + k / w->kernel[1] * wide + k % w->kernel[1];
            for (size_t p = 0; p < w->out_height; p++, out += w->out_width)
                copy_run(from + p * w->stride[0] * wide, w->out_width, out);
        }
}

static TARGET void unplane(const lyc__window *w, const float *matrix, float *scratch, float *image) {
    const size_t wide = w->width + 2 * w->padding[1], plane = wide * (w->height + 2 * w->padding[0]);
    memset(scratch, 0, lyc__window_scratch(w) * sizeof *scratch);
    for (size_t k = 0; k < w->kernel[0] * w->kernel[1]; k++)
        for (size_t c = 0; c < w->channels; c++) {
            float *to = scratch + c * plane + k / w->kernel[1] * wide + k % w->kernel[1];
            for (size_t p = 0; p < w->out_height; p++, matrix += w->out_width)
                add_run(matrix, w->out_width, to + p * w->stride[0] * wide);
        }
    for (size_t y = 0; y < w->height; y++)
        for (size_t c = 0; c < w->channels; c++) {
            const float *from = scratch + c * plane + (y + w->padding[0]) * wide + w->padding[1];
            float *to = image + y * w->width * w->channels + c;
            for (size_t x = 0; x < w->width; x++) to[x * w->channels] = from[x];
        }
}

/* ---- max pooling ------------------------------------------------------------------------------ */

/* First and one past the last row (or column) of a window that lie on the image. */
INLINE size_t window_first(size_t start, size_t padding) {
    return start < padding ? padding - start : 0;
}
INLINE size_t window_end(size_t start, size_t padding, size_t size, size_t kernel) {
    return start + kernel > size + padding ? size + padding - start : kernel;
}

/* One output pixel, `count` channels from `first` on. */
INLINE void pool_pixel(const lyc__window *w, const float *image, size_t p, size_t q, size_t first,
                       size_t count, float *out, uint8_t *which) {
    const size_t y = p * w->stride[0], x = q * w->stride[1];
    const size_t y_end = window_end(y, w->padding[0], w->height, w->kernel[0]);
    const size_t x_end = window_end(x, w->padding[1], w->width, w->kernel[1]);
    vector best = all(-INFINITY), place = all(0);
    for (size_t i = window_first(y, w->padding[0]); i < y_end; i++)
        for (size_t j = window_first(x, w->padding[1]); j < x_end; j++) {
            const size_t pixel = (y + i - w->padding[0]) * w->width + x + j - w->padding[1];
            const vector v = load_part(image + pixel * w->channels + first, count);
            const mask higher = above(v, best);
            best = choose(higher, v, best);
            place = choose(higher, all((float)(i * w->kernel[1] + j)), place);
        }
    store_part(out, count, best);
    store_bytes(which, count, place);
}

static TARGET void max_pool(const lyc__window *w, const float *image, float *out, uint8_t *which) {
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++)
            for (size_t c = 0; c < w->channels; c += LANES) {
                const size_t count = w->channels - c < LANES ? w->channels - c : LANES;
                pool_pixel(w, image, p, q, c, count, out, which);
                out += count;
                which += count;
            }
}

INLINE void unpool_pixel(const lyc__window *w, const float *d_out, const uint8_t *which, size_t p, size_t q,
                         size_t first, size_t count, float *d_image) {
    const size_t y = p * w->stride[0], x = q * w->stride[1];
    const size_t y_end = window_end(y, w->padding[0], w->height, w->kernel[0]);
    const size_t x_end = window_end(x, w->padding[1], w->width, w->kernel[1]);
    const vector d = load_part(d_out, count), place = load_bytes(which, count);
    for (size_t i = window_first(y, w->padding[0]); i < y_end; i++)
        for (size_t j = window_first(x, w->padding[1]); j < x_end; j++) {
            const size_t pixel = (y + i - w->padding[0]) * w->width + x + j - w->padding[1];
            float *to = d_image + pixel * w->channels + first;
            const mask here = equal(place, all((float)(i * w->kernel[1] + j)));
            store_part(to, count, add2(load_part(to, count), choose(here, d, all(0))));
        }
}

static TARGET void max_pool_backward(const lyc__window *w, const float *d_out, const uint8_t *which,
                                     float *d_image) {
    memset(d_image, 0, w->height * w->width * w->channels * sizeof *d_image);
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++)
            for (size_t c = 0; c < w->channels; c += LANES) {
                const size_t count = w->channels - c < LANES ? w->channels - c : LANES;
                unpool_pixel(w, d_out, which, p, q, c, count, d_image);
                d_out += count;
                which += count;
            }
}
