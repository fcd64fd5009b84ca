/* Eight floats at a time: AVX2 with FMA (which SLEEF uses). */
#include "nn/vector.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define LEVEL_NAME "avx2"
#define LEVEL      lyc__vectors_avx2
#define LANES      8
#define TARGET     __attribute__((target("avx2,fma")))
#define RUNS_HERE  (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))

/* SLEEF's header declares these only to files compiled for AVX as a whole. */
TARGET __m256 Sleef_expf8_u10avx2(__m256);
TARGET __m256 Sleef_logf8_u10avx2(__m256);
TARGET __m256 Sleef_tanhf8_u10avx2(__m256);
TARGET __m256 Sleef_erff8_u10avx2(__m256);
TARGET __m256d Sleef_tanhd4_u35avx2(__m256d);

typedef __m256 vector;
typedef __m256 mask;
typedef __m256d doubles;

#define INLINE static inline TARGET __attribute__((always_inline))

INLINE __m256i first_lanes(size_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vector load(const float *p) {
    return _mm256_loadu_ps(p);
}
INLINE vector load_part(const float *p, size_t count) {
    return _mm256_maskload_ps(p, first_lanes(count));
}
INLINE void store(float *p, vector x) {
    _mm256_storeu_ps(p, x);
}
INLINE void store_part(float *p, size_t count, vector x) {
    _mm256_maskstore_ps(p, first_lanes(count), x);
}
INLINE vector all(float x) {
    return _mm256_set1_ps(x);
}
INLINE vector larger(vector a, vector b) {
    return _mm256_max_ps(a, b);
}
INLINE vector root(vector x) {
    return _mm256_sqrt_ps(x);
}
INLINE mask above(vector a, vector b) {
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}
INLINE mask equal(vector a, vector b) {
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}
/* a where the mask is set, else b */
INLINE vector choose(mask m, vector a, vector b) {
    return _mm256_blendv_ps(b, a, m);
}
/* A mask as bits, lane 0 the lowest. */
INLINE uint16_t bits_of(mask m) {
    return (uint16_t)_mm256_movemask_ps(m);
}
INLINE mask mask_of(uint16_t bits) {
    const __m256i places = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(bits), places), places));
}
INLINE vector add2(vector a, vector b) {
    return _mm256_add_ps(a, b);
}
INLINE vector subtract(vector a, vector b) {
    return _mm256_sub_ps(a, b);
}
INLINE vector times(vector a, vector b) {
    return _mm256_mul_ps(a, b);
}
/* Bits of the lanes that are not 0; NaN is not. */
INLINE uint16_t other_than_zero(vector x) {
    return bits_of(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ));
}
/* Every other float of a and then b, from the first on and from the second on. */
INLINE vector evens(vector a, vector b) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xd8));
}
INLINE vector odds(vector a, vector b) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd)), 0xd8));
}
/* a b + c, rounded once where the level can. */
INLINE vector multiply_add(vector a, vector b, vector c) {
    return _mm256_fmadd_ps(a, b, c);
}
INLINE vector over(vector a, vector b) {
    return _mm256_div_ps(a, b);
}
INLINE vector vector_exp(vector x) {
    return Sleef_expf8_u10avx2(x);
}
INLINE vector vector_log(vector x) {
    return Sleef_logf8_u10avx2(x);
}
INLINE vector vector_tanh(vector x) {
    return Sleef_tanhf8_u10avx2(x);
}
INLINE vector vector_erf(vector x) {
    return Sleef_erff8_u10avx2(x);
}
INLINE doubles doubles_tanh(doubles x) {
    return Sleef_tanhd4_u35avx2(x);
}
/* Small whole numbers kept as floats in a vector, as bytes in memory. */
INLINE void store_bytes(uint8_t *p, size_t count, vector x) {
    float lanes[LANES];
    store(lanes, x);
    for (size_t i = 0; i < count; i++) p[i] = (uint8_t)lanes[i];
}
INLINE vector load_all_bytes(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i_u *)p)));
}
INLINE vector load_bytes(const uint8_t *p, size_t count) {
    float lanes[LANES] = {0};
    for (size_t i = 0; i < count; i++) lanes[i] = p[i];
    return load(lanes);
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
const lyc__vectors *const lyc__vectors_avx2 = NULL;
#endif
