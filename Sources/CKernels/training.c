#include "clones.h"
#include "kernels.h"
#include "vec16.h"

CLONES void rt_step_nesterov(float *restrict x, float *restrict velocity, const float *restrict gradient, float step,
                             float momentum, float decay, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float g = gradient[i] + decay * x[i], v = momentum * velocity[i] + g;
    velocity[i] = v;
    x[i] -= step * (g + momentum * v);
  }
}

CLONES void rt_blend(float *restrict y, const float *restrict x, float kept, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = kept * y[i] + (1 - kept) * x[i];
}

typedef uint64_t long_words __attribute__((vector_size(128), aligned(8)));

INLINE void multiply_wide(const uvec16 *x, uint32_t by, uvec16 *high, uvec16 *low) {
  const long_words product = __builtin_convertvector(*x, long_words) * by;
  *low = __builtin_convertvector(product, uvec16);
  *high = __builtin_convertvector(product >> 32, uvec16);
}

/* Philox4x32-10 of sixteen counters; Philox.swift has it of one. */
INLINE void philox(uvec16 out[4], uint64_t block, uint64_t seed, uint64_t stream) {
  uvec16 c[4];
  for (size_t i = 0; i < VEC16; i++) {
    c[0][i] = (uint32_t)(block + i);
    c[1][i] = (uint32_t)((block + i) >> 32);
    c[2][i] = (uint32_t)stream;
    c[3][i] = (uint32_t)(stream >> 32);
  }
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    uvec16 ah, al, bh, bl;
    multiply_wide(&c[0], 0xD2511F53u, &ah, &al);
    multiply_wide(&c[2], 0xCD9E8D57u, &bh, &bl);
    c[0] = bh ^ c[1] ^ k0;
    c[1] = bl;
    c[2] = ah ^ c[3] ^ k1;
    c[3] = al;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < 4; i++) out[i] = c[i];
}

/* The natural logarithm of (w + 1/2) 2^-32, to about 1e-6: exponent and mantissa apart, the series of
   2 artanh((m - 1) / (m + 1)) for m in [1/sqrt 2, sqrt 2). */
INLINE void log_of(vec16 *log, const uvec16 *w) {
  const vec16 x = (__builtin_convertvector(*w >> 8, vec16) + 0.5f) * 0x1p-24f;
  ivec16 i = (ivec16)x - 0x3F3504F3;
  const ivec16 exponent = i >> 23;
  const vec16 m = (vec16)((i & 0x007FFFFF) + 0x3F3504F3);
  const vec16 s = (m - 1) / (m + 1), t = s * s;
  *log = __builtin_convertvector(exponent, vec16) * 0.693147180559945f +
         s * (2 + t * (2.0f / 3 + t * (2.0f / 5 + t * (2.0f / 7 + t * (2.0f / 9)))));
}

/* Cosine and sine of 2 pi w 2^-32: a quarter of the turn by the two highest bits, the rest by Taylor's series about its
   middle. */
INLINE void rotation_of(const uvec16 *w, vec16 *cosine, vec16 *sine) {
  const ivec16 quarter = (ivec16)(*w >> 30);
  const vec16 a = (__builtin_convertvector((ivec16)(*w << 2 >> 8), vec16) * 0x1p-24f - 0.5f) * 1.57079632679490f;
  const vec16 t = a * a;
  const vec16 c = 1 + t * (-1.0f / 2 + t * (1.0f / 24 + t * (-1.0f / 720 + t * (1.0f / 40320))));
  const vec16 s = a * (1 + t * (-1.0f / 6 + t * (1.0f / 120 + t * (-1.0f / 5040 + t * (1.0f / 362880)))));
  /* Turned from the middle of the first quarter to where it belongs. */
  const vec16 half = (vec16){0} + 0.70710678118655f;
  const vec16 x = half * (c - s), y = half * (c + s);
  const ivec16 odd = -(quarter & 1), over = -((quarter >> 1) & 1);
  const vec16 first = (vec16)(((ivec16)x & ~odd) | ((ivec16)(-y) & odd));
  const vec16 second = (vec16)(((ivec16)y & ~odd) | ((ivec16)x & odd));
  *cosine = (vec16)((ivec16)first ^ (over & INT32_MIN));
  *sine = (vec16)((ivec16)second ^ (over & INT32_MIN));
}

CLONES WIDE void rt_normal_noise(float *restrict out, uint64_t seed, uint64_t stream, size_t count) {
  for (size_t at = 0; at < count; at += 4 * VEC16) {
    uvec16 w[4];
    philox(w, at / 4, seed, stream);
    vec16 normal[4];
    for (int pair = 0; pair < 4; pair += 2) {
      vec16 radius;
      log_of(&radius, &w[pair]);
      for (size_t i = 0; i < VEC16; i++) radius[i] = __builtin_sqrtf(-2 * radius[i]);
      rotation_of(&w[pair + 1], &normal[pair], &normal[pair + 1]);
      normal[pair] *= radius;
      normal[pair + 1] *= radius;
    }
    for (size_t k = 0; k < 4; k++) {
      if (at + (k + 1) * VEC16 <= count)
        *(vec16 *)(out + at + k * VEC16) = normal[k];
      else
        for (size_t i = 0; at + k * VEC16 + i < count && i < VEC16; i++) out[at + k * VEC16 + i] = normal[k][i];
    }
  }
}

CLONES WIDE void rt_uniform_noise(float *restrict out, uint64_t seed, uint64_t stream, size_t count) {
  for (size_t at = 0; at < count; at += 4 * VEC16) {
    uvec16 w[4];
    philox(w, at / 4, seed, stream);
    for (size_t k = 0; k < 4; k++) {
      const vec16 uniform = __builtin_convertvector(w[k] >> 8, vec16) * 0x1p-23f - 1;
      for (size_t i = 0; at + k * VEC16 + i < count && i < VEC16; i++) out[at + k * VEC16 + i] = uniform[i];
    }
  }
}
