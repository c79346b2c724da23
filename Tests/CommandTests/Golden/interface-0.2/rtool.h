/*
 * rtool.h - the interface between rtool and its task plugins.
 *
 * A plugin is one dynamic library, librtool-NAME.so, that exports one function, rtool_plugin. It adds the
 * command `rtool NAME`. All it contains is what is particular to its task: its parameters, its starting image,
 * its objective, its constraint. Reading and writing images, the command line, help, progress, the robust
 * classifier and the ascent are the host's, and are reached through the table of functions `rtool_host`.
 *
 * The smallest useful plugin, whole:
 *
 *     #include "rtool.h"
 *
 *     static const rtool_param params[] = {
 *       { .name = "image", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED, .help = "photo" },
 *       { .name = "class", .kind = RTOOL_CLASS, .flags = RTOOL_REQUIRED, .help = "what to move it towards" },
 *     };
 *
 *     static int32_t run(const rtool_host *host, const rtool_value *values) {
 *       const rtool_image *image = values[0].images[0];
 *       rtool_class_weight towards = { (int32_t)values[1].numbers[0], 1.0 };
 *       rtool_term term = { .kind = RTOOL_TERM_CLASS, .weight = 1, .classes = &towards, .class_count = 1 };
 *       rtool_objective objective = { .struct_size = sizeof objective, .term_size = sizeof term,
 *                                     .terms = &term, .term_count = 1 };
 *       rtool_ascent ascent = { .struct_size = sizeof ascent, .start = image, .count = 1, .steps = 40,
 *                               .step_size = 0.5, .set = RTOOL_SET_L2, .radius = 8 };
 *       rtool_outcome outcome = { .struct_size = sizeof outcome };
 *       int32_t status = host->ascend(host, &objective, &ascent, &outcome);
 *       if (status != RTOOL_OK) return status;
 *       rtool_piece piece = { 0, 0, outcome.images };
 *       rtool_result result = { .struct_size = sizeof result, .over = image, .pieces = &piece, .piece_count = 1 };
 *       return host->emit(host, &result);
 *     }
 *
 *     static const rtool_manifest manifest = {
 *       .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param),
 *       .param_count = 2, .params = params, .name = "nudge", .version = "1.0",
 *       .summary = "Move an image towards a class", .run = run,
 *     };
 *
 *     RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) {
 *       (void)host_abi;
 *       return &manifest;
 *     }
 *
 * Build it with `cc -shared -fPIC -o librtool-nudge.so nudge.c`; nothing is linked.
 *
 * THREADS. `run` is called on one thread of the host, called the run thread. Several runs may overlap, each
 * with its own host, so a plugin keeps no mutable globals. Functions marked [run-thread] may be called on the
 * run thread alone; functions marked [any-thread] on any thread until `run` returns.
 *
 * OWNERSHIP. A plugin owns what it allocates itself. All that the host hands out during `run` (values, images,
 * tensors, outcomes, memory from `alloc`) belongs to the host and dies when `run` returns: there is nothing to
 * free, on any path. The host reads the structures it is handed during the call alone and keeps no pointer to
 * them. The manifest and all it points to must stay valid and unchanged for the life of the process.
 *
 * ERRORS. A function that can fail returns a status, and RTOOL_OK is 0. After another status return it from
 * `run` at once; the host already knows the message. To report an error of its own a plugin calls `fail` and
 * returns what that returns. No exception, trap or panic may leave a plugin.
 *
 * GROWTH. The interface has a major and a minor version. A host loads a plugin of its own major version whose
 * minor version is not higher than its own. Structures grow at their end; both sides read a later field only
 * through RTOOL_HAS. A field left zero always means its default.
 *
 * TEXT is UTF-8 ending in a zero byte.
 */
#ifndef RTOOL_H
#define RTOOL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTOOL_ABI_MAJOR 0u
#define RTOOL_ABI_MINOR 2u
#define RTOOL_ABI ((RTOOL_ABI_MAJOR << 16) | RTOOL_ABI_MINOR)

/* Whether the structure behind pointer `p`, whose first field is struct_size, reaches as far as `field`. */
#define RTOOL_HAS(p, field) \
  ((size_t)(p)->struct_size >= (size_t)((const char *)&(p)->field - (const char *)(p)) + sizeof((p)->field))

#if defined(_WIN32)
#define RTOOL_EXPORT __declspec(dllexport)
#else
#define RTOOL_EXPORT __attribute__((visibility("default")))
#endif

typedef struct rtool_host rtool_host;

enum {
  RTOOL_OK = 0,
  RTOOL_STOPPED = 1, /* the user asked to stop; return it from `run` */
  RTOOL_FAILED = 2,  /* the task could not be done: the input does not allow it, or memory ran out */
  RTOOL_INVALID = 3, /* the plugin called the host wrongly: a mistake of its author, not of the user */
  RTOOL_USAGE = 4    /* the parameters contradict one another: the program exits as for any wrong usage */
};

/* ------------------------------------------------------------------------------------------------ images -- */

/*
 * An image: interleaved floats, sRGB (gamma-encoded) in [0,1]; channel c of pixel (x, y) is
 * data[y * stride + x * channels + c]. (0, 0) is the upper left. 1 channel: a mask or grey; 3: RGB; 4: RGB and
 * alpha that is not premultiplied. This structure never grows.
 */
typedef struct rtool_image {
  int32_t width, height, channels;
  int32_t stride; /* floats from one row to the next, >= width * channels */
  float *data;
} rtool_image;

/* Features of one image: element (c, y, x) is data[(c * height + y) * width + x]. Never grows. */
typedef struct rtool_tensor {
  int32_t channels, height, width;
  float *data;
} rtool_tensor;

enum {
  RTOOL_FILTER_LINEAR = 0, /* all filters are widened when they shrink, so that nothing aliases; results are in [0,1] */
  RTOOL_FILTER_CUBIC = 1,
  RTOOL_FILTER_LANCZOS = 2,
  RTOOL_FILTER_BOX = 3,
  RTOOL_FILTER_NEAREST = 4
};

/* -------------------------------------------------------------------------------------------- parameters -- */

/* The kind of a parameter, with what its rtool_value holds for each time it was given. */
enum {
  RTOOL_BOOL = 0,   /* --name, --no-name; numbers: 0 or 1 */
  RTOOL_INT = 1,    /* numbers: a whole number */
  RTOOL_REAL = 2,   /* numbers: a finite number */
  RTOOL_TEXT = 3,   /* texts */
  RTOOL_CHOICE = 4, /* numbers: index into choices */
  RTOOL_IMAGE = 5,  /* a file, or - for standard input; images: 3 channels, upright, sRGB */
  RTOOL_MASK = 6,   /* a file, or -; images: 1 channel in [0,1], white = to be filled. Where the task has an IMAGE, the
                       mask has the size of the first one: the host sees to it */
  RTOOL_CLASS = 7,  /* a class by name or index, or several as NAME:WEIGHT,NAME:WEIGHT; numbers: pairs of index
                       and weight, the weights adding up to 1; count is the number of pairs */
  RTOOL_COLOR = 8,  /* #rgb, #rrggbb or r,g,b in 0..255; numbers: red, green, blue in [0,1] */
  RTOOL_POINT = 9,  /* x,y in pixels; numbers: x, y */
  RTOOL_BOX = 10    /* x,y,width,height in pixels; numbers: x, y, width, height; width and height are >= 1 */
};

enum {
  RTOOL_REQUIRED = 1u << 0,    /* the task cannot run without it */
  RTOOL_POSITIONAL = 1u << 1,  /* given by its place, without --name, in the order of the parameters */
  RTOOL_REPEATED = 1u << 2,    /* may be given several times (a positional one: takes all that is left) */
  RTOOL_ADVANCED = 1u << 3,    /* shown by --help but not by -h */
  RTOOL_LOGARITHMIC = 1u << 4, /* a slider moves through it by factors */
  RTOOL_AUTO = 1u << 5,        /* CLASS, INT, REAL: "auto" may be given, and is the value when nothing is; count
                                  is then 0 and the task chooses */
  RTOOL_NONE = 1u << 6,        /* CLASS: "none" may be given; count is 0 and texts[0] is "none" */
  RTOOL_WITH_ALPHA = 1u << 7   /* IMAGE: images have 4 channels if the file has transparency */
};

typedef struct rtool_choice {
  const char *name;
  const char *help;
} rtool_choice;

/*
 * One parameter. Help, checks, error messages and completions are made from it by the host, so that a plugin
 * never checks a value again. min == max == 0 means no limit; likewise soft_min, soft_max (the range of a
 * slider), which lie within min, max.
 */
typedef struct rtool_param {
  const char *name;  /* lower-case letters, digits and '-', beginning with a letter, without "--"; not one of the
                        host's own options (`rtool TASK --help` lists them under Output and Run), "preset", "no-..." */
  const char *help;  /* one sentence, lower case, no full stop */
  const char *value; /* what stands for the value in help: FILE, N, X,Y; NULL: from the kind */
  const char *group; /* heading in help; NULL: Options */
  const char *unit;  /* px, %, ...; NULL: none */
  uint32_t kind;
  uint32_t flags;
  uint32_t letter; /* -L, an ASCII letter not used by the host (h M o p q Q s t v); 0: none */
  uint32_t choice_count;
  const rtool_choice *choices; /* CHOICE */
  double initial;              /* BOOL, INT, REAL; CHOICE: an index */
  const char *initial_text;    /* TEXT, CLASS, COLOR, POINT, BOX: as the user would write it; NULL: none */
  double min, max, soft_min, soft_max, step;
} rtool_param;

/*
 * A named set of values that stand in for the initial ones. With presets the host adds the option --preset;
 * the first preset is the one used when none is named. `settings` is NAME=VALUE words parted by spaces.
 */
typedef struct rtool_preset {
  const char *name;
  const char *help;
  const char *settings;
} rtool_preset;

/* The value of one parameter. values[k] belongs to params[k]. Arrays that do not apply are NULL. Never grows. */
typedef struct rtool_value {
  uint32_t given; /* how often the user gave it; 0: this is the initial value or the preset's */
  uint32_t count; /* how many entries there are: images, texts, or groups in numbers; 0: no value */
  const double *numbers;
  const char *const *texts; /* IMAGE, MASK: the names of the files, for messages */
  const rtool_image *const *images;
} rtool_value;

typedef struct rtool_example {
  const char *arguments; /* what follows `rtool NAME` */
  const char *help;
} rtool_example;

/* --------------------------------------------------------------------------------------------- manifest -- */

/* All that a host knows of a plugin. Static and immutable. */
typedef struct rtool_manifest {
  uint32_t struct_size; /* sizeof(rtool_manifest) */
  uint32_t abi;         /* RTOOL_ABI_MAJOR << 16 | lowest minor version needed */
  uint32_t param_size;  /* sizeof(rtool_param): the stride of params */
  uint32_t param_count;
  const rtool_param *params;
  const char *name;        /* as in the file's name librtool-NAME.so */
  const char *version;     /* of the plugin */
  const char *summary;     /* one line */
  const char *description; /* paragraphs parted by empty lines, or NULL */
  const char *author;      /* this and the next two may be NULL */
  const char *license;
  const char *url;
  const rtool_example *examples;
  uint32_t example_count;
  uint32_t preset_count;
  const rtool_preset *presets;
  /* Does the task. Returns a status. Called on the run thread; values has param_count entries. */
  int32_t (*run)(const rtool_host *host, const rtool_value *values);
} rtool_manifest;

/* The one function that a plugin exports. NULL: the plugin refuses this host. Called once, on any thread. */
RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi);

/* ------------------------------------------------------------------------------------------------ model -- */

/* A place in the network where features can be read. The last one is the pooled representation, 1x1. */
typedef struct rtool_layer {
  const char *name;
  int32_t channels;
  int32_t reduction; /* image pixels for one position of the layer, along one side; 0: the layer is pooled */
} rtool_layer;

/* What the model says of itself. The host owns it. */
typedef struct rtool_model {
  uint32_t struct_size;
  uint32_t layer_size; /* stride of layers */
  const char *name;
  const char *const *classes; /* class_count names */
  int32_t class_count;
  int32_t layer_count;
  const rtool_layer *layers;
  int32_t side;            /* pixels of the square images it was trained on; other sizes work */
  int32_t smallest;        /* the least side an image may have */
  double eps;              /* L2 radius it was trained to resist, at `side`, in [0,1] units; 0: not robust */
  int32_t has_seeds;       /* whether `class_seed` works */
} rtool_model;

typedef struct rtool_class_weight {
  int32_t index;
  double weight;
} rtool_class_weight;

/* -------------------------------------------------------------------------------------------- objective -- */

/*
 * An objective is a weighted sum of terms, and is minimised. F(x) below are the features of image x at the
 * term's layer, R the pooled representation, p the softmax of the logits.
 */
enum {
  /* Cross-entropy to a class or mixture: -sum_c weight_c log p_c. Uses: classes. */
  RTOOL_TERM_CLASS = 0,
  /* Raises logits: -sum_c weight_c logit_c. Uses: classes. */
  RTOOL_TERM_LOGIT = 1,
  /* Raises one unit: minus the mean of channel `unit` over positions, weighted by region. Uses: layer, unit, region. */
  RTOOL_TERM_FEATURE = 2,
  /*
   * Distance ||w (F(x) - F*)||, divided by ||w F*|| if `relative`. F* are the features of the target, or
   * `target_features`; w is one factor for each channel. Uses: layer, target or target_features, relative,
   * channel_weights.
   */
  RTOOL_TERM_REPRESENTATION = 3,
  /* mean over pixels and channels of (region (x - target))^2. Uses: target, region. */
  RTOOL_TERM_PIXELS = 4,
  /* Total variation: mean over pixels of region * sqrt(dx^2 + dy^2 + 1e-6), channels inside the root. Uses: region. */
  RTOOL_TERM_SMOOTHNESS = 5,
  /* Entropy of p. */
  RTOOL_TERM_ENTROPY = 6,
  /*
   * Distance between statistics of F(x) over `region` and of F(target) over `target_region`: for each chosen
   * statistic S, ||S - S*||^2 / (||S*||^2 + 1e-12). Positions weigh as the mean of the region over the pixels they
   * stand for. Uses: layer, statistics, target, region, target_region.
   */
  RTOOL_TERM_STATISTICS = 7,
  /* The plugin's own function. Uses: custom, user, layers, layer_count. */
  RTOOL_TERM_CUSTOM = 8,
  /*
   * Distance after a known degradation D: mean over the target's pixels and channels of (region (D(x) - target))^2.
   * D blurs x by a Gaussian of sigma pixels and reduces it to the target's size by a filter; results are not clipped.
   * The region has the target's size. Uses: target, region, sigma, filter.
   */
  RTOOL_TERM_MEASUREMENT = 9
};

enum {
  RTOOL_STATISTIC_MEAN = 1u << 0,      /* of each channel */
  RTOOL_STATISTIC_DEVIATION = 1u << 1, /* standard deviation of each channel */
  RTOOL_STATISTIC_GRAM = 1u << 2,      /* mean over positions of the product of each two channels */
  RTOOL_STATISTIC_COVARIANCE = 1u << 3 /* the same of the channels less their means */
};

/* What a CUSTOM term sees and fills in, for one image of the batch at one step. The host owns it. */
typedef struct rtool_evaluation {
  uint32_t struct_size;
  int32_t index; /* which image of the batch */
  int32_t step;
  int32_t class_count;
  int32_t layer_count;
  const rtool_image *image;
  const float *logits;
  const rtool_tensor *features; /* one for each of the term's layers */
  /* To be filled in. The gradients arrive as zeros, shaped as what they are the gradient of. */
  double loss;
  rtool_image *image_gradient;
  float *logit_gradient;
  const rtool_tensor *feature_gradients;
} rtool_evaluation;

/* Called on the run thread, once for each image and step, and once more for the final loss (step = steps). Returns a
   status; another than RTOOL_OK ends the ascent. */
typedef int32_t (*rtool_custom)(void *user, rtool_evaluation *evaluation);

/*
 * One term. `target`, `region` and `target_region` are arrays of `image_count` images: 1, shared by the whole
 * batch (0 means 1), or one for each image of it. A NULL region is 1 everywhere. Regions have 1 channel, values
 * in [0,1], and the size of the image they belong to.
 */
typedef struct rtool_term {
  uint32_t kind;
  int32_t unit;
  double weight;
  const char *layer; /* a name from the model's layers; NULL: the pooled representation */
  const rtool_class_weight *classes;
  uint32_t class_count;
  uint32_t statistics; /* bits; 0: mean, deviation and Gram */
  const rtool_image *target;
  const rtool_image *region;
  const rtool_image *target_region;
  uint32_t image_count;
  int32_t relative;
  rtool_custom custom;
  void *user;
  const char *const *layers;
  uint32_t layer_count;
  uint32_t filter; /* MEASUREMENT: RTOOL_FILTER_... */
  double sigma;    /* MEASUREMENT: of the blur, in pixels; 0: none */
  const rtool_tensor *target_features; /* `image_count` of them, shaped as the layer; NULL: those of `target` */
  const float *channel_weights;        /* one for each channel of the layer; NULL: 1 */
} rtool_term;

typedef struct rtool_objective {
  uint32_t struct_size;
  uint32_t term_size; /* sizeof(rtool_term): the stride of terms */
  const rtool_term *terms;
  uint32_t term_count;
} rtool_objective;

/* ----------------------------------------------------------------------------------------------- ascent -- */

enum {
  RTOOL_RULE_NORMALISED = 0, /* x - s g / ||g||, per image */
  RTOOL_RULE_SIGN = 1,       /* x - s sign(g) */
  RTOOL_RULE_PLAIN = 2,      /* x - s g */
  RTOOL_RULE_ADAM = 3        /* x - s m / (sqrt(v) + 1e-8), with the unbiased averages m of g (0.9) and v of g^2 (0.999) */
};

/* What is stepped in. */
enum {
  RTOOL_PARAMETERS_PIXELS = 0,
  /*
   * x = sigmoid(B (s z)): z are coefficients of an orthonormal real Fourier basis B, s scales them by
   * 1 / frequency, as in photos, with colour decorrelated. Steps are in z, the set is the box, and all pixels are free.
   */
  RTOOL_PARAMETERS_FOURIER = 1
};

/* Where the image must stay, around its centre. All images stay in [0,1] as well. */
enum {
  RTOOL_SET_BOX = 0, /* nothing but [0,1] */
  RTOOL_SET_L2 = 1,  /* ||x - centre|| <= radius, over all pixels and channels of one image */
  RTOOL_SET_LINF = 2 /* |x - centre| <= radius, each value */
};

enum {
  RTOOL_ASCENT_PASS_RELU = 1u << 0, /* the last ReLU before pooling passes its gradient unchanged */
  RTOOL_ASCENT_BEST = 1u << 1,      /* the outcome is the iterate of least loss, per image, not the last */
  RTOOL_ASCENT_STOP_BELOW = 1u << 2 /* ends once the loss of every image is at most stop_loss */
};

/* How to follow the gradient. Every image of the batch has the same size. */
typedef struct rtool_ascent {
  uint32_t struct_size;
  uint32_t flags;
  const rtool_image *start; /* `count` images of 3 channels */
  uint32_t count;
  int32_t steps;
  double step_size;
  double final_step_size; /* step size falls to this along half a cosine; 0: it stays */
  uint32_t rule;
  uint32_t set;
  double radius;
  const rtool_image *centre;    /* `count` images; NULL: start */
  const rtool_image *free;      /* `count` images of 1 channel: how far each pixel may move, 0 not at all; NULL: all */
  double gradient_blur;         /* the gradient is smoothed by a Gaussian of this sigma, in pixels; 0: not */
  double gradient_trend;        /* what of the gradient is smoother than this sigma is taken away; 0: nothing */
  double chroma_damping;        /* share of the gradient's colour (what is not grey) that is taken away, in [0,1] */
  int32_t jitter;               /* each step sees the image moved by up to so many pixels, borders mirrored */
  int32_t reserved;
  double progress_from, progress_to; /* the part of the task's progress this ascent is; both 0: all of it */
  const char *note;             /* shown beside the progress; NULL: none */
  uint32_t parameters;          /* RTOOL_PARAMETERS_... */
  int32_t levels;               /* the gradient is followed at so many resolutions at once, each half the one before, with
                                   equal shares; 0, 1: the image's own alone */
  double momentum;              /* share of the gradients before in the one that is followed, in [0,1) */
  double noise;                 /* each step sees the image with normal noise of this deviation */
  double zoom;                  /* each step sees a random part of the image, enlarged by up to 1 + zoom, in [0,4] */
  double stop_loss;             /* with RTOOL_ASCENT_STOP_BELOW */
  int32_t patience;             /* ends when no image's loss has come down by 0.1 % in so many steps; 0: never */
  int32_t reserved_2;
} rtool_ascent;

/* What came of an ascent. The plugin sets struct_size; the host fills in the rest and owns what it points to. */
typedef struct rtool_outcome {
  uint32_t struct_size;
  uint32_t count;
  const rtool_image *images;
  const double *start_losses; /* of the start, per image */
  const double *losses;       /* of `images`, per image */
} rtool_outcome;

/* ----------------------------------------------------------------------------------------------- result -- */

/*
 * An image that replaces the pixels of the result from (x, y) on; it is not blended. 3 channels, 1 (grey), or 4, which
 * sets the transparency as well. Values are clipped to [0,1]; one that is no number is an error.
 */
typedef struct rtool_piece {
  int32_t x, y;
  const rtool_image *image;
} rtool_piece;

/*
 * A finished image. With `over`, an image the host handed in as a value, the result is the user's own file with
 * pieces laid over it: the size, depth, profile, metadata and every pixel that no piece changes stay as they were.
 * Without, it is the one piece.
 */
typedef struct rtool_result {
  uint32_t struct_size;
  uint32_t piece_count;
  const rtool_image *over;
  const rtool_piece *pieces;
  const char *caption;     /* shown under it on a contact sheet; NULL: none */
  int32_t frame_duration;  /* milliseconds. Not 0: results in a row are frames of one animation, where the format has
                              them (WebP, GIF) */
  int32_t width, height;   /* with `over`: the result's size, to which the user's file is enlarged or reduced, with its
                              transparency, before pieces are laid over it; 0: its own */
  int32_t reserved;
} rtool_result;

enum { RTOOL_LOG_NOTE = 0, RTOOL_LOG_WARNING = 1, RTOOL_LOG_DETAIL = 2 /* shown with --verbose */ };
enum { RTOOL_RANDOM_UNIFORM = 0 /* [0,1) */, RTOOL_RANDOM_NORMAL = 1 };

/* ------------------------------------------------------------------------------------------------- host -- */

/* The host, as a plugin sees it. The first argument of each function is the host handed to `run`. */
struct rtool_host {
  uint32_t struct_size;
  uint32_t abi;
  const char *version; /* of the program, for people */
  void *state;         /* the host's own */
  const rtool_model *model;
  uint64_t seed;   /* from --seed */
  int32_t threads; /* from --threads; how many a plugin may keep busy */
  int32_t json;    /* not 0: --json was given, and text that is handed over must be one JSON value */

  /* [any-thread] Reports an error in one line: what was wrong with which input, and what to do. Returns status, or
     RTOOL_FAILED where that was RTOOL_OK. */
  int32_t (*fail)(const rtool_host *host, int32_t status, const char *text);
  /* [any-thread] A line on standard error. */
  void (*log)(const rtool_host *host, int32_t level, const char *text);
  /* [any-thread] How much is done, in [0,1], and what is being done (or NULL). Returns 1 to go on, 0 to stop soon:
     then return RTOOL_STOPPED from `run`. */
  int32_t (*progress)(const rtool_host *host, double fraction, const char *note);
  /* [any-thread] A fact about how the result was made, kept in its metadata (the class chosen, say). */
  void (*record)(const rtool_host *host, const char *key, const char *text);

  /* [any-thread] Memory, zeroed, aligned to 64 bytes, freed by the host after `run`. NULL: there is none left. */
  void *(*alloc)(const rtool_host *host, size_t bytes);
  /* [any-thread] Fills `out` with `count` random numbers. The same seed and stream give the same numbers. */
  void (*random)(const rtool_host *host, int32_t distribution, uint64_t stream, size_t count, float *out);

  /* [any-thread] New images. NULL: a size is out of range or memory ran out, already reported as by `fail`. */
  rtool_image *(*image_new)(const rtool_host *host, int32_t width, int32_t height, int32_t channels);
  rtool_image *(*image_resize)(const rtool_host *host, const rtool_image *image, int32_t width, int32_t height,
                               int32_t filter);
  rtool_image *(*image_crop)(const rtool_host *host, const rtool_image *image, int32_t x, int32_t y,
                             int32_t width, int32_t height); /* beyond the border the image is mirrored */
  rtool_image *(*blur)(const rtool_host *host, const rtool_image *image, double sigma); /* <= 1000; borders extended */
  /* [any-thread] In place: base += mask (over - base) with `over`'s corner at (x, y) of base. Both have the same
     channels. mask: 1 channel, the size of `over`; NULL: 1. Parts outside base are dropped. */
  int32_t (*image_composite)(const rtool_host *host, rtool_image *base, const rtool_image *over,
                             const rtool_image *mask, int32_t x, int32_t y);

  /* [run-thread] Logits of `count` images of one size; out: count * class_count floats. */
  int32_t (*logits)(const rtool_host *host, const rtool_image *images, uint32_t count, float *out);
  /* [run-thread] Features of one image at a layer (NULL: the representation). The host owns out->data. */
  int32_t (*features)(const rtool_host *host, const rtool_image *image, const char *layer, rtool_tensor *out);
  /* [run-thread] Loss of an objective at `count` images of one size (losses: count doubles, or NULL), and its gradient
     in the pixels (gradients: count images that the plugin made of the same size; NULL: not wanted). */
  int32_t (*gradient)(const rtool_host *host, const rtool_objective *objective, const rtool_image *images,
                      uint32_t count, double *losses, const rtool_image *gradients);
  /* [run-thread] Follows the gradient from the start. Reports progress; RTOOL_STOPPED when the user stopped it. */
  int32_t (*ascend)(const rtool_host *host, const rtool_objective *objective, const rtool_ascent *ascent,
                    rtool_outcome *outcome);
  /* [run-thread] A sample of the model's seed distribution of a class, in [0,1], 3 channels. NULL: it has none. */
  rtool_image *(*class_seed)(const rtool_host *host, int32_t class_index, uint64_t stream, int32_t width,
                             int32_t height);

  /* [run-thread] Hands over a finished image; the host copies it, and writes it where the user wants it once `run` has
     returned RTOOL_OK. May be called several times: the files are numbered. A task that hands over neither an image
     nor text has failed. */
  int32_t (*emit)(const rtool_host *host, const rtool_result *result);
  /* [run-thread] Text that is the task's result, to standard output. */
  int32_t (*emit_text)(const rtool_host *host, const char *text);

  /* [run-thread] What each channel of the representation adds to the logit of a class: the row of the last linear layer.
     out: as many floats as the representation has channels. */
  int32_t (*class_weights)(const rtool_host *host, int32_t class_index, float *out);
};

#ifdef __cplusplus
}
#endif

#endif
