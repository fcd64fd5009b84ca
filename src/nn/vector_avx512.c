/* Sixteen floats at a time: AVX-512 with the subsets of Skylake servers and of Zen 4. */
#include "nn/vector.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define LEVEL_NAME "avx512"
#define LEVEL      lyc__vectors_avx512
#define LANES      16
#define TARGET     __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define RUNS_HERE                                                                                            \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&                              \
     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))

/* SLEEF's header declares these only to files compiled for AVX-512 as a whole. */
TARGET __m512 Sleef_expf16_u10avx512f(__m512);
TARGET __m512 Sleef_logf16_u10avx512f(__m512);
TARGET __m512 Sleef_tanhf16_u10avx512f(__m512);
TARGET __m512 Sleef_erff16_u10avx512f(__m512);
TARGET __m512d Sleef_tanhd8_u35avx512f(__m512d);

typedef __m512 vector;
typedef __mmask16 mask;
typedef __m512d doubles;

#define INLINE static inline TARGET __attribute__((always_inline))

INLINE mask first_lanes(size_t count) {
    return (mask)((1U << count) - 1);
}
INLINE vector load(const float *p) {
    return _mm512_loadu_ps(p);
}
INLINE vector load_part(const float *p, size_t count) {
    return _mm512_maskz_loadu_ps(first_lanes(count), p);
}
INLINE void store(float *p, vector x) {
    _mm512_storeu_ps(p, x);
}
INLINE void store_part(float *p, size_t count, vector x) {
    _mm512_mask_storeu_ps(p, first_lanes(count), x);
}
INLINE vector all(float x) {
    return _mm512_set1_ps(x);
}
INLINE vector larger(vector a, vector b) {
    return _mm512_max_ps(a, b);
}
INLINE vector root(vector x) {
    return _mm512_sqrt_ps(x);
}
INLINE mask above(vector a, vector b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
INLINE mask equal(vector a, vector b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
/* a where the mask is set, else b */
INLINE vector choose(mask m, vector a, vector b) {
    return _mm512_mask_blend_ps(m, b, a);
}
/* A mask as bits, lane 0 the lowest. */
INLINE uint16_t bits_of(mask m) {
    return m;
}
INLINE mask mask_of(uint16_t bits) {
    return bits;
}
INLINE vector add2(vector a, vector b) {
    return _mm512_add_ps(a, b);
}
INLINE vector subtract(vector a, vector b) {
    return _mm512_sub_ps(a, b);
}
INLINE vector times(vector a, vector b) {
    return _mm512_mul_ps(a, b);
}
/* Bits of the lanes that are not 0; NaN is not. */
INLINE uint16_t other_than_zero(vector x) {
    return _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
}
/* Every other float of a and then b, from the first on and from the second on. */
INLINE vector evens(vector a, vector b) {
    return _mm512_permutex2var_ps(
        a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b);
}
INLINE vector odds(vector a, vector b) {
    return _mm512_permutex2var_ps(
        a, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b);
}
/* a b + c, rounded once where the level can. */
INLINE vector multiply_add(vector a, vector b, vector c) {
    return _mm512_fmadd_ps(a, b, c);
}
INLINE vector over(vector a, vector b) {
    return _mm512_div_ps(a, b);
}
INLINE vector vector_exp(vector x) {
    return Sleef_expf16_u10avx512f(x);
}
INLINE vector vector_log(vector x) {
    return Sleef_logf16_u10avx512f(x);
}
INLINE vector vector_tanh(vector x) {
    return Sleef_tanhf16_u10avx512f(x);
}
INLINE vector vector_erf(vector x) {
    return Sleef_erff16_u10avx512f(x);
}
INLINE doubles doubles_tanh(doubles x) {
    return Sleef_tanhd8_u35avx512f(x);
}
/* Small whole numbers kept as floats in a vector, as bytes in memory. */
INLINE void store_bytes(uint8_t *p, size_t count, vector x) {
    _mm512_mask_cvtepi32_storeu_epi8(p, first_lanes(count), _mm512_cvttps_epi32(x));
}
INLINE vector load_all_bytes(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i_u *)p)));
}
INLINE vector load_bytes(const uint8_t *p, size_t count) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_lanes(count), p)));
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

#else
const lyc__vectors *const lyc__vectors_avx512 = NULL;
#endif
