#include <string.h>

#include "bf16.h"
#include "kernels.h"

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#define HAS_UNITS 1
#endif

static float half_of(uint32_t word, bool high) {
  const uint32_t bits = high ? word & 0xffff0000 : word << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

#define PANEL_ARGUMENTS                                                                                    \
  float *sums, const uint32_t *weights, const rt_panel_columns *columns, size_t k_blocks, rt_format format, \
      bool anew, const rt_panel_prefetch *prefetch

/* Floats that hold integers for a time. */
typedef int32_t __attribute__((may_alias)) whole;

static void int8x3_plain(PANEL_ARGUMENTS) {
  whole *sum = (whole *)sums;
  for (size_t order = 0; order < RT_INT8_SLICES; order++)
    for (size_t p = 0; p < RT_PANEL; p++)
      for (size_t r = 0; r < RT_MR; r++, sum++) {
        if (anew) *sum = 0;
        for (size_t k = 0; k < k_blocks; k++)
          for (size_t i = 0; i <= order; i++) {
            const int8_t *weight = (const int8_t *)(weights + (k * RT_INT8_SLICES + i) * SLICE_WORDS +
                                                    r / VEC16 * HALF_WORDS + r % VEC16);
            const int8_t *column = (const int8_t *)(columns->packed + columns->offsets[k] +
                                                    (order - i) * columns->slice_stride + p * VEC16);
            for (size_t l = 0; l < VEC16; l++, weight += 4 * VEC16, column += 4)
              for (size_t b = 0; b < 4; b++) *sum += weight[b] * column[b];
          }
      }
  (void)prefetch;
  (void)format;
}

/* The product of the two smaller slices of bf16x2 is left out: it is smaller than what splitting rounded away. */
static void panel_plain(PANEL_ARGUMENTS) {
  if (format == RT_INT8X3) {
    int8x3_plain(sums, weights, columns, k_blocks, format, anew, prefetch);
    return;
  }
  const size_t slices = rt_slices(format);
  for (size_t p = 0; p < RT_PANEL; p++)
    for (size_t r = 0; r < RT_MR; r++) {
      float sum = anew ? 0 : sums[p * RT_MR + r];
      for (size_t k = 0; k < k_blocks; k++)
        for (size_t i = 0; i < slices; i++)
          for (size_t j = 0; i + j < slices; j++) {
            const uint32_t *weight = weights + (k * slices + i) * SLICE_WORDS + r / VEC16 * HALF_WORDS + r % VEC16;
            const uint32_t *column = columns->packed + columns->offsets[k] + j * columns->slice_stride + p * VEC16;
            for (size_t l = 0; l < VEC16; l++, weight += VEC16)
              sum += half_of(*weight, false) * half_of(column[l], false) +
                     half_of(*weight, true) * half_of(column[l], true);
          }
      sums[p * RT_MR + r] = sum;
    }
  (void)prefetch;
}

#if HAS_UNITS
/* Prefetches the share of one K-block of the weights. */
static inline void prefetch_words(const uint32_t *weights, const rt_panel_prefetch *prefetch) {
  for (size_t i = prefetch->first; i < prefetch->end; i += VEC16) __builtin_prefetch(weights + i, 0, 2);
}

#define AMX __attribute__((target("avx512f,avx512bw,amx-tile,amx-bf16,amx-int8")))

typedef struct amx_configuration {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} amx_configuration;

AMX static void load_amx_configuration(void) {
  amx_configuration configuration = {.palette = 1};
  for (int tile = 0; tile < 8; tile++) {
    configuration.row_bytes[tile] = 64;
    configuration.rows[tile] = VEC16;
  }
  _tile_loadconfig(&configuration);
}

AMX static void release_amx_tiles(void) { _tile_release(); }

/* AMX tiles 0 to 3 hold sums, 4 and 5 positions, 6 and 7 weights. */
#define LOAD_COLUMNS(SLICE)                                               \
  _tile_loadd(4, column + (SLICE) * columns->slice_stride, LINE);         \
  _tile_loadd(5, column + (SLICE) * columns->slice_stride + VEC16 * VEC16, LINE);
#define LOAD_WEIGHTS(SLICE)                                  \
  _tile_loadd(6, weight + (SLICE) * SLICE_WORDS, LINE);      \
  _tile_loadd(7, weight + (SLICE) * SLICE_WORDS + HALF_WORDS, LINE);
#define MULTIPLY           \
  _tile_dpbf16ps(0, 4, 6); \
  _tile_dpbf16ps(1, 4, 7); \
  _tile_dpbf16ps(2, 5, 6); \
  _tile_dpbf16ps(3, 5, 7);

#define BEGIN_SUMS                                                   \
  if (anew) {                                                        \
    _tile_zero(0);                                                   \
    _tile_zero(1);                                                   \
    _tile_zero(2);                                                   \
    _tile_zero(3);                                                   \
  } else {                                                           \
    _tile_loadd(0, sums, SUMS_LINE);                                 \
    _tile_loadd(1, sums + VEC16, SUMS_LINE);                         \
    _tile_loadd(2, sums + VEC16 * RT_MR, SUMS_LINE);               \
    _tile_loadd(3, sums + VEC16 * RT_MR + VEC16, SUMS_LINE);       \
  }
#define STORE_SUMS                                           \
  _tile_stored(0, sums, SUMS_LINE);                          \
  _tile_stored(1, sums + VEC16, SUMS_LINE);                  \
  _tile_stored(2, sums + VEC16 * RT_MR, SUMS_LINE);        \
  _tile_stored(3, sums + VEC16 * RT_MR + VEC16, SUMS_LINE);

enum { LINE = VEC16 * sizeof(uint32_t), SUMS_LINE = RT_MR * sizeof(float) };

/* One order after the other, since there are not AMX tiles enough for the sums of all. */
AMX static void int8x3_amx(PANEL_ARGUMENTS) {
  _Pragma("clang loop unroll(full)") for (size_t order = 0; order < RT_INT8_SLICES; order++, sums += RT_PANEL * RT_MR) {
    BEGIN_SUMS
    for (size_t k = 0; k < k_blocks; k++) {
      const uint32_t *weight = weights + k * RT_INT8_SLICES * SLICE_WORDS;
      const uint32_t *column = columns->packed + columns->offsets[k];
      if (prefetch && order == 0) prefetch_words(weight + k_blocks * RT_INT8_SLICES * SLICE_WORDS, prefetch);
      _Pragma("clang loop unroll(full)") for (size_t i = 0; i <= order; i++) {
        LOAD_COLUMNS(i)
        LOAD_WEIGHTS(order - i)
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
      }
    }
    STORE_SUMS
  }
  (void)format;
}

AMX static void panel_amx(PANEL_ARGUMENTS) {
  if (format == RT_INT8X3) {
    int8x3_amx(sums, weights, columns, k_blocks, format, anew, prefetch);
    return;
  }
  BEGIN_SUMS
  const size_t block_words = rt_slices(format) * SLICE_WORDS;
  for (size_t k = 0; k < k_blocks; k++) {
    const uint32_t *weight = weights + k * block_words, *column = columns->packed + columns->offsets[k];
    if (prefetch) prefetch_words(weight + k_blocks * block_words, prefetch);
    /* Each step exchanges one factor alone. */
    LOAD_WEIGHTS(0)
    if (format == RT_BF16X2) {
      LOAD_COLUMNS(1)
      MULTIPLY
    }
    LOAD_COLUMNS(0)
    MULTIPLY
    if (format == RT_BF16X2) {
      LOAD_WEIGHTS(1)
      MULTIPLY
    }
  }
  STORE_SUMS
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512bf16"), min_vector_width(512)))

/* RT_BF16 alone. */
AVX512 static void bf16_avx512(PANEL_ARGUMENTS) {
  enum { POSITIONS = 8 };
  for (size_t first = 0; first < RT_PANEL; first += POSITIONS) {
    float *own = sums + first * RT_MR;
    __m512 low[POSITIONS], high[POSITIONS];
    for (size_t p = 0; p < POSITIONS; p++) {
      low[p] = anew ? _mm512_setzero_ps() : _mm512_loadu_ps(own + p * RT_MR);
      high[p] = anew ? _mm512_setzero_ps() : _mm512_loadu_ps(own + p * RT_MR + VEC16);
    }
    for (size_t k = 0; k < k_blocks; k++) {
      const uint32_t *weight = weights + k * SLICE_WORDS;
      const uint32_t *column = columns->packed + columns->offsets[k] + first * VEC16;
      if (prefetch && first == 0) prefetch_words(weight + k_blocks * SLICE_WORDS, prefetch);
      for (size_t l = 0; l < VEC16; l++, weight += VEC16) {
        const __m512bh a = (__m512bh)_mm512_loadu_si512(weight);
        const __m512bh b = (__m512bh)_mm512_loadu_si512(weight + HALF_WORDS);
#pragma clang loop unroll(full)
        for (size_t p = 0; p < POSITIONS; p++) {
          const __m512bh pair = (__m512bh)_mm512_set1_epi32((int)column[p * VEC16 + l]);
          low[p] = _mm512_dpbf16_ps(low[p], a, pair);
          high[p] = _mm512_dpbf16_ps(high[p], b, pair);
        }
      }
    }
    for (size_t p = 0; p < POSITIONS; p++) {
      _mm512_storeu_ps(own + p * RT_MR, low[p]);
      _mm512_storeu_ps(own + p * RT_MR + VEC16, high[p]);
    }
  }
  (void)format;
}

/* The state of AMX tiles is large, so that Linux wants to be asked for it. */
static bool may_use_amx(void) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static rt_low_precision_unit unit;
static void look_for_unit(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("x86-64-v4")) return;
  if (__builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
      __builtin_cpu_supports("amx-int8") && may_use_amx())
    unit = RT_UNIT_AMX;
  else if (__builtin_cpu_supports("avx512bf16"))
    unit = RT_UNIT_AVX512_BF16;
}

rt_low_precision_unit rt_available_unit(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, look_for_unit);
  return unit;
}

void rt_amx_begin(void) {
  if (rt_available_unit() == RT_UNIT_AMX) load_amx_configuration();
}

void rt_amx_end(void) {
  if (rt_available_unit() == RT_UNIT_AMX) release_amx_tiles();
}

static const rt_panel_kernel_variant variants[] = {
    {"amx", RT_UNIT_AMX, RT_INT8_SLICES, panel_amx},
    {"avx512bf16", RT_UNIT_AVX512_BF16, 1, bf16_avx512},
    {"plain", RT_UNIT_NONE, RT_INT8_SLICES, panel_plain},
};
#else
rt_low_precision_unit rt_available_unit(void) { return RT_UNIT_NONE; }
void rt_amx_begin(void) {}
void rt_amx_end(void) {}
static const rt_panel_kernel_variant variants[] = {{"plain", RT_UNIT_NONE, RT_INT8_SLICES, panel_plain}};
#endif

static size_t best(void) {
  size_t variant = 0;
  while (variants[variant].unit > rt_available_unit()) variant++;
  return variant;
}

const rt_panel_kernel_variant *rt_panel_kernel_variants(size_t *count) {
  *count = sizeof variants / sizeof *variants - best();
  return variants + best();
}

void rt_panel_kernel(PANEL_ARGUMENTS) {
  const rt_panel_kernel_variant *variant = variants + best();
  while (variant->max_slices < rt_slices(format)) variant++;
  variant->kernel(sums, weights, columns, k_blocks, format, anew, prefetch);
}
