/* The loss of classifiers whose logits are multiplied by a number. Included by every level's file.
 *
 * All that matters of a row are the distances d of its logits from that of its label. They are laid out once
 * for many numbers: LANES rows a block, [class][row], the last block with as many rows as are left. */

static TARGET size_t label_distances(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                                     float *out) {
    const float *labelled[LANES];
    float own[LANES];
    size_t count = 0, total = 0;
    for (size_t r = 0; r <= rows; r++) {
        if (r < rows && labels[r] >= 0) {
            labelled[count] = logits + r * classes;
            own[count] = labelled[count][labels[r]];
            count++;
        }
        if (count < LANES && r < rows) continue;
        for (size_t c = 0; c < classes; c++)
            for (size_t l = 0; l < count; l++) *out++ = labelled[l][c] - own[l];
        total += count;
        count = 0;
    }
    return total;
}

/* One block: log sum exp(b d) of each row, its first and its second derivative in b. */
INLINE void scale_block(const float *d, size_t rows, size_t classes, float scale, vector *loss, vector *slope,
                        vector *curve) {
    vector most = load_part(d, rows), sum = all(0), first = all(0), second = all(0);
    for (size_t c = 1; c < classes; c++) most = larger(load_part(d + c * rows, rows), most);
    for (size_t c = 0; c < classes; c++) {
        const vector x = load_part(d + c * rows, rows);
        const vector e = vector_exp(times(all(scale), subtract(x, most))), weighted = times(e, x);
        sum = add2(sum, e);
        first = add2(first, weighted);
        second = add2(second, times(weighted, x));
    }
    const vector mean = over(first, sum);
    *loss = add2(times(all(scale), most), vector_log(sum));
    *slope = mean;
    *curve = subtract(over(second, sum), times(mean, mean));
}

static TARGET double sum_of_lanes(vector x, size_t count) {
    float lanes[LANES];
    double sum = 0;
    store(lanes, x);
    for (size_t l = 0; l < count; l++) sum += (double)lanes[l];
    return sum;
}

static TARGET void scaled_loss(const float *distances, size_t rows, size_t classes, float scale,
                               lyc__scaled_loss *out) {
    *out = (lyc__scaled_loss){0};
    for (size_t r = 0; r < rows; r += LANES) {
        const size_t count = rows - r < LANES ? rows - r : LANES;
        vector loss, slope, curve;
        scale_block(distances + r * classes, count, classes, scale, &loss, &slope, &curve);
        out->loss += sum_of_lanes(loss, count);
        out->slope += sum_of_lanes(slope, count);
        out->curve += sum_of_lanes(curve, count);
    }
}
