#include "matrix.h"

#include <string.h>

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

/* The product of the two smaller parts is left out: it is smaller than what splitting rounded away. */
static void panel_plain(float *sums, size_t stride, const uint32_t *rows, const rt_matrix_columns *columns,
                        size_t squares, bool anew) {
  for (size_t r = 0; r < RT_MANY_ROWS; r++)
    for (size_t p = 0; p < RT_PANEL; p++) {
      float sum = anew ? 0 : sums[r * stride + p];
      for (size_t k = 0; k < squares; k++)
        for (size_t i = 0; i < PARTS; i++)
          for (size_t j = 0; i + j < PARTS; j++) {
            const uint32_t *row = rows + (k * PARTS + i) * PART_WORDS + r * LANES;
            const uint32_t *column = columns->pairs + columns->offsets[k] + j * columns->part_step + p;
            for (size_t l = 0; l < LANES; l++, column += columns->row_step)
              sum += half_of(row[l], false) * half_of(*column, false) + half_of(row[l], true) * half_of(*column, true);
          }
      sums[r * stride + p] = sum;
    }
}

#if HAS_MATRIX_UNIT
#define MATRIX_UNIT __attribute__((target("avx512f,avx512bw,amx-tile,amx-bf16")))

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

/* Tiles 0 to 3 hold sums, 4 and 5 rows, 6 and 7 columns. */
#define LOAD_ROWS(PART)                                            \
  _tile_loadd(4, row + (PART) * PART_WORDS, 64);                   \
  _tile_loadd(5, row + (PART) * PART_WORDS + PART_WORDS / 2, 64);
#define LOAD_COLUMNS(PART)                                         \
  _tile_loadd(6, column + (PART) * columns->part_step, step);      \
  _tile_loadd(7, column + (PART) * columns->part_step + LANES, step);
#define MULTIPLY           \
  _tile_dpbf16ps(0, 4, 6); \
  _tile_dpbf16ps(1, 4, 7); \
  _tile_dpbf16ps(2, 5, 6); \
  _tile_dpbf16ps(3, 5, 7);

MATRIX_UNIT static void panel_tiles(float *sums, size_t stride, const uint32_t *rows, const rt_matrix_columns *columns,
                                    size_t squares, bool anew, const float *const *ahead) {
  const size_t line = stride * sizeof *sums, step = columns->row_step * sizeof *rows;
  if (anew) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, sums, line);
    _tile_loadd(1, sums + LANES, line);
    _tile_loadd(2, sums + LANES * stride, line);
    _tile_loadd(3, sums + LANES * stride + LANES, line);
  }
  const uint32_t *row = rows;
  for (size_t k = 0; k < squares; k++, row += PARTS * PART_WORDS) {
    const uint32_t *column = columns->pairs + columns->offsets[k];
    if (ahead)
      for (size_t i = 0; i < RT_SQUARE; i += LANES) __builtin_prefetch(ahead[k] + i, 0, 2);
    /* Each step exchanges one factor alone. */
    LOAD_ROWS(0)
    LOAD_COLUMNS(1)
    MULTIPLY
    LOAD_COLUMNS(0)
    MULTIPLY
    LOAD_ROWS(1)
    MULTIPLY
  }
  _tile_stored(0, sums, line);
  _tile_stored(1, sums + LANES, line);
  _tile_stored(2, sums + LANES * stride, line);
  _tile_stored(3, sums + LANES * stride + LANES, line);
}

/* The state of the tiles is large, so that Linux wants to be asked for it. */
static bool may_use_tiles(void) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static bool has_matrix_unit;
static void look_for_matrix_unit(void) {
  __builtin_cpu_init();
  has_matrix_unit = __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("amx-tile") &&
                    __builtin_cpu_supports("amx-bf16") && may_use_tiles();
}

bool rt_has_matrix_unit(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, look_for_matrix_unit);
  return has_matrix_unit;
}

void rt_matrix_begin(void) {
  if (rt_has_matrix_unit()) load_configuration();
}

void rt_matrix_end(void) {
  if (rt_has_matrix_unit()) release_tiles();
}

void rt_matrix_panel(float *sums, size_t stride, const uint32_t *rows, const rt_matrix_columns *columns, size_t squares,
                     bool anew, const float *const *ahead) {
  if (rt_has_matrix_unit())
    panel_tiles(sums, stride, rows, columns, squares, anew, ahead);
  else
    panel_plain(sums, stride, rows, columns, squares, anew);
}
#else
bool rt_has_matrix_unit(void) { return false; }
void rt_matrix_begin(void) {}
void rt_matrix_end(void) {}
void rt_matrix_panel(float *sums, size_t stride, const uint32_t *rows, const rt_matrix_columns *columns, size_t squares,
                     bool anew, const float *const *ahead) {
  (void)ahead;
  panel_plain(sums, stride, rows, columns, squares, anew);
}
#endif
