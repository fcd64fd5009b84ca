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
    /* Neighbours overlap: a load that follows the store of a part of it would wait for it. So every phase
     * takes windows that lie side by side. */
    const size_t phases = (w->kernel[1] + w->stride[1] - 1) / w->stride[1];
    for (size_t phase = 0; phase < phases; phase++)
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t k = 0; k < w->kernel[0]; k++)
                for (size_t q = phase; q < w->out_width; q += phases)
                    add_run(matrix + ((p * w->out_width + q) * w->kernel[0] + k) * run, run,
                            to + (p * w->stride[0] + k) * wide + q * w->stride[1] * w->channels);
    if (direct) return;
    const float *inside = scratch + w->padding[0] * wide + w->padding[1] * w->channels;
    for (size_t y = 0; y < w->height; y++) copy_run(inside + y * wide, row, image + y * row);
}

/* ---- [kernel pixel, channel][out pixel] ------------------------------------------------------- */

/* The channels of the image one after the other, each inside a border of zeros. */
static TARGET const float *bordered_planes(const lyc__window *w, const float *image, float *scratch) {
    if (w->channels == 1) return bordered(w, image, scratch);
    const size_t wide = w->width + 2 * w->padding[1], plane = wide * (w->height + 2 * w->padding[0]);
    memset(scratch, 0, lyc__window_scratch(w) * sizeof *scratch);
    for (size_t y = 0; y < w->height; y++)
        for (size_t c = 0; c < w->channels; c++) {
            const float *from = image + y * w->width * w->channels + c;
            float *to = scratch + c * plane + (y + w->padding[0]) * wide + w->padding[1];
            for (size_t x = 0; x < w->width; x++) to[x] = from[x * w->channels];
        }
    return scratch;
}

static TARGET void planes(const lyc__window *w, const float *image, float *scratch, float *out) {
    const size_t wide = w->width + 2 * w->padding[1], plane = wide * (w->height + 2 * w->padding[0]);
    const float *all_planes = bordered_planes(w, image, scratch);
    for (size_t k = 0; k < w->kernel[0] * w->kernel[1]; k++)
        for (size_t c = 0; c < w->channels; c++) {
            const float *from = all_planes + c * plane + k / w->kernel[1] * wide + k % w->kernel[1];
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

/* The part of a window that lies on the image. */
typedef struct extent {
    size_t row_first, row_end, column_first, column_end; /* within the kernel */
    size_t corner; /* pixel of the image under the kernel's first; may lie before the image: arithmetic is
                      modulo */
} extent;

INLINE size_t window_first(size_t start, size_t padding) {
    return start < padding ? padding - start : 0;
}
INLINE size_t window_end(size_t start, size_t padding, size_t size, size_t kernel) {
    return start + kernel > size + padding ? size + padding - start : kernel;
}
INLINE extent extent_of(const lyc__window *w, size_t p, size_t q) {
    const size_t y = p * w->stride[0], x = q * w->stride[1];
    return (extent){.row_first = window_first(y, w->padding[0]),
                    .row_end = window_end(y, w->padding[0], w->height, w->kernel[0]),
                    .column_first = window_first(x, w->padding[1]),
                    .column_end = window_end(x, w->padding[1], w->width, w->kernel[1]),
                    .corner = (y - w->padding[0]) * w->width + x - w->padding[1]};
}

/* One output pixel, `count` channels of it. */
INLINE void pool_pixel(const lyc__window *w, extent e, const float *image, size_t count, float *out,
                       uint8_t *which) {
    vector best = all(-INFINITY), place = all(0);
    for (size_t i = e.row_first; i < e.row_end; i++)
        for (size_t j = e.column_first; j < e.column_end; j++) {
            const vector v = load_part(image + (e.corner + i * w->width + j) * w->channels, count);
            const mask higher = above(v, best);
            best = choose(higher, v, best);
            place = choose(higher, all((float)(i * w->kernel[1] + j)), place);
        }
    store_part(out, count, best);
    store_bytes(which, count, place);
}

/* ... of windows of two by two that tile the image, for `count` channels of every pixel: the usual pooling.
 */
INLINE void pool_tiles(const lyc__window *w, const float *image, size_t count, float *out, uint8_t *which) {
    const size_t line = w->width * w->channels, right = w->channels;
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++, out += w->channels, which += w->channels) {
            const float *corner = image + 2 * p * line + 2 * q * right;
            vector best = all(-INFINITY), place = all(0);
            for (size_t k = 0; k < 4; k++) {
                const vector v = load_part(corner + k / 2 * line + k % 2 * right, count);
                const mask higher = above(v, best);
                best = choose(higher, v, best);
                place = choose(higher, all((float)k), place);
            }
            store_part(out, count, best);
            store_bytes(which, count, place);
        }
}

INLINE bool tiles(const lyc__window *w) {
    return w->kernel[0] == 2 && w->kernel[1] == 2 && w->stride[0] == 2 && w->stride[1] == 2 &&
           w->padding[0] == 0 && w->padding[1] == 0;
}

static TARGET void max_pool(const lyc__window *w, const float *image, float *out, uint8_t *which) {
    if (tiles(w)) {
        size_t c = 0;
        for (; c + LANES <= w->channels; c += LANES) pool_tiles(w, image + c, LANES, out + c, which + c);
        if (c < w->channels) pool_tiles(w, image + c, w->channels - c, out + c, which + c);
        return;
    }
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++) {
            const extent e = extent_of(w, p, q);
            for (size_t c = 0; c < w->channels; c += LANES) {
                const size_t count = w->channels - c < LANES ? w->channels - c : LANES;
                pool_pixel(w, e, image + c, count, out, which);
                out += count;
                which += count;
            }
        }
}

INLINE void unpool_pixel(const lyc__window *w, extent e, const float *d_out, const uint8_t *which,
                         size_t count, bool overlap, float *d_image) {
    const vector d = load_part(d_out, count), place = load_bytes(which, count);
    for (size_t i = e.row_first; i < e.row_end; i++)
        for (size_t j = e.column_first; j < e.column_end; j++) {
            float *to = d_image + (e.corner + i * w->width + j) * w->channels;
            const vector share = choose(equal(place, all((float)(i * w->kernel[1] + j))), d, all(0));
            store_part(to, count, overlap ? add2(load_part(to, count), share) : share);
        }
}

INLINE void unpool_tiles(const lyc__window *w, const float *d_out, const uint8_t *which, size_t count,
                         float *d_image) {
    const size_t line = w->width * w->channels, right = w->channels;
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++, d_out += w->channels, which += w->channels) {
            float *corner = d_image + 2 * p * line + 2 * q * right;
            const vector d = load_part(d_out, count), place = load_bytes(which, count);
            for (size_t k = 0; k < 4; k++)
                store_part(corner + k / 2 * line + k % 2 * right, count,
                           choose(equal(place, all((float)k)), d, all(0)));
        }
}

static TARGET void max_pool_backward(const lyc__window *w, const float *d_out, const uint8_t *which,
                                     float *d_image) {
    const bool overlap = w->stride[0] < w->kernel[0] || w->stride[1] < w->kernel[1];
    const bool covers = w->stride[0] * w->out_height == w->height &&
                        w->stride[1] * w->out_width == w->width && w->stride[0] == w->kernel[0] &&
                        w->stride[1] == w->kernel[1];
    if (!covers) memset(d_image, 0, w->height * w->width * w->channels * sizeof *d_image);
    if (tiles(w)) {
        size_t c = 0;
        for (; c + LANES <= w->channels; c += LANES)
            unpool_tiles(w, d_out + c, which + c, LANES, d_image + c);
        if (c < w->channels) unpool_tiles(w, d_out + c, which + c, w->channels - c, d_image + c);
        return;
    }
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++) {
            const extent e = extent_of(w, p, q);
            for (size_t c = 0; c < w->channels; c += LANES) {
                const size_t count = w->channels - c < LANES ? w->channels - c : LANES;
                unpool_pixel(w, e, d_out, which, count, overlap, d_image + c);
                d_out += count;
                which += count;
            }
        }
}
