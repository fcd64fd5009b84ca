/* Vector code: every loop over many floats, compiled once for each instruction set and chosen at run time.
 *
 * The bodies (vector_*_body.h) are written once, over vectors of LANES floats, and included by one file
 * for each level (vector_avx512.c, vector_avx2.c, vector_baseline.c) which supplies the few primitives
 * that differ. Transcendental functions are SLEEF's with an error of 1 unit in the last place. Products
 * and sums are never contracted (but in `spread` and the `thin` ones, which stand beside kernels that do), so
 * levels differ only where lanes are summed up and inside SLEEF.
 *
 * All functions are pure, and safe to call from any thread. Pointers need no alignment; unless said
 * otherwise an output may be the same array as an input, but not overlap it in another way.
 */
#ifndef NN_VECTOR_H
#define NN_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where windows of a convolution or a pooling lie on an NHWC image. */
typedef struct lyc__window {
    size_t height, width, channels; /* of the input */
    size_t out_height, out_width;
    size_t kernel[2], stride[2], padding[2]; /* vertical, horizontal */
} lyc__window;

typedef struct lyc__sgd {
    float rate, momentum, decay;
    float clip; /* what gradients are multiplied by first */
    bool nesterov;
} lyc__sgd;

typedef struct lyc__adam {
    float clip; /* as above */
    float beta1, beta2, epsilon;
    float fresh1, fresh2; /* 1 - beta1 and 1 - beta2, rounded once */
    float decay;          /* coupled: added to the gradient times the parameter */
    float shrink;         /* decoupled: the parameter is multiplied by this first */
    float step_size;      /* rate / (1 - beta1^t) */
    float scale;          /* 1 / sqrt(1 - beta2^t) */
} lyc__adam;

/* Normalisation column by column: y = (x - mean) scale + shift, plus `residual`, then max(., 0) if `relu`.
 * `positive` keeps for backward where the sum is above 0: lyc__norm_words() words a row. */
typedef struct lyc__norm {
    const float *mean, *scale, *shift; /* [columns] */
    const float *residual;             /* [rows, columns]; NULL = none */
    bool relu;
    uint16_t *positive; /* NULL = not kept */
} lyc__norm;

/* What backward needs of the whole batch before it starts: sums over rows of d and of d (x - mean), d being
 * dy where `positive` has a bit (everywhere when that is NULL). `masked` receives d; NULL = nobody wants it.
 */
typedef struct lyc__norm_products {
    const float *mean;
    const uint16_t *positive;
    float *masked; /* dy itself is fine; not without `positive` */
} lyc__norm_products;

/* dx = scale d + shift + slope (x - mean), d as above. */
typedef struct lyc__norm_backward {
    const float *mean, *scale, *shift, *slope;
    const uint16_t *positive;
} lyc__norm_backward;

/* The layer of `convolve_thin`: weights [kernel column][kernel row][period] and bias [period] (0 where
 * there is none), the outputs again and again up to lyc__thin_period. */
typedef struct lyc__thin {
    const float *weights, *bias;
    bool relu;
} lyc__thin;

/* The layer of `convolve_pooled`: weights [kernel row, kernel column, output], bias NULL where there is none.
 */
typedef struct lyc__pooled {
    size_t outputs;
    const float *weights, *bias;
} lyc__pooled;
enum { LYC__NO_PLACE = 4 }; /* of a tile where nothing is above 0 */

/* The layer of `winograd`: weights as lyc__winograd_weights makes them. */
typedef struct lyc__winograd {
    size_t outputs;
    const float *weights, *bias;
    const float *residual; /* added to the output, which it may lie over; NULL = none */
    bool relu;
} lyc__winograd;

/* Normalisation of rows: y = (x - mean) inverse weight + bias. */
typedef struct lyc__row_norm {
    const float *weight, *bias; /* [columns] */
    float epsilon;
    float *means, *inverses; /* [rows]; forward fills them, 1 / sqrt(variance + epsilon) the latter */
} lyc__row_norm;

/* Teachers' logits beside the student's, for describe_answers. */
typedef struct lyc__answers {
    size_t rows, classes, teachers;
    const float *student;       /* [rows, classes], finite */
    const float *const *logits; /* [teachers] -> [rows, classes]; -INFINITY where a class is unknown */
    const int32_t *labels;      /* [rows]; below 0: none */
    float temperature;
    float limit; /* what a row's cross-entropy counts at most */
} lyc__answers;

/* Of a teacher's row, p being its softmax at T = 1: cross-entropy against the label; KL(p at T || the
 * student's at T); entropy; first minus second probability; 1 where the largest logit, the first of equals,
 * is the label's, the student's. Without a label the figures that need one are 0. */
enum {
    LYC__ANSWER_CE,
    LYC__ANSWER_KL,
    LYC__ANSWER_ENTROPY,
    LYC__ANSWER_MARGIN,
    LYC__ANSWER_LABEL,
    LYC__ANSWER_STUDENT,
    LYC__ANSWER_FIGURES
};

/* Sums over rows of the cross-entropy of logits times b, and of its first and second derivative in b. The
 * cross-entropy of a row is log sum exp(b d), d being the distances of its logits from that of its label. */
typedef struct lyc__scaled_loss {
    double loss, slope, curve;
} lyc__scaled_loss;

typedef struct lyc__vectors {
    const char *name; /* "avx512" */
    size_t lanes;
    bool (*runs_here)(void);

    /* out[i] = f(x[i]) */
    void (*exp)(const float *x, size_t count, float *out);
    void (*log)(const float *x, size_t count, float *out);
    void (*tanh)(const float *x, size_t count, float *out);
    void (*erf)(const float *x, size_t count, float *out);
    void (*relu)(const float *x, size_t count, float *out);

    /* out[i] = x[i] scale + offset */
    void (*scale)(const float *x, size_t count, float scale, float offset, float *out);
    void (*scale_bytes)(const uint8_t *x, size_t count, float scale, float offset, float *out);
    /* Whether none is infinite or not a number. */
    bool (*all_finite)(const float *x, size_t count);

    void (*add)(const float *a, const float *b, size_t count, float *out);
    void (*add_relu)(const float *a, const float *b, size_t count, float *out); /* max(a + b, 0) */
    /* dx = dy where y > 0, else 0 */
    void (*relu_backward)(const float *y, const float *dy, size_t count, float *dx);
    /* x[row, column] += bias[column], then max(., 0) if `relu` */
    void (*add_bias)(float *x, const float *bias, size_t rows, size_t columns, bool relu);
    /* out[column] = sum over rows, in an order that depends on nothing but the sizes */
    void (*column_sums)(const float *x, size_t rows, size_t columns, float *out);

    /* Adds to sums and squares, per column, the sums over rows of x - pivot and of its square. */
    void (*column_moments)(const float *x, const float *pivot, size_t rows, size_t columns, double *sums,
                           double *squares);
    void (*normalize)(const float *x, const lyc__norm *norm, size_t rows, size_t columns, float *out);
    void (*column_products)(const float *x, const float *dy, const lyc__norm_products *norm, size_t rows,
                            size_t columns, double *sums, double *products);
    void (*normalize_backward)(const float *x, const float *dy, const lyc__norm_backward *norm, size_t rows,
                               size_t columns, float *dx);

    void (*layer_norm)(const float *x, const lyc__row_norm *norm, size_t rows, size_t columns, float *out);
    /* Adds to sums and products, per column, the sums over rows of dy and of dy (x - mean) inverse. */
    void (*layer_norm_products)(const float *x, const float *dy, const lyc__row_norm *norm, size_t rows,
                                size_t columns, double *sums, double *products);
    void (*layer_norm_backward)(const float *x, const float *dy, const lyc__row_norm *norm, size_t rows,
                                size_t columns, float *dx);

    /* See lyceum/network.h. */
    void (*softmax)(const float *logits, float temperature, size_t rows, size_t classes, bool log,
                    float *out);
    void (*cross_entropy)(const float *logits, const int32_t *labels, float weight, size_t rows,
                          size_t classes, float *loss, float *gradient);
    void (*kl)(const float *logits, const float *targets, float temperature, float weight, size_t rows,
               size_t classes, float *loss, float *gradient);

    /* Rows first .. first + rows into out[1 + teachers LYC__ANSWER_FIGURES][all rows]: the student's
     * cross-entropy, then the figures of one teacher after the other. A row in which a teacher's logits are
     * not numbers gets NaN. */
    void (*describe_answers)(const lyc__answers *answers, size_t first, size_t rows, float *out);

    /* The distances of the labelled rows, laid out as `scaled_loss` reads them, out[rows, classes] another
     * array. Returns how many rows have a label. */
    size_t (*label_distances)(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                              float *out);
    /* Of so many labelled rows. */
    void (*scaled_loss)(const float *distances, size_t rows, size_t classes, float scale,
                        lyc__scaled_loss *out);

    /* Double precision; tanh errs by at most 3.5 units in the last place. */
    void (*double_tanh)(const double *x, size_t count, double *out);
    void (*double_tanh_backward)(const double *y, const double *dy, size_t count,
                                 double *dx); /* y = tanh(x) */
    /* out[rows, columns] += x[rows, inputs] matrix[inputs, columns] */
    void (*double_products)(const double *x, size_t rows, size_t inputs, const double *matrix, size_t columns,
                            double *out);
    /* matrix[inputs, columns] += x[rows, inputs] transposed, times y[rows, columns] */
    void (*double_outer)(const double *x, const double *y, size_t rows, size_t inputs, size_t columns,
                         double *matrix);
    /* out[rows] = x[rows, columns] y[columns] */
    void (*double_dots)(const double *x, size_t rows, const double *y, size_t columns, double *out);

    /* d = clip g + decay p; v = momentum v + d; p -= rate v, with `nesterov` p -= rate (d + momentum v).
     * With velocity NULL: p -= rate d. */
    void (*sgd)(float *params, const float *gradient, float *velocity, size_t count, const lyc__sgd *step);
    void (*adam)(float *params, const float *gradient, float *mean, float *square, size_t count,
                 const lyc__adam *step);

    /* One image at a time. `patches` lays the windows out as a matrix [out pixel][kernel pixel, channel];
     * `planes` as its transpose, for few channels and a horizontal stride of 1. Both use `scratch`
     * (lyc__window_scratch floats). `unpatch` and `unplane` sum such a matrix back into the image. */
    void (*patches)(const lyc__window *window, const float *image, float *scratch, float *out);
    void (*planes)(const lyc__window *window, const float *image, float *scratch, float *out);
    void (*unpatch)(const lyc__window *window, const float *matrix, float *scratch, float *image);
    void (*unplane)(const lyc__window *window, const float *matrix, float *scratch, float *image);
    /* Sums into the image [height, width, channels] what a convolution's output pixels give to it: each of
     * them, [outputs], times weights [kernel row][output][kernel column, channel, zeros up to
     * lyc__spread_run]. For few channels. */
    void (*spread)(const lyc__window *window, size_t outputs, const float *weights, const float *d_out,
                   float *scratch, float *image);
    /* A convolution of an image with one channel: stride 1, 3 or 5 kernel rows. `scratch` holds
     * lyc__thin_scratch floats. */
    void (*convolve_thin)(const lyc__window *window, size_t outputs, const lyc__thin *layer,
                          const float *image, float *scratch, float *out);
    /* Adds to gradient [kernel column][kernel row][period] what d_out [height, width, outputs] gives to the
     * weights of such a convolution; the sum of an output's places in the period is its gradient. */
    void (*thin_gradient)(const lyc__window *window, size_t outputs, const float *image, const float *d_out,
                          float *scratch, float *gradient);
    /* A convolution of an image with one channel, 3 x 3 or 5 x 5 with stride 1, ReLU, and the maximum of
     * tiles of 2 x 2 pixels: out [tile row, tile column, output], which [tile row][output][tile column, as
     * many as fill vectors] the place of the maximum in the tile, the first of equals, or LYC__NO_PLACE.
     * `scratch` holds lyc__pooled_scratch floats. */
    void (*convolve_pooled)(const lyc__window *window, const lyc__pooled *layer, const float *image,
                            float *scratch, float *out, uint8_t *which);
    /* Adds to gradient [output][kernel row, kernel column, then bias][lanes] what d_out gives; the sum of the
     * lanes is the gradient. */
    void (*pooled_gradient)(const lyc__window *window, size_t outputs, const float *image, const float *d_out,
                            const uint8_t *which, float *scratch, float *gradient);
    /* A convolution of 3 x 3 with stride 1, of `rows` images; channels and outputs are multiples of the
     * lanes. An image's values depend on nothing beside it. `scratch` holds lyc__winograd_scratch floats. */
    void (*winograd)(const lyc__window *window, const lyc__winograd *layer, size_t rows, const float *images,
                     float *scratch, float *out);
    /* Maximum of each window; which[out] is its place in the window, row by row, the first of equals. */
    void (*max_pool)(const lyc__window *window, const float *image, float *out, uint8_t *which);
    void (*max_pool_backward)(const lyc__window *window, const float *d_out, const uint8_t *which,
                              float *d_image);
} lyc__vectors;

/* The best level that this CPU runs; chosen at the first call. Never NULL. */
const lyc__vectors *lyc__vector(void);
/* All compiled levels, best first, whether they run here or not; NULL past the end. For tests. */
const lyc__vectors *lyc__vector_level(size_t index);

/* A level's file defines this; NULL where the compiler does not target such a CPU. */
extern const lyc__vectors *const lyc__vectors_avx512, *const lyc__vectors_avx2, *const lyc__vectors_baseline;

/* Floats of an image with its border of zeros. */
size_t lyc__window_scratch(const lyc__window *window);

/* The least number of floats in which outputs and lanes both fit. */
static inline size_t lyc__thin_period(size_t outputs, size_t lanes) {
    size_t period = outputs;
    while (period % lanes != 0) period += outputs;
    return period;
}
/* Floats that convolve_thin and thin_gradient work with, at any level. */
size_t lyc__thin_scratch(const lyc__window *window, size_t outputs);

/* Floats of a line of the weights that `spread` reads, whole vectors at any level. */
size_t lyc__spread_run(const lyc__window *window);

/* Of convolve_pooled and pooled_gradient, at any level: floats that they work with, bytes of `which`. */
size_t lyc__pooled_scratch(const lyc__window *window, size_t outputs);
size_t lyc__pooled_places(const lyc__window *window, size_t outputs);

/* Tiles of 4 x 4 output pixels that `winograd` has in work at a time, so that they stay in the core's cache.
 */
size_t lyc__winograd_tiles(size_t channels);
enum { LYC__WINOGRAD_GAP = 16 }; /* floats */
size_t lyc__winograd_scratch(const lyc__window *window, size_t lanes);
/* Fills the 36 * channels * outputs floats that `winograd` reads, of weights [kernel row, kernel column,
 * channel, output]. */
void lyc__winograd_weights(const lyc__window *window, size_t outputs, size_t lanes, const float *weights,
                           float *out);

/* Words that lyc__norm.positive has for each row, with the code of lyc__vector(). */
size_t lyc__norm_words(size_t columns);

#endif
