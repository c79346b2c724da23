#include <string.h>

#include "kernels.h"
#include "split.h"

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#define HAS_MATRIX_UNIT 1
#endif

static float half_of(uint32_t word, bool high) {
  const uint32_t bits = high ? word & 0xffff0000 : word << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

#define PANEL_ARGUMENTS                                                                                            \
  float *sums, const uint32_t *weights, const rt_matrix_positions *positions, size_t blocks, int32_t parts, \
      bool anew, const rt_near *near

/* Floats that hold integers for a time. */
typedef int32_t __attribute__((may_alias)) whole;

static void panel_of_bytes(PANEL_ARGUMENTS) {
  whole *sum = (whole *)sums;
  for (size_t order = 0; order < RT_BYTES; order++)
    for (size_t p = 0; p < RT_PANEL; p++)
      for (size_t r = 0; r < RT_ROWS; r++, sum++) {
        if (anew) *sum = 0;
        for (size_t k = 0; k < blocks; k++)
          for (size_t i = 0; i <= order; i++) {
            const int8_t *weight =
                (const int8_t *)(weights + (k * RT_BYTES + i) * PART_WORDS + r / LANES * HALF_WORDS + r % LANES);
            const int8_t *position = (const int8_t *)(positions->pairs + positions->offsets[k] +
                                                      (order - i) * positions->part_step + p * LANES);
            for (size_t l = 0; l < LANES; l++, weight += 4 * LANES, position += 4)
              for (size_t b = 0; b < 4; b++) *sum += weight[b] * position[b];
          }
      }
  (void)near;
  (void)parts;
}

/* The product of the two smaller parts is left out: it is smaller than what splitting rounded away. */
static void panel_plain(PANEL_ARGUMENTS) {
  if (parts == RT_BYTES) {
    panel_of_bytes(sums, weights, positions, blocks, parts, anew, near);
    return;
  }
  for (size_t p = 0; p < RT_PANEL; p++)
    for (size_t r = 0; r < RT_ROWS; r++) {
      float sum = anew ? 0 : sums[p * RT_ROWS + r];
      for (size_t k = 0; k < blocks; k++)
        for (size_t i = 0; i < (size_t)parts; i++)
          for (size_t j = 0; i + j < (size_t)parts; j++) {
            const uint32_t *weight = weights + (k * (size_t)parts + i) * PART_WORDS + r / LANES * HALF_WORDS + r % LANES;
            const uint32_t *position = positions->pairs + positions->offsets[k] + j * positions->part_step + p * LANES;
            for (size_t l = 0; l < LANES; l++, weight += LANES)
              sum += half_of(*weight, false) * half_of(position[l], false) +
                     half_of(*weight, true) * half_of(position[l], true);
          }
      sums[p * RT_ROWS + r] = sum;
    }
  (void)near;
}

#if HAS_MATRIX_UNIT
/* Of a block. */
static inline void bring_near(const uint32_t *weights, const rt_near *near) {
  for (size_t i = near->first; i < near->end; i += LANES) __builtin_prefetch(weights + i, 0, 2);
}

#define MATRIX_UNIT __attribute__((target("avx512f,avx512bw,amx-tile,amx-bf16,amx-int8")))

typedef struct tile_configuration {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_configuration;

MATRIX_UNIT static void load_configuration(void) {
  tile_configuration configuration = {.palette = 1};
  for (int tile = 0; tile < 8; tile++) {
    configuration.row_bytes[tile] = 64;
    configuration.rows[tile] = LANES;
  }
  _tile_loadconfig(&configuration);
}

MATRIX_UNIT static void release_tiles(void) { _tile_release(); }

/* Tiles 0 to 3 hold sums, 4 and 5 positions, 6 and 7 weights. */
#define LOAD_POSITIONS(PART)                                               \
  _tile_loadd(4, position + (PART) * positions->part_step, LINE);          \
  _tile_loadd(5, position + (PART) * positions->part_step + LANES * LANES, LINE);
#define LOAD_WEIGHTS(PART)                                 \
  _tile_loadd(6, weight + (PART) * PART_WORDS, LINE);      \
  _tile_loadd(7, weight + (PART) * PART_WORDS + HALF_WORDS, LINE);
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
    _tile_loadd(1, sums + LANES, SUMS_LINE);                         \
    _tile_loadd(2, sums + LANES * RT_ROWS, SUMS_LINE);               \
    _tile_loadd(3, sums + LANES * RT_ROWS + LANES, SUMS_LINE);       \
  }
#define STORE_SUMS                                           \
  _tile_stored(0, sums, SUMS_LINE);                          \
  _tile_stored(1, sums + LANES, SUMS_LINE);                  \
  _tile_stored(2, sums + LANES * RT_ROWS, SUMS_LINE);        \
  _tile_stored(3, sums + LANES * RT_ROWS + LANES, SUMS_LINE);

enum { LINE = LANES * sizeof(uint32_t), SUMS_LINE = RT_ROWS * sizeof(float) };

/* One order after the other, since there are not tiles enough for the sums of all. */
MATRIX_UNIT static void panel_of_bytes_by_tiles(PANEL_ARGUMENTS) {
  _Pragma("clang loop unroll(full)") for (size_t order = 0; order < RT_BYTES; order++, sums += RT_PANEL * RT_ROWS) {
    BEGIN_SUMS
    for (size_t k = 0; k < blocks; k++) {
      const uint32_t *weight = weights + k * RT_BYTES * PART_WORDS;
      const uint32_t *position = positions->pairs + positions->offsets[k];
      if (near && order == 0) bring_near(weight + blocks * RT_BYTES * PART_WORDS, near);
      _Pragma("clang loop unroll(full)") for (size_t i = 0; i <= order; i++) {
        LOAD_POSITIONS(i)
        LOAD_WEIGHTS(order - i)
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
      }
    }
    STORE_SUMS
  }
}

MATRIX_UNIT static void panel_tiles(PANEL_ARGUMENTS) {
  if (parts == RT_BYTES) {
    panel_of_bytes_by_tiles(sums, weights, positions, blocks, parts, anew, near);
    return;
  }
  BEGIN_SUMS
  const size_t block_words = (size_t)parts * PART_WORDS;
  for (size_t k = 0; k < blocks; k++) {
    const uint32_t *weight = weights + k * block_words, *position = positions->pairs + positions->offsets[k];
    if (near) bring_near(weight + blocks * block_words, near);
    /* Each step exchanges one factor alone. */
    LOAD_WEIGHTS(0)
    if (parts == 2) {
      LOAD_POSITIONS(1)
      MULTIPLY
    }
    LOAD_POSITIONS(0)
    MULTIPLY
    if (parts == 2) {
      LOAD_WEIGHTS(1)
      MULTIPLY
    }
  }
  STORE_SUMS
}

#define VECTORS __attribute__((target("avx512f,avx512bw,avx512bf16"), min_vector_width(512)))

/* The same of one part, by vectors of pairs. */
VECTORS static void panel_vectors(PANEL_ARGUMENTS) {
  enum { POSITIONS = 8 };
  for (size_t first = 0; first < RT_PANEL; first += POSITIONS) {
    float *own = sums + first * RT_ROWS;
    __m512 low[POSITIONS], high[POSITIONS];
    for (size_t p = 0; p < POSITIONS; p++) {
      low[p] = anew ? _mm512_setzero_ps() : _mm512_loadu_ps(own + p * RT_ROWS);
      high[p] = anew ? _mm512_setzero_ps() : _mm512_loadu_ps(own + p * RT_ROWS + LANES);
    }
    for (size_t k = 0; k < blocks; k++) {
      const uint32_t *weight = weights + k * PART_WORDS;
      const uint32_t *position = positions->pairs + positions->offsets[k] + first * LANES;
      if (near && first == 0) bring_near(weight + blocks * PART_WORDS, near);
      for (size_t l = 0; l < LANES; l++, weight += LANES) {
        const __m512bh a = (__m512bh)_mm512_loadu_si512(weight);
        const __m512bh b = (__m512bh)_mm512_loadu_si512(weight + HALF_WORDS);
#pragma clang loop unroll(full)
        for (size_t p = 0; p < POSITIONS; p++) {
          const __m512bh pair = (__m512bh)_mm512_set1_epi32((int)position[p * LANES + l]);
          low[p] = _mm512_dpbf16_ps(low[p], a, pair);
          high[p] = _mm512_dpbf16_ps(high[p], b, pair);
        }
      }
    }
    for (size_t p = 0; p < POSITIONS; p++) {
      _mm512_storeu_ps(own + p * RT_ROWS, low[p]);
      _mm512_storeu_ps(own + p * RT_ROWS + LANES, high[p]);
    }
  }
}

/* The state of the tiles is large, so that Linux wants to be asked for it. */
static bool may_use_tiles(void) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static rt_bfloat_unit unit;
static void look_for_unit(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("x86-64-v4")) return;
  if (__builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
      __builtin_cpu_supports("amx-int8") && may_use_tiles())
    unit = RT_BFLOAT_TILES;
  else if (__builtin_cpu_supports("avx512bf16"))
    unit = RT_BFLOAT_VECTORS;
}

rt_bfloat_unit rt_bfloat_products(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, look_for_unit);
  return unit;
}

void rt_matrix_begin(void) {
  if (rt_bfloat_products() == RT_BFLOAT_TILES) load_configuration();
}

void rt_matrix_end(void) {
  if (rt_bfloat_products() == RT_BFLOAT_TILES) release_tiles();
}

static const rt_matrix_variant variants[] = {
    {"tiles", RT_BFLOAT_TILES, RT_BYTES, panel_tiles},
    {"vectors", RT_BFLOAT_VECTORS, 1, panel_vectors},
    {"plain", RT_BFLOAT_NONE, RT_BYTES, panel_plain},
};
#else
rt_bfloat_unit rt_bfloat_products(void) { return RT_BFLOAT_NONE; }
void rt_matrix_begin(void) {}
void rt_matrix_end(void) {}
static const rt_matrix_variant variants[] = {{"plain", RT_BFLOAT_NONE, RT_BYTES, panel_plain}};
#endif

/* The best comes first. */
static size_t best(void) {
  size_t variant = 0;
  while (variants[variant].unit > rt_bfloat_products()) variant++;
  return variant;
}

const rt_matrix_variant *rt_matrix_variants(size_t *count) {
  *count = sizeof variants / sizeof *variants - best();
  return variants + best();
}

void rt_matrix_panel(PANEL_ARGUMENTS) {
  const rt_matrix_variant *variant = variants + best();
  while (variant->most_parts < parts) variant++;
  variant->panel(sums, weights, positions, blocks, parts, anew, near);
}
