/*
 * Plain loops over floats, written so that the compiler vectorises them, and compiled several times on x86-64: the
 * variant for the CPU at hand is chosen when the program is loaded. No allocation, no policy, no threads.
 */
#ifndef KERNELS_H
#define KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
/* Products and sums are fused wherever they meet, in the kernels that include this. */
#pragma clang fp contract(fast)
#pragma clang assume_nonnull begin
#endif

/* ---- conversion */

void rt_from_half(float *out, const void *in, size_t count);
/* To the nearest half, ties to even; finite numbers alone, of which those out of range become the greatest half. */
void rt_to_half(void *out, const float *in, size_t count);
void rt_from_bfloat(float *out, const void *in, size_t count);
void rt_from_double(float *out, const void *in, size_t count);
bool rt_all_finite(const float *x, size_t count);

/* ---- elementwise */

void rt_fill(float *out, float value, size_t count);
void rt_copy(float *out, const float *in, size_t count);
void rt_add(float *y, const float *x, size_t count);             /* y += x */
void rt_add_scaled(float *y, const float *x, float scale, size_t count); /* y += scale x */
void rt_multiply(float *y, const float *x, size_t count);        /* y *= x */

void rt_weight_about(float *out, const float *x, const float *weights, float mean, size_t count); /* w (x - mean) */
void rt_add_weighted(float *y, const float *weights, const float *x, float slope, float offset,
                     size_t count);                              /* y += w (slope x + offset) */
void rt_subtract_ratio(float *y, const float *x, const float *weights, float least,
                       size_t count);                            /* y -= x / max(w, least) */
/* out[i] = sum over k of factors[k] base[offsets[k] + i] */
void rt_weighted_sum(float *out, const float *base, const int64_t *offsets, const float *factors, size_t terms,
                     size_t count);

/* ---- views of photos */

/* Floats of scratch that rt_resample needs. */
size_t rt_resample_scratch(size_t columns, size_t size);
/*
 * A view of a photo: out is [3][size][size], photo a corner of interleaved RGB with rows `step` bytes apart, of which
 * `columns` columns are read. Row y of the view is mixed from rows first_rows[y] ..< first_rows[y] + row_taps by
 * row_weights[y * row_taps ...], and column x likewise. Nothing else of the photo is read.
 */
void rt_resample(float *out, size_t size, const uint8_t *photo, size_t step, size_t columns, const int32_t *first_rows,
                 const float *row_weights, size_t row_taps, const int32_t *first_columns, const float *column_weights,
                 size_t column_taps, float *scratch);
/*
 * Planes [3][count] in 0...1: the distance to the luma (ITU-R BT.601) times `saturation`, then the distance to 0.5 times
 * `contrast`, then `brightness` added, then clamped to 0...1.
 */
void rt_jitter(float *planes, float saturation, float contrast, float brightness, size_t count);

/* ---- reductions, in a fixed order */

double rt_sum_squares(const float *x, size_t count);
double rt_dot(const float *x, const float *y, size_t count);
double rt_squared_distance(const float *x, const float *y, size_t count);

/* sum weight (x - mean)^2 */
double rt_weighted_squares(const float *x, const float *weights, double mean, size_t count);

/* ---- the layout of feature maps */

/*
 * Feature maps of a network are [channels / RT_LANES][position][RT_LANES], filled up with channels of zeros; a position
 * is [image][row][column]. So a position's channels fill vectors, whatever the window that reads it. Behind the
 * positions of each block of channels lies one more, of zeros, which stands for all that is outside of the map. A
 * block's positions and that one are `step` floats.
 */
enum { RT_LANES = 16 };

/* y = max(y, 0) at `count` positions; bit c of a position's number, if it is wanted, tells whether lane c is above
   0. */
void rt_relu(float *y, uint16_t *_Nullable positive, size_t count);
/* gradient where the bits are set, else 0 */
void rt_mask(float *gradient, const uint16_t *positive, size_t count);

/* Up to RT_LANES planes, `plane` floats apart, become lanes of `count` positions, and zeros the other lanes:
   scale x + shift, of each channel. Adds to what is there if asked for. */
void rt_to_lanes(float *out, const float *planes, size_t plane, int32_t channels, size_t count,
                 const float *_Nullable scale, const float *_Nullable shift, bool add);
/* The other way: scale x. */
void rt_from_lanes(float *planes, size_t plane, const float *in, int32_t channels, size_t count,
                   const float *_Nullable scale);
/* Of `count` positions, with factors and offsets of each lane: out = scale in + shift, or out += scale in. */
void rt_affine_lanes(float *out, const float *in, const float *scale, const float *_Nullable shift, bool add,
                     size_t count);
/* The mean of each lane, summed in double precision, and the gradient: out += in / count at each position. */
void rt_mean_lanes(float *out, const float *in, size_t count);
void rt_spread_lanes(float *out, const float *in, size_t count);

/* ---- convolution */

/*
 * Sums of products are made in tiles of one or two blocks of RT_ROWS output channels, which lie side by side in the
 * registers, by a few positions. Weights are packed for this as [rows / RT_ROWS][term][RT_ROWS], filled up with zeros.
 * The terms of a sum are [tap][channel], in whole RT_LANES.
 */
enum { RT_ROWS = 32 };
/* Positions of a tile of two blocks of rows, and of one. */
enum { RT_PAIR_POSITIONS = 6, RT_SINGLE_POSITIONS = 8 };

/* Floats of as many terms as there are rows in a block. */
enum { RT_SQUARE = RT_ROWS * RT_ROWS };

/* Weights [out][in][row][column] in an array, in steps that may be negative; multiplied by a scale of each output or
   each input. In groups, of which outputs see their own inputs alone. */
typedef struct rt_weights {
  const float *values;
  ptrdiff_t out_step, in_step, row_step, column_step, group_step;
  int32_t first_out, outs, first_in, ins; /* those to pack, counted over all groups */
  int32_t group_outs, group_ins;
  int32_t rows, columns;
  const float *_Nullable out_scale, *_Nullable in_scale; /* over all groups */
} rt_weights;

/* A window of taps that slides over a feature map: grid position (qy, qx) of an image reads the map's rows qy step +
   top + 0..<taps_height and columns qx step + left + 0..<taps_width, as zeros outside. What it makes is written to
   position (qy spread + y, qx spread + x) of the output. */
typedef struct rt_window {
  int32_t height, width;           /* of the map */
  int32_t grid_height, grid_width; /* positions of the window */
  int32_t step, top, left;
  int32_t taps_height, taps_width;
  int32_t out_height, out_width;
  int32_t spread, y, x;
} rt_window;

/* Whether the window sees the map as it is: positions of the grid are positions of the map, in the same order. */
static inline bool rt_is_plain(const rt_window *w) {
  return w->taps_height == 1 && w->taps_width == 1 && w->step == 1 && w->top == 0 && w->left == 0 &&
         w->grid_height == w->height && w->grid_width == w->width && w->spread == 1;
}

/* What is done to sums of products before they are written. What is of floats is shaped as the output; bits are those
   of rt_relu, of each of its positions. */
typedef struct rt_finish {
  const float *_Nullable bias; /* of each row, in whole RT_LANES */
  const float *_Nullable residual;
  bool relu;
  uint16_t *_Nullable positive;   /* bits to be written, with a ReLU alone */
  const uint16_t *_Nullable mask; /* 0 is written where its bits are not set; excludes all but `accumulate` */
  bool accumulate;
} rt_finish;

/* That of the part of the output that begins so many floats later. */
static inline rt_finish rt_finish_from(const rt_finish *finish, size_t floats) {
  rt_finish f = *finish;
  if (f.residual) f.residual += floats;
  if (f.positive) f.positive += floats / RT_LANES;
  if (f.mask) f.mask += floats / RT_LANES;
  return f;
}

/* The terms of a tile's sums: those of tap t and of position p of `count` begin at from[t count + p], and each further
   RT_LANES of its channels lie `step` floats on. If they are pairs of bfloat16, as the weights then are too, the products
   of both halves of a word are added. */
typedef struct rt_terms {
  const float *_Nonnull const *_Nonnull from;
  size_t taps, blocks, step;
  bool pairs;
} rt_terms;

/* Weights that are brought near while others are multiplied: of as many blocks of rows, `second` floats apart, lines of
   16 floats from the one `line` on, in squares `step` floats apart; for each RT_LANES terms so many `lines` of a block.
   They need not be there. */
typedef struct rt_ahead {
  const float *_Nullable weights;
  size_t second, step, line, lines;
} rt_ahead;

/* The part of it that is due in one of so many passes over weights. Memory is slower than a pass, so all share the
   work. */
static inline rt_ahead rt_ahead_of_pass(rt_ahead all, size_t depth, size_t pass, size_t passes) {
  enum { MOST = 2 * RT_LANES };
  all.lines = passes < MOST ? (MOST + passes - 1) / passes : 1;
  all.line = pass * depth / RT_LANES * all.lines;
  if (all.line >= 2 * depth) all.weights = (const float *)0;
  return all;
}

/* One tile: sums[position][row] of one or two blocks of rows, whose weights lie `second` floats apart. */
void rt_tile(float *sums, const float *weights, size_t second, int32_t row_blocks, const rt_terms *terms, size_t count,
             rt_ahead ahead);

/* It as written for one kind of CPU. */
typedef struct rt_tile_variant {
  const char *name;
  void (*tile)(float *sums, const float *weights, size_t second, int32_t row_blocks, const rt_terms *terms,
               size_t count, rt_ahead ahead);
} rt_tile_variant;

/* Those that this CPU can execute; the first is the one that is used. */
const rt_tile_variant *rt_tile_variants(size_t *count);

/* Packs up to RT_ROWS outputs, with the terms of a tap filled up to `channels`, and all of them to whole RT_LANES. */
void rt_pack(float *packed, const rt_weights *weights, int32_t channels);

/* Weights of the other direction, where blocks are transposed when they are needed. */
typedef struct rt_transposed {
  size_t ins;   /* of a block of those */
  float *block; /* room for two blocks, of whole RT_ROWS of depth */
} rt_transposed;

/* One or two blocks of RT_ROWS rows, packed as [depth][RT_ROWS] up to whole RT_ROWS of depth, of the transposed of a
   matrix that is packed in such blocks, `step` floats apart: `packed` is the part of the first of them that holds these
   rows. Tells how far apart they are. */
size_t rt_transposed_blocks(float *out, const float *packed, size_t step, size_t depth, int32_t blocks);

/* How many positions a tile has at most for so many rows. */
static inline size_t rt_tile_positions(size_t rows) {
  return rows > RT_ROWS ? RT_PAIR_POSITIONS : RT_SINGLE_POSITIONS;
}

/* Positions first..<first + count of a window's grid, over all images: what they see, tile by tile, as rt_terms has it,
   and where in the output they are written, in floats. */
void rt_places(const float *_Nullable *_Nonnull from, size_t *places, const float *input, const rt_window *window,
               size_t images, size_t first, size_t count, size_t positions_of_tile);

/* Columns of what the window sees of the first `channels` lanes, for few of them: [position][tap][channel], each
   position filled up with zeros to `depth` floats. */
void rt_patches(float *patches, const float *input, int32_t channels, const rt_window *window, size_t images,
                size_t first, size_t count, size_t depth);

/* Sums for rows from a whole block on, finished. The blocks of the output, which begin with these rows, are `out_step`
   floats apart. `terms` are those of all tiles, of `count` positions together. `more`: the weights of rows that follow
   will be needed next. */
void rt_product(float *out, size_t out_step, const size_t *places, const float *weights,
                const rt_transposed *_Nullable transposed, const rt_terms *terms, size_t rows, size_t count, bool more,
                const rt_finish *finish);

/* Floats of one of the `step` lines that rt_fold needs. */
static inline int32_t rt_fold_line(const rt_window *window) {
  const int32_t map = (window->width + window->step - 1) / window->step;
  return (map > window->grid_width ? map : window->grid_width) + 3 * window->taps_width;
}

/* Adds products [channel][tap][position], rows of which are `stride` floats apart, of the window's grid rows
   first..<first + rows to the positions of the map that its taps see there: to the map's rows top..<bottom, of planes
   that begin at `out`. The window must not reach beyond the map by more than its own width. */
void rt_fold(float *out, size_t plane, int32_t channels, const rt_window *window, const float *products, size_t stride,
             int32_t first, int32_t rows, int32_t top, int32_t bottom, float *lines);

/*
 * Products by the units of a CPU that multiply short numbers. Floats are cut in parts:
 * - one: rounded to a bfloat16;
 * - two: a bfloat16 and another of what rounding left; three of the four products are added in float32 (Henry, Tang,
 *   Heinecke: arXiv 1904.06376), so that 16 bits of each float count;
 * - three, RT_BYTES: whole numbers of 24 bits, with a factor of their own for each row of weights and for what each
 *   position or strip sees, in digits of a byte; the six products of the greater digits are added as integers (Ootomo,
 *   Ozaki, Yokota: arXiv 2306.11975), which rounds no more than sums of floats do.
 *
 * Parts lie two or four in a word of 32 bits. Channels are taken in blocks: of RT_ROWS, in which channel k shares a word
 * with channel k + RT_LANES; or of bytes of twice as many, where they are four to a word. Weights of RT_ROWS outputs
 * lie as words, filled up with zeros: [block][part][half of the outputs][word of inputs][output], and behind those of
 * bytes the largest magnitude of each output's weights. There is a block for each tap and block of channels, of which
 * taps side by side follow each other, since they see mostly the same: [row of taps][block of channels][column of taps].
 */
enum { RT_BYTES = 3, RT_BYTE_VECTORS = 4 };

/* Channels of a block. */
static inline size_t rt_part_channels(int32_t parts) {
  return parts == RT_BYTES ? RT_BYTE_VECTORS * RT_LANES : RT_ROWS;
}

/* Positions that are multiplied at a time. */
enum { RT_PANEL = 32 };

/* What multiplies bfloat16 on this CPU, if the system lets it be used: matrix units (AMX), which multiply bytes too, or
   vector units alone (AVX-512), which are worth it for one part only. Without either the products below are done plainly, and slowly. */
typedef enum rt_bfloat_unit { RT_BFLOAT_NONE, RT_BFLOAT_VECTORS, RT_BFLOAT_TILES } rt_bfloat_unit;
rt_bfloat_unit rt_bfloat_products(void);

/* Positions of parts: those for block k begin at pairs + offsets[k], RT_LANES words each. */
typedef struct rt_matrix_positions {
  const uint32_t *pairs;
  const size_t *offsets;
  size_t part_step;
} rt_matrix_positions;

/* What is brought near while a panel is made: words first..<end of each of as many blocks of weights, which follow
   those that are multiplied. They need not be there. */
typedef struct rt_near {
  size_t first, end;
} rt_near;

/* sums[position][row] of RT_PANEL positions and RT_ROWS rows, begun anew or continued, of so many blocks of weights, one
   after the other, each of which lies as [part][half of the rows][word][row]. Those of bytes are integers,
   [order][position][row]. A thread calls rt_matrix_begin before and rt_matrix_end after its panels. */
void rt_matrix_panel(float *sums, const uint32_t *weights, const rt_matrix_positions *positions, size_t blocks,
                     int32_t parts, bool anew, const rt_near *_Nullable near);
void rt_matrix_begin(void);
void rt_matrix_end(void);

/* It as written for one kind of unit. */
typedef struct rt_matrix_variant {
  const char *name;
  rt_bfloat_unit unit;
  int32_t most_parts;
  void (*panel)(float *sums, const uint32_t *weights, const rt_matrix_positions *positions, size_t blocks,
                int32_t parts, bool anew, const rt_near *_Nullable near);
} rt_matrix_variant;

/* Those that this CPU can execute. */
const rt_matrix_variant *rt_matrix_variants(size_t *count);

/* Positions of the window's grid: columns column..<column + columns of rows row..<row + rows of an image. */
typedef struct rt_strip {
  int32_t image, row, rows, column, columns;
} rt_strip;

/* What strips see: [strip][part][block of channels][phase][line][column][word]. Phase (y, x) holds the lines and columns
   that are y and x behind whole steps of the window (of 1 or 2). Behind the parts of bytes lie the factors of the
   positions of the strip's panels. */
typedef struct rt_pairs {
  int32_t parts, channel_blocks;
  int32_t width; /* from line to line: the columns of a strip and those that its taps see beside them */
  int32_t taps, taps_width;
  const size_t *offsets; /* of each tap, from where the first tap sees the same position */
  size_t strip_step, part_step, block_step, phase_step; /* in words, as the offsets are */
} rt_pairs;

/* The panels of a strip's lines. */
static inline size_t rt_strip_panels(const rt_strip *strip, const rt_pairs *layout) {
  return ((size_t)(strip->rows - 1) * (size_t)layout->width + (size_t)strip->columns + RT_PANEL - 1) / RT_PANEL;
}

/* Writes what a strip sees of up to RT_ROWS channels, of which `input` is the first block, to one block of pairs. */
void rt_split_positions(uint32_t *pairs, const float *input, size_t step, int32_t channels, const rt_window *window,
                        const rt_strip *strip, const rt_pairs *layout);

/* The largest magnitude of what a strip sees, in so many vectors of each position. */
float rt_largest_seen(const float *input, size_t step, size_t vectors, const rt_window *window, const rt_strip *strip);

/* Writes what a strip sees of so many vectors of each position, in whole blocks of bytes, and the factors of its panels'
   positions, if they are wanted. With no `largest` magnitude given each position gets its own: then
   the vectors are all that there are, the window has one tap, and `strip` may be some of its lines, or a part of its one
   line that begins with a panel, as `pairs` and `factors` then do. */
void rt_byte_positions(uint32_t *pairs, float *_Nullable factors, const float *input, size_t step, size_t vectors,
                       const float *_Nullable largest, const rt_window *window, const rt_strip *strip,
                       const rt_pairs *layout);

/* Words of RT_ROWS outputs that have so many blocks of channels, over all taps. */
static inline size_t rt_row_words(size_t blocks, int32_t parts) {
  return blocks * (size_t)parts * RT_SQUARE / 2 + (parts == RT_BYTES ? RT_ROWS : 0);
}

/* Packs up to RT_ROWS outputs as words. */
void rt_pack_words(uint32_t *words, const rt_weights *weights, int32_t parts);

/* Floats of the sums of a panel. */
static inline size_t rt_panel_sums(int32_t parts) {
  return (size_t)(parts == RT_BYTES ? RT_BYTES : 1) * RT_PANEL * RT_ROWS;
}

/* Sums for rows, finished, from their weights on: `out` is the block of the output that begins with them. `more`: the
   weights that follow will be needed next. `sums`: for each panel of the strips. */
void rt_split_product(float *out, size_t out_step, const uint32_t *weights, size_t rows, bool more,
                      const uint32_t *pairs, const rt_pairs *layout, const rt_window *window, const rt_strip *strips,
                      size_t strip_count, const rt_finish *finish, float *sums);

/* How what is transformed lies: as floats, or rounded to bfloat16, in words of two. Channels share a word with those
   RT_LANES behind them, in blocks of twice as many; tiles with the next ones. */
typedef enum rt_pairing { RT_FLOATS, RT_CHANNEL_PAIRS, RT_TILE_PAIRS } rt_pairing;

/*
 * Winograd's F(4x4, 3x3) and F(2x2, 3x3) (Lavin, Gray: arXiv 1509.09308), for a step of 1: outputs in tiles of 4x4 from
 * 36 products instead of 144, or of 2x2 from 16 instead of 36. Tiles are numbered over all images.
 */
typedef struct rt_tiles {
  const rt_window *window; /* says where inputs lie; its grid is the output map */
  int32_t side;            /* of a tile: 4 or 2 */
  /* The window sees the map, and writes the output, turned by half a turn: as if its weights were turned. */
  bool turned;
  size_t images;
  size_t first, count; /* up to RT_MOST_TILES tiles */
  /* Transformed inputs are [product][tile][channel], a tile's `depth` floats apart, in whole RT_LANES, and a product's
     `step` floats; from one block of channels to the next there are `block` floats. */
  size_t depth, step, block;
  /* Of pairs, a block of words stands for two of channels, or a word for two tiles. */
  rt_pairing pairing;
} rt_tiles;

enum { RT_MOST_TILES = 32 };

/* Transforms up to RT_ROWS outputs to [(side + 2)^2][input or pair of inputs][RT_ROWS], with inputs filled up to whole
   RT_LANES, or twice as many for pairs. */
void rt_winograd_weights(float *transformed, const rt_weights *weights, int32_t side, bool pairs);

/* Of so many blocks of RT_LANES channels, which lie `step` floats apart. */
void rt_winograd_input(float *transformed, const float *input, size_t step, size_t blocks, const rt_tiles *tiles);

/* Floats of scratch memory for the products of so many tiles. */
static inline size_t rt_winograd_scratch(int32_t side, size_t tiles) {
  return (size_t)((side + 2) * (side + 2)) * tiles * 2 * RT_ROWS;
}

/* The outputs of these tiles, as by rt_product. */
void rt_winograd_output(float *out, size_t out_step, const float *weights, const rt_transposed *_Nullable transposed,
                        const float *inputs, size_t rows, bool more, const rt_tiles *tiles, const rt_finish *finish,
                        float *scratch);

/* ---- weight gradients */

/* Columns of two matrices, term by term: left[term][row], `left_step` floats from term to term, and
   right[block of RT_LANES columns][term][column], `right_step` floats from term to term and `right_block` from block to
   block. Of pairs, each term is a word of two in bfloat16. */
typedef struct rt_outer {
  const float *left, *right;
  size_t left_step, right_step, right_block, terms;
  bool pairs;
} rt_outer;

/* Of a block of lanes at `count` positions, two in a word; an odd last one with zeros. */
void rt_pair_positions(float *pairs, const float *in, size_t count);

/* What positions first..<first + count of the grid of a window of one tap see of a block of lanes, side by side, or two in
   a word. */
void rt_gather(float *out, const float *input, const rt_window *window, size_t first, size_t count, bool pairs);

/* sums[row][column] (+)= sum over the terms of left[term][row] right[term][column], for `vectors` blocks of columns;
   rows of sums are `step` floats apart. */
void rt_outer_product(float *sums, size_t step, const rt_outer *product, size_t rows, size_t vectors, bool anew);

/* A dY A' of Winograd's F(4x4, 3x3): the gradient of the products by that of the outputs, of so many blocks of channels
   `step` floats apart; laid out as rt_winograd_input's, and zeros beyond the map. */
void rt_winograd_gradient(float *transformed, const float *gradient, size_t step, size_t blocks,
                          const rt_tiles *tiles);

/* G' dU G: adds the gradient of the weights [out][in][3][3] of one input, of `ins`, to `gradient`, which begins with that
   input, from sums [product][out], `step` floats from product to product. */
void rt_winograd_weight_gradient(float *gradient, const float *sums, size_t step, size_t ins, size_t outs);

void rt_add_spread(float *y, size_t step, const float *x, size_t count); /* y[i step] += x[i] */

/* ---- batch normalisation, of one block of RT_LANES channels at `count` positions */

/* sums[0][c] = sum of x, sums[1][c] = sum of x^2. */
void rt_norm_moments(double *sums, const float *in, size_t count);
/* out = scale in + shift (+ residual), clipped at 0 if `relu`; bits as rt_relu's. */
void rt_norm_apply(float *out, const float *in, const float *scale, const float *shift,
                   const float *_Nullable residual, bool relu, uint16_t *_Nullable positive, size_t count);
/* sums[0][c] = sum of g, sums[1][c] = sum of g (x - mean). */
void rt_norm_gradient_sums(double *sums, const float *gradient, const float *in, const float *mean, size_t count);
/* out = factors[0] g + factors[1] x + factors[2]; `out` may be either. */
void rt_norm_gradient(float *out, const float *gradient, const float *in, const float *factors, size_t count);

/* ---- training */

/* g = gradient + decay x; velocity = momentum velocity + g; x -= step (g + momentum velocity). */
void rt_step_nesterov(float *x, float *velocity, const float *gradient, float step, float momentum, float decay,
                      size_t count);
void rt_blend(float *y, const float *x, float kept, size_t count); /* y = kept y + (1 - kept) x */
/* Normal numbers of mean 0 and deviation 1 (Box, Muller 1958) from Philox4x32-10, to about 1e-6. */
void rt_normal_noise(float *out, uint64_t seed, uint64_t stream, size_t count);
/* Uniform in -1..<1. */
void rt_uniform_noise(float *out, uint64_t seed, uint64_t stream, size_t count);

/* ---- pooling */

/* One block of lanes of a map of `images`. */
void rt_max_pool(float *out, const float *in, size_t images, int32_t height, int32_t width, int32_t out_height,
                 int32_t out_width, int32_t size, int32_t stride, int32_t pad);
/* Adds each gradient to where the first maximum was. */
void rt_max_pool_gradient(float *gradient_in, const float *gradient_out, const float *in, size_t images,
                          int32_t height, int32_t width, int32_t out_height, int32_t out_width, int32_t size,
                          int32_t stride, int32_t pad);

/* ---- the ascent */

void rt_scale(float *x, float scale, size_t count); /* x *= scale */
/* mean = d1 mean + (1 - d1) g; square = d2 square + (1 - d2) g^2; x -= step mean / (sqrt(square unbias) + 1e-8) */
void rt_step_adam(float *x, const float *gradient, float *mean, float *square, float mean_decay, float square_decay,
                  float step, float unbias, size_t count);
void rt_step_sign(float *x, const float *gradient, float step, size_t count); /* x -= step sign(gradient) */
void rt_clamp(float *x, float low, float high, size_t count);
void rt_clamp_around(float *x, const float *centre, float radius, size_t count);
void rt_scale_around(float *x, const float *centre, float scale, size_t count); /* centre + scale (x - centre) */

/* x = start where free is 0. */
void rt_restore(float *x, const float *start, const float *free, size_t count);
/* Takes away a share of what is not grey of `count` pixels, three planes. */
void rt_damp_chroma(float *planes, float share, size_t count);
/* Sum over the pixels of region * sqrt(dx^2 + dy^2 + 1e-6) of three planes; adds `scale` times its gradient. */
double rt_total_variation(const float *planes, const float *_Nullable region, int32_t height, int32_t width,
                          float scale, float *_Nullable gradient);

/* ---- attacks */

float rt_largest(const float *x, size_t count); /* max |x| */
float rt_largest_difference(const float *x, const float *y, size_t count); /* max |x - y| */
/* x = x + (1 - inertia) (z - x) + inertia (x - previous), where previous becomes what x was. */
void rt_blend_momentum(float *x, float *previous, const float *z, float inertia, size_t count);

typedef struct rt_gain {
  double gain, slope; /* by the length */
} rt_gain;

/* What w.x gains, times the sign, while each value of x in 0...1 goes by length |w|, or, if uniform, by the length, in
   the direction in which this gains, but no further than to 0 or 1. */
rt_gain rt_gain_in_box(const float *x, const float *w, float sign, bool uniform, double length, size_t count);
/* How far each value goes. */
void rt_step_in_box(float *step, const float *x, const float *w, float sign, bool uniform, double length,
                    size_t count);

/* Tells the CPU that this is a spinning wait. */
static inline void rt_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
