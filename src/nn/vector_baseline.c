/* Four floats at a time, on what every CPU of the architecture has: SSE2 on x86-64. */
#include "nn/vector.h"

#include <math.h>
#include <sleef.h>
#include <string.h>

#define LEVEL_NAME "baseline"
#define LEVEL      lyc__vectors_baseline
#define LANES      4
#define TARGET
#define RUNS_HERE true

typedef float vector __attribute__((vector_size(16)));
typedef int32_t mask __attribute__((vector_size(16)));
typedef double doubles __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))

INLINE vector load(const float *p) {
    vector x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE vector load_part(const float *p, size_t count) {
    vector x = {0};
    for (size_t i = 0; i < count; i++) x[i] = p[i];
    return x;
}
INLINE void store(float *p, vector x) {
    memcpy(p, &x, sizeof x);
}
INLINE void store_part(float *p, size_t count, vector x) {
    for (size_t i = 0; i < count; i++) p[i] = x[i];
}
INLINE vector all(float x) {
    return (vector){x, x, x, x};
}
INLINE mask above(vector a, vector b) {
    return a > b;
}
INLINE mask equal(vector a, vector b) {
    return a == b;
}
/* a where the mask is set, else b */
INLINE vector choose(mask m, vector a, vector b) {
    return (vector)((m & (mask)a) | (~m & (mask)b));
}
/* A mask as bits, lane 0 the lowest. */
INLINE uint16_t bits_of(mask m) {
    return (uint16_t)((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
}
INLINE mask mask_of(uint16_t bits) {
    const mask places = {1, 2, 4, 8};
    return ((mask){bits, bits, bits, bits} & places) == places;
}
/* b where either is not a number, as the instruction of the other levels */
INLINE vector larger(vector a, vector b) {
    return choose(above(a, b), a, b);
}
INLINE vector add2(vector a, vector b) {
    return a + b;
}
INLINE vector subtract(vector a, vector b) {
    return a - b;
}
INLINE vector times(vector a, vector b) {
    return a * b;
}
/* Bits of the lanes that are not 0; NaN is not. */
INLINE uint16_t other_than_zero(vector x) {
    return bits_of(x != all(0));
}
/* Every other float of a and then b, from the first on and from the second on. */
INLINE vector evens(vector a, vector b) {
    return (vector){a[0], a[2], b[0], b[2]};
}
INLINE vector odds(vector a, vector b) {
    return (vector){a[1], a[3], b[1], b[3]};
}
/* a b + c, rounded once where the level can. */
INLINE vector multiply_add(vector a, vector b, vector c) {
    return add2(times(a, b), c);
}
INLINE vector over(vector a, vector b) {
    return a / b;
}
INLINE vector root(vector x) {
    return (vector){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])};
}
#if defined(__SSE2__)
INLINE vector vector_exp(vector x) {
    return Sleef_expf4_u10sse2(x);
}
INLINE vector vector_log(vector x) {
    return Sleef_logf4_u10sse2(x);
}
INLINE vector vector_tanh(vector x) {
    return Sleef_tanhf4_u10sse2(x);
}
INLINE vector vector_erf(vector x) {
    return Sleef_erff4_u10sse2(x);
}
INLINE doubles doubles_tanh(doubles x) {
    return Sleef_tanhd2_u35sse2(x);
}
#else
#define LANE_BY_LANE(f, x) ((vector){f((x)[0]), f((x)[1]), f((x)[2]), f((x)[3])})
INLINE vector vector_exp(vector x) {
    return LANE_BY_LANE(Sleef_expf_u10, x);
}
INLINE vector vector_log(vector x) {
    return LANE_BY_LANE(Sleef_logf_u10, x);
}
INLINE vector vector_tanh(vector x) {
    return LANE_BY_LANE(Sleef_tanhf_u10, x);
}
INLINE vector vector_erf(vector x) {
    return LANE_BY_LANE(Sleef_erff_u10, x);
}
INLINE doubles doubles_tanh(doubles x) {
    return (doubles){Sleef_tanh_u35(x[0]), Sleef_tanh_u35(x[1])};
}
#endif
/* Small whole numbers kept as floats in a vector, as bytes in memory. */
INLINE void store_bytes(uint8_t *p, size_t count, vector x) {
    for (size_t i = 0; i < count; i++) p[i] = (uint8_t)x[i];
}
INLINE vector load_all_bytes(const uint8_t *p) {
    return (vector){p[0], p[1], p[2], p[3]};
}
INLINE vector load_bytes(const uint8_t *p, size_t count) {
    vector x = {0};
    for (size_t i = 0; i < count; i++) x[i] = p[i];
    return x;
}

#include "nn/vector_elementwise_body.h"
#include "nn/vector_loss_body.h"
#include "nn/vector_answers_body.h"
#include "nn/vector_double_body.h"
#include "nn/vector_scale_body.h"
#include "nn/vector_norm_body.h"
#include "nn/vector_layer_norm_body.h"
#include "nn/vector_optimizer_body.h"
#include "nn/vector_window_body.h"
#include "nn/vector_convolution_body.h"
#include "nn/vector_pooled_body.h"
#include "nn/vector_winograd_body.h"

#include "nn/vector_table_body.h"
