#include "clones.h"
#include "kernels.h"
#include "transpose.h"

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

typedef uint32_t words __attribute__((vector_size(64), aligned(4)));
typedef uint64_t long_words __attribute__((vector_size(128), aligned(8)));

INLINE void multiply_wide(const words *x, uint32_t by, words *high, words *low) {
  const long_words product = __builtin_convertvector(*x, long_words) * by;
  *low = __builtin_convertvector(product, words);
  *high = __builtin_convertvector(product >> 32, words);
}

/* Philox4x32-10 of sixteen counters, as Philox.swift has it of one. */
INLINE void philox(words out[4], uint64_t block, uint64_t seed, uint64_t stream) {
  words c[4];
  for (size_t i = 0; i < LANES; i++) {
    c[0][i] = (uint32_t)(block + i);
    c[1][i] = (uint32_t)((block + i) >> 32);
    c[2][i] = (uint32_t)stream;
    c[3][i] = (uint32_t)(stream >> 32);
  }
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    words ah, al, bh, bl;
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
INLINE void log_of(lanes *log, const words *w) {
  const lanes x = (__builtin_convertvector(*w >> 8, lanes) + 0.5f) * 0x1p-24f;
  integers i = (integers)x - 0x3F3504F3;
  const integers exponent = i >> 23;
  const lanes m = (lanes)((i & 0x007FFFFF) + 0x3F3504F3);
  const lanes s = (m - 1) / (m + 1), t = s * s;
  *log = __builtin_convertvector(exponent, lanes) * 0.693147180559945f +
         s * (2 + t * (2.0f / 3 + t * (2.0f / 5 + t * (2.0f / 7 + t * (2.0f / 9)))));
}

/* Cosine and sine of 2 pi w 2^-32: a quarter of the turn by the two highest bits, the rest by Taylor's series about its
   middle. */
INLINE void turn_of(const words *w, lanes *cosine, lanes *sine) {
  const integers quarter = (integers)(*w >> 30);
  const lanes a = (__builtin_convertvector((integers)(*w << 2 >> 8), lanes) * 0x1p-24f - 0.5f) * 1.57079632679490f;
  const lanes t = a * a;
  const lanes c = 1 + t * (-1.0f / 2 + t * (1.0f / 24 + t * (-1.0f / 720 + t * (1.0f / 40320))));
  const lanes s = a * (1 + t * (-1.0f / 6 + t * (1.0f / 120 + t * (-1.0f / 5040 + t * (1.0f / 362880)))));
  /* Turned from the middle of the first quarter to where it belongs. */
  const lanes half = (lanes){0} + 0.70710678118655f;
  const lanes x = half * (c - s), y = half * (c + s);
  const integers odd = -(quarter & 1), over = -((quarter >> 1) & 1);
  const lanes first = (lanes)(((integers)x & ~odd) | ((integers)(-y) & odd));
  const lanes second = (lanes)(((integers)y & ~odd) | ((integers)x & odd));
  *cosine = (lanes)((integers)first ^ (over & INT32_MIN));
  *sine = (lanes)((integers)second ^ (over & INT32_MIN));
}

CLONES WIDE void rt_normal_noise(float *restrict out, uint64_t seed, uint64_t stream, size_t count) {
  for (size_t at = 0; at < count; at += 4 * LANES) {
    words w[4];
    philox(w, at / 4, seed, stream);
    lanes made[4];
    for (int pair = 0; pair < 4; pair += 2) {
      lanes radius;
      log_of(&radius, &w[pair]);
      for (size_t i = 0; i < LANES; i++) radius[i] = __builtin_sqrtf(-2 * radius[i]);
      turn_of(&w[pair + 1], &made[pair], &made[pair + 1]);
      made[pair] *= radius;
      made[pair + 1] *= radius;
    }
    for (size_t k = 0; k < 4; k++) {
      if (at + (k + 1) * LANES <= count)
        *(lanes *)(out + at + k * LANES) = made[k];
      else
        for (size_t i = 0; at + k * LANES + i < count && i < LANES; i++) out[at + k * LANES + i] = made[k][i];
    }
  }
}

CLONES WIDE void rt_uniform_noise(float *restrict out, uint64_t seed, uint64_t stream, size_t count) {
  for (size_t at = 0; at < count; at += 4 * LANES) {
    words w[4];
    philox(w, at / 4, seed, stream);
    for (size_t k = 0; k < 4; k++) {
      const lanes made = __builtin_convertvector(w[k] >> 8, lanes) * 0x1p-23f - 1;
      for (size_t i = 0; at + k * LANES + i < count && i < LANES; i++) out[at + k * LANES + i] = made[i];
    }
  }
}
