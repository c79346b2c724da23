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
 *       { .name = "image", .help = "photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED },
 *       { .name = "class", .help = "what to move it towards", .kind = RTOOL_CLASS, .flags = RTOOL_REQUIRED },
 *     };
 *
 *     static rtool_status run(const rtool_host *host, const rtool_value *values) {
 *       rtool_working_copy copy = { .struct_size = sizeof copy, .photo = values[0].images[0] };
 *       rtool_status status = host->working_copy(host, &copy);
 *       if (status != RTOOL_OK) return status;
 *       const rtool_class_weight towards = { (int32_t)values[1].numbers[0], 1.0 };
 *       const rtool_term term = { .kind = RTOOL_TERM_CLASS, .weight = 1, .classes = &towards, .class_count = 1 };
 *       rtool_objective objective = { .struct_size = sizeof objective, .term_size = sizeof term,
 *                                     .terms = &term, .term_count = 1 };
 *       rtool_ascent ascent = { .struct_size = sizeof ascent, .start = copy.image, .count = 1, .steps = 40,
 *                               .step_size = 0.5, .set = RTOOL_SET_L2, .radius = 8 };
 *       rtool_outcome outcome = { .struct_size = sizeof outcome };
 *       status = host->ascend(host, &objective, &ascent, &outcome);
 *       if (status != RTOOL_OK) return status;
 *       rtool_piece piece = { copy.x, copy.y, host->working_result(host, &copy, outcome.images, 1) };
 *       if (!piece.image) return RTOOL_FAILED;
 *       rtool_result result = { .struct_size = sizeof result, .piece_count = 1, .over = copy.photo,
 *                               .pieces = &piece };
 *       return host->emit(host, &result);
 *     }
 *
 *     static const rtool_manifest manifest = {
 *       .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param),
 *       .param_count = 2, .params = params, .name = "nudge", .version = "1.0",
 *       .summary = "Move an image towards a class", .run = run, .built_with = RTOOL_ABI,
 *     };
 *
 *     RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) {
 *       (void)host_abi;
 *       return &manifest;
 *     }
 *
 * Build it with `cc -shared -fPIC -o librtool-nudge.so nudge.c`; nothing is linked. It is C++20 as it stands, and C++17
 * where the compiler takes such initialisers, as gcc and clang do. That the fields left out are zero is meant, so
 * -Wno-missing-field-initializers goes with it (clang: -Wno-missing-designated-field-initializers). For C++17 there is
 * rtool.hpp as well, and for Rust a crate in the folder beside.
 *
 * THREADS. `run` is called on one thread of the host, called the run thread. Several runs may overlap, each
 * with its own host, so a plugin keeps no mutable globals. Functions marked [run-thread] may be called on the
 * run thread alone; functions marked [any-thread] on any thread until `run` returns.
 *
 * OWNERSHIP. A plugin owns what it allocates itself. All that the host hands out during `run` (values, images,
 * tensors, outcomes, memory from `alloc`) belongs to the host and dies when `run` returns, or earlier with
 * the scope that it was made in: there is nothing to free, on any path. What is `prepared` stays for later runs. The
 * host reads the structures it is handed during the call alone and keeps no pointer to them. The manifest and all it
 * points to must stay valid and unchanged for the life of the process.
 *
 * ERRORS. A function that can fail returns a status, and RTOOL_OK is 0. After another status return it from
 * `run` at once; the host already knows the message. To report an error of its own a plugin calls `fail` and
 * returns what that returns. No exception, trap or panic may leave a plugin.
 *
 * GROWTH. The interface has a major and a minor version. A host loads a plugin of its own major version that needs
 * no higher minor version than its own; `abi` in the manifest is the lowest that the plugin needs. What came after 0.1
 * is marked "since 0.2" and so on; a plugin that can do without it asks with RTOOL_HAS(host, function), and need not
 * raise `abi` for it. Structures grow at their end, and each says how its size is told: by its first field
 * struct_size, by a stride beside the pointer to an array of them, or not at all, where it never grows. Both sides read
 * a later field only where the structure reaches as far. A field left zero always means its default; fields called
 * `reserved` are zero.
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
#define RTOOL_ABI_MINOR 6u
#define RTOOL_ABI ((RTOOL_ABI_MAJOR << 16) | RTOOL_ABI_MINOR)

/* Whether the structure behind pointer `p`, whose first field is struct_size, reaches as far as `field`: in a host's
   table, whether the host has that function. */
#define RTOOL_HAS(p, field) \
  ((size_t)(p)->struct_size >= (size_t)((const char *)&(p)->field - (const char *)(p)) + sizeof((p)->field))

#if defined(_WIN32)
#define RTOOL_EXPORT __declspec(dllexport)
#else
#define RTOOL_EXPORT __attribute__((visibility("default")))
#endif

typedef struct rtool_host rtool_host;

/* What functions return that can fail. The names of numbers are constants of the type that stands at their fields. */
typedef int32_t rtool_status;
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

/* Features of one image: element (c, y, x) is data[(c * height + y) * width + x]. This structure never grows. */
typedef struct rtool_tensor {
  int32_t channels, height, width;
  float *data;
} rtool_tensor;

/* How pixels are made from their neighbours. All filters are widened when they shrink, so that nothing aliases. */
typedef uint32_t rtool_filter;
enum {
  RTOOL_FILTER_LINEAR = 0,
  RTOOL_FILTER_CUBIC = 1,
  RTOOL_FILTER_LANCZOS = 2,
  RTOOL_FILTER_BOX = 3,
  RTOOL_FILTER_NEAREST = 4,
  RTOOL_FILTER_WRAP = 1u << 8 /* since 0.4. Added to one of them, where an image is resized or resampled: beyond its border it
                                 goes on at its other side */
};

/* -------------------------------------------------------------------------------------------- parameters -- */

/* The kind of a parameter, with what its rtool_value holds for each time it was given. */
typedef uint32_t rtool_param_kind;
enum {
  RTOOL_BOOL = 0,   /* --name, --no-name; numbers: 0 or 1 */
  RTOOL_INT = 1,    /* numbers: a whole number */
  RTOOL_REAL = 2,   /* numbers: a finite number */
  RTOOL_TEXT = 3,   /* texts */
  RTOOL_CHOICE = 4, /* numbers: index into choices */
  RTOOL_IMAGE = 5,  /* a file, or - for standard input; images: 3 channels, upright, sRGB */
  RTOOL_MASK = 6,   /* a file, or -; images: 1 channel in [0,1], white = to be filled, whatever the file has: the host
                       judges its levels, labels, colours or alpha. Where the task has an IMAGE, the mask has the size
                       of the first one: the host sees to it. Since 0.3 the host also adds --mask-label, --mask-colour,
                       --mask-invert, --mask-grow, --mask-feather and --mask-preview to a mask named "mask", and so on,
                       where the task has no parameter of such a name itself; the mask is handed over changed by them */
  RTOOL_CLASS = 7,  /* a class by name or index, or several as NAME:WEIGHT,NAME:WEIGHT; numbers: pairs of index
                       and weight, the weights adding up to 1; count is the number of pairs */
  RTOOL_COLOR = 8,  /* #rgb, #rrggbb or r,g,b in 0..255; numbers: red, green, blue in [0,1] */
  RTOOL_POINT = 9,  /* x,y in pixels; numbers: x, y */
  RTOOL_BOX = 10,   /* x,y,width,height in pixels; numbers: x, y, width, height; width and height are >= 1 */
  RTOOL_FILE = 11,  /* since 0.3. A file of any kind, which is read before the task begins; texts: its name, for
                       messages and for `file_bytes`. Its hash is kept with the result, so that it can be made again */
  RTOOL_LAYER = 12, /* since 0.3. A layer of the model, or one of `choices`, by name; texts: the name; numbers: the
                       layer's index, that of a choice counted on from the number of layers */
  RTOOL_ASCENT = 13, /* since 0.3. The options that ascents have in common, --steps, --step-size, --radius and so on, in
                       the place of this one parameter: the host adds, explains and checks them, and `ascent_options`
                       reads them. initial_text: what they are at first, as in the settings of a preset, with lengths
                       for 224x224 pixels. choices: those of the options that the user may give, each with a help in the
                       place of the usual one, or an empty one; none: all. Presets may set them. No flags; at most one
                       of it */
  RTOOL_MODEL = 14  /* since 0.3. Another model by its name or file, as --model takes it, which is read before the task
                       begins; texts: what was given, for messages and for `with_model`. Its hash is kept with the
                       result */
};

typedef uint32_t rtool_param_flags;
enum {
  RTOOL_REQUIRED = 1u << 0,    /* the task cannot run without it */
  RTOOL_POSITIONAL = 1u << 1,  /* given by its place, without --name, in the order of the parameters */
  RTOOL_REPEATED = 1u << 2,    /* may be given several times (a positional one: takes all that is left) */
  RTOOL_ADVANCED = 1u << 3,    /* shown by --help but not by -h */
  RTOOL_LOGARITHMIC = 1u << 4, /* a slider moves through it by factors */
  RTOOL_AUTO = 1u << 5,        /* CLASS, INT, REAL: "auto" may be given, and is the value when nothing is; count
                                  is then 0 and the task chooses */
  RTOOL_NONE = 1u << 6,        /* CLASS: "none" may be given; count is 0 and texts[0] is "none" */
  RTOOL_WITH_ALPHA = 1u << 7,  /* IMAGE: images have 4 channels if the file has transparency */
  RTOOL_ON_DEMAND = 1u << 8    /* since 0.4. IMAGE: for many files. images is NULL: the host opens one when the task
                                  asks for it, by `image_open`, and a file that cannot be read does not end the run */
};

/* This structure never grows. */
typedef struct rtool_choice {
  const char *name;
  const char *help;
} rtool_choice;

/*
 * One parameter. Help, checks, error messages and completions are made from it by the host, so that a plugin
 * never checks a value again. min == max == 0 means no limit; likewise soft_min, soft_max (the range of a
 * slider), which lie within min, max. It grows; `param_size` of the manifest is the stride.
 */
typedef struct rtool_param {
  const char *name;  /* lower-case letters, digits and '-', beginning with a letter, without "--"; not one of the
                        host's own options (`rtool TASK --help` lists them under Output and Run), "preset", "no-..." */
  const char *help;  /* one sentence, lower case, no full stop */
  const char *value; /* what stands for the value in help: FILE, N, X,Y; NULL: from the kind */
  const char *group; /* heading in help; NULL: Options */
  const char *unit;  /* px, %, ...; NULL: none */
  rtool_param_kind kind;
  rtool_param_flags flags;
  uint32_t letter; /* -L, an ASCII letter not used by the host (h M o p q Q s t v); 0: none */
  uint32_t choice_count;
  const rtool_choice *choices; /* CHOICE; LAYER: names besides those of the layers; ASCENT: the options it offers */
  double initial;              /* BOOL, INT, REAL; CHOICE: an index */
  const char *initial_text;    /* the other kinds but IMAGE and MASK: as the user would write it; NULL: none */
  double min, max, soft_min, soft_max, step;
} rtool_param;

/*
 * A named set of values that stand in for the initial ones. With presets the host adds the option --preset;
 * the first preset is the one used when none is named. `settings` is NAME=VALUE words parted by spaces. This structure
 * never grows.
 */
typedef struct rtool_preset {
  const char *name;
  const char *help;
  const char *settings;
} rtool_preset;

/* The value of one parameter. values[k] belongs to params[k]. Arrays that do not apply are NULL. This structure never
   grows. */
typedef struct rtool_value {
  uint32_t given; /* how often the user gave it; 0: this is the initial value or the preset's */
  uint32_t count; /* how many entries there are: images, texts, or groups in numbers; 0: no value */
  const double *numbers;
  const char *const *texts; /* IMAGE, MASK, FILE: the names of the files, for messages */
  const rtool_image *const *images;
} rtool_value;

/* This structure never grows. */
typedef struct rtool_example {
  const char *arguments; /* what follows `rtool NAME` */
  const char *help;
} rtool_example;

/* --------------------------------------------------------------------------------------------- manifest -- */

typedef uint32_t rtool_manifest_flags;
enum {
  RTOOL_TEXT_ALONE = 1u << 0, /* since 0.4. The task makes no image: it has no option for images, nor --seed, --count and
                                 --repeat */
  RTOOL_NO_ASCENT = 1u << 1   /* since 0.4. The task follows no gradient and nothing of it depends on the seed: it has no
                                 --frames, --seed, --count and --repeat */
};

/* All that a host knows of a plugin. Static and immutable. It grows; struct_size is its size. */
typedef struct rtool_manifest {
  uint32_t struct_size; /* sizeof(rtool_manifest) */
  uint32_t abi;         /* RTOOL_ABI_MAJOR << 16 | lowest minor version needed; RTOOL_ABI, where that is not known */
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
  /* Does the task. Called on the run thread; values has param_count entries. */
  rtool_status (*run)(const rtool_host *host, const rtool_value *values);
  uint32_t built_with; /* since 0.3: RTOOL_ABI, the interface it was compiled with; 0: not told */
  rtool_manifest_flags flags; /* since 0.4; 0 before */
} rtool_manifest;

/* The one function that a plugin exports. NULL: the plugin refuses this host. Called once, on any thread. */
RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi);

/* ------------------------------------------------------------------------------------------------ model -- */

/* A place in the network where features can be read. The last one is the pooled representation, 1x1. It grows;
   `layer_size` of the model is the stride. */
typedef struct rtool_layer {
  const char *name;
  int32_t channels;
  int32_t reduction; /* image pixels for one position of the layer, along one side; 0: the layer is pooled */
} rtool_layer;

/* What the model says of itself. The host owns it. It grows; struct_size is its size. */
typedef struct rtool_model {
  uint32_t struct_size;
  uint32_t layer_size; /* stride of layers */
  const char *name;
  const char *const *classes; /* class_count names */
  int32_t class_count;
  int32_t layer_count;
  const rtool_layer *layers;
  int32_t side;            /* pixels of the square images it was trained on; other sizes work */
  int32_t smallest;        /* the least side that the network takes; since 0.3 the host mirrors smaller images up to it,
                              and features are those of the mirrored image */
  double eps;              /* L2 radius it was trained to resist, at `side`, in [0,1] units; 0: not robust */
  int32_t has_seeds;       /* whether `class_seed` works */
} rtool_model;

/* A class and how much it counts. This structure never grows. */
typedef struct rtool_class_weight {
  int32_t index;
  double weight;
} rtool_class_weight;

/* -------------------------------------------------------------------------------------------- objective -- */

/*
 * An objective is a weighted sum of terms, and is minimised. F(x) below are the features of image x at the
 * term's layer, R the pooled representation, p the softmax of the logits.
 */
typedef uint32_t rtool_term_kind;
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
  /* The plugin's own function, see rtool_custom. Uses: custom, user, layers, layer_count. */
  RTOOL_TERM_CUSTOM = 8,
  /*
   * Since 0.2. Distance after a known degradation D: mean over the target's pixels and channels of (region (D(x) -
   * target))^2. D blurs x by a kernel and by a Gaussian of sigma pixels and reduces it to the target's size by a
   * filter; results are not clipped. The region has the target's size. Uses: target, region, sigma, kernel, filter.
   */
  RTOOL_TERM_MEASUREMENT = 9
};

typedef uint32_t rtool_statistics;
enum {
  RTOOL_STATISTIC_MEAN = 1u << 0,      /* of each channel */
  RTOOL_STATISTIC_DEVIATION = 1u << 1, /* standard deviation of each channel */
  RTOOL_STATISTIC_GRAM = 1u << 2,      /* mean over positions of the product of each two channels */
  RTOOL_STATISTIC_COVARIANCE = 1u << 3 /* the same of the channels less their means */
};

/*
 * What a CUSTOM term sees and fills in, for one image of the batch at one step. The host owns it, and it is over when
 * the function returns. It grows; struct_size is its size.
 *
 * `image`, `logits` and `features` are those of the image as the network sees it at this step: moved by `jitter`,
 * enlarged by `zoom`, with `noise` on it, and where it is smaller than the network takes, mirrored up to that. A target
 * in pixels fits only where these are 0. `levels`, `gradient_blur` and
 * the rest of what is done to gradients comes after all terms, and does not change what is seen or how often.
 */
typedef struct rtool_evaluation {
  uint32_t struct_size;
  int32_t index; /* which image of the batch */
  int32_t step;  /* from 0 on; in a call of `gradient`: 0 */
  int32_t class_count;
  int32_t layer_count;
  const rtool_image *image;
  const float *logits;
  const rtool_tensor *features; /* one for each of the term's layers, in their order */
  /* To be filled in. The gradients arrive as zeros, shaped as what they are the gradient of. */
  double loss;
  rtool_image *image_gradient;
  float *logit_gradient;
  const rtool_tensor *feature_gradients;
} rtool_evaluation;

/*
 * Fills in the loss and those of the three gradients that are not zero, each of the loss alone: the term's weight
 * multiplies the loss and the gradients afterwards. Another status than RTOOL_OK ends the ascent.
 *
 * It is called on the run thread, once for each image and step. For the loss of what comes out it is called once more
 * for each image, with step = the number of steps done; with jitter, zoom or noise also for the loss of the start, with
 * step 0 and the image as it is. In those calls the gradients are not used. Inside it the [any-thread] functions of the
 * host may be called, those marked [run-thread] may not. What it allocates there at each step stays until `run` returns
 * or the scope ends, so it is better allocated before and reached through `user`.
 */
typedef rtool_status (*rtool_custom)(void *user, rtool_evaluation *evaluation);

/*
 * One term. `target`, `region` and `target_region` are arrays of `image_count` images: 1, shared by the whole
 * batch (0 means 1), or one for each image of it. A NULL region is 1 everywhere. Regions have 1 channel, values
 * in [0,1], and the size of the image they belong to. It grows; `term_size` of the objective is the stride.
 */
typedef struct rtool_term {
  rtool_term_kind kind;
  int32_t unit;
  double weight;
  const char *layer; /* a name from the model's layers; NULL: the pooled representation */
  const rtool_class_weight *classes;
  uint32_t class_count;
  rtool_statistics statistics; /* bits; 0: mean, deviation and Gram */
  const rtool_image *target;
  const rtool_image *region;
  const rtool_image *target_region;
  uint32_t image_count;
  int32_t relative;
  rtool_custom custom;
  void *user;
  const char *const *layers; /* CUSTOM: which features it reads; a NULL among them: the pooled representation */
  uint32_t layer_count;
  rtool_filter filter; /* since 0.2. MEASUREMENT: of the reduction */
  double sigma;        /* since 0.2. MEASUREMENT: of the blur, in pixels; 0: none */
  const rtool_tensor *target_features; /* since 0.2. `image_count` of them, shaped as the layer; NULL: those of
                                          `target` */
  const float *channel_weights;        /* since 0.2. One for each channel of the layer; NULL: 1 */
  const rtool_image *kernel;           /* since 0.3. MEASUREMENT: what x is blurred by, before sigma: 1 channel of
                                          odd sides, at most 255; the value at a pixel is the sum of the kernel's times
                                          those about it, borders mirrored. NULL: nothing */
} rtool_term;

/* What is minimised. It grows; struct_size is its size. */
typedef struct rtool_objective {
  uint32_t struct_size;
  uint32_t term_size; /* sizeof(rtool_term): the stride of terms */
  const rtool_term *terms;
  uint32_t term_count;
} rtool_objective;

/* ----------------------------------------------------------------------------------------------- ascent -- */

/*
 * An ascent goes up in what the task wants, which is down in the loss.
 */

/* How a step s is taken along the gradient g. */
typedef uint32_t rtool_rule;
enum {
  RTOOL_RULE_NORMALISED = 0, /* x - s g / ||g||, per image */
  RTOOL_RULE_SIGN = 1,       /* x - s sign(g) */
  RTOOL_RULE_PLAIN = 2,      /* x - s g */
  RTOOL_RULE_ADAM = 3        /* since 0.2. x - s m / (sqrt(v) + 1e-8), with the unbiased averages m of g (0.9) and v of
                                g^2 (0.999) */
};

/* What is stepped in. Since 0.2. */
typedef uint32_t rtool_parameters;
enum {
  RTOOL_PARAMETERS_PIXELS = 0,
  /*
   * x = sigmoid(B (s z)): z are coefficients of an orthonormal real Fourier basis B, s scales them by
   * 1 / frequency, as in photos, with colour decorrelated. Steps are in z, the set is the box, and all pixels are free.
   */
  RTOOL_PARAMETERS_FOURIER = 1
};

/* Where the image must stay, around its centre. All images stay in [0,1] as well. */
typedef uint32_t rtool_set;
enum {
  RTOOL_SET_BOX = 0, /* nothing but [0,1] */
  RTOOL_SET_L2 = 1,  /* ||x - centre|| <= radius, over all pixels and channels of one image */
  RTOOL_SET_LINF = 2 /* |x - centre| <= radius, each value */
};

typedef uint32_t rtool_ascent_flags;
enum {
  RTOOL_ASCENT_PASS_RELU = 1u << 0, /* the last ReLU before pooling passes its gradient unchanged */
  RTOOL_ASCENT_BEST = 1u << 1,      /* the outcome is the iterate of least loss, per image, not the last */
  RTOOL_ASCENT_STOP_BELOW = 1u << 2, /* since 0.2. Ends once the loss of every image is at most stop_loss */
  RTOOL_ASCENT_WRAP = 1u << 3, /* since 0.4. The images are to tile: each step sees them moved to anywhere, going on at
                                  their other side, and so do SMOOTHNESS and the smoothing of the gradient */
  RTOOL_ASCENT_TRIAL = 1u << 4 /* since 0.5. A trial whose images are nobody's: those who watch do not see it, nor do
                                  --frames and --sheet show it */
};

/* How to follow the gradient. Every image of the batch has the same size. Time and memory go with its pixels, and what
   the model knows is of its own size, so that photos are followed in a working copy (see rtool_working_copy) or in
   windows. It grows; struct_size is its size. */
typedef struct rtool_ascent {
  uint32_t struct_size;
  rtool_ascent_flags flags;
  const rtool_image *start; /* `count` images of 3 channels */
  uint32_t count;
  int32_t steps;
  double step_size;
  double final_step_size; /* step size falls to this along half a cosine; 0: it stays */
  rtool_rule rule;
  rtool_set set;
  double radius;                /* L2: over all pixels of an image, so it means less in a larger one */
  const rtool_image *centre;    /* `count` images; NULL: start */
  const rtool_image *free;      /* `count` images of 1 channel: how far each pixel may move, 0 not at all; NULL: all */
  double gradient_blur;         /* the gradient is smoothed by a Gaussian of this sigma, in pixels; 0: not */
  double gradient_trend;        /* what of the gradient is smoother than this sigma is taken away; 0: nothing */
  double chroma_damping;        /* share of the gradient's colour (what is not grey) that is taken away, in [0,1] */
  int32_t jitter;               /* each step sees the image moved by up to so many pixels, borders mirrored */
  int32_t reserved;
  double progress_from, progress_to; /* the part of the task's progress this ascent is; both 0: all of it */
  const char *note;             /* shown beside the progress; NULL: none */
  /* All that follows: since 0.2. */
  rtool_parameters parameters;
  int32_t levels;               /* the gradient is followed at so many resolutions at once, each half the one before,
                                   with equal shares; 0, 1: the image's own alone */
  double momentum;              /* share of the gradients before in the one that is followed, in [0,1) */
  double noise;                 /* each step sees the image with normal noise of this deviation */
  double zoom;                  /* each step sees a random part of the image, enlarged by up to 1 + zoom, in [0,4] */
  double stop_loss;             /* with RTOOL_ASCENT_STOP_BELOW */
  int32_t patience;             /* ends when no image's loss has come down by 0.1 % in so many steps; 0: never */
  int32_t reserved_2;
  /* All that follows: since 0.5. */
  int32_t place_x, place_y;     /* where the first of the images lies in the task's first image, in the pixels of that one,
                                   for those who watch: its corner */
  int32_t place_width, place_height; /* and its size there, which may reach over the border; both 0: not told, it is the
                                   whole. Of a working copy: x and y, and the size of `seen` */
} rtool_ascent;

/* What came of an ascent. The plugin sets struct_size; the host fills in the rest and owns what it points to. It grows;
   struct_size is its size. */
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
 * sets the transparency as well. Values are clipped to [0,1]; one that is no number is an error. This structure never
 * grows.
 */
typedef struct rtool_piece {
  int32_t x, y;
  const rtool_image *image;
} rtool_piece;

/*
 * A finished image. With `over`, an image the host handed in as a value, the result is the user's own file with
 * pieces laid over it: the size, depth, profile, metadata and every pixel that no piece changes stay as they were.
 * Without, it is the one piece. It grows; struct_size is its size.
 */
typedef struct rtool_result {
  uint32_t struct_size;
  uint32_t piece_count;
  const rtool_image *over;
  const rtool_piece *pieces;
  /* All that follows: since 0.2. */
  const char *caption;     /* shown under it on a contact sheet; NULL: none */
  int32_t frame_duration;  /* milliseconds. Not 0: results in a row are frames of one animation, where the format has
                              them (WebP, GIF) */
  int32_t width, height;   /* with `over`: the result's size, to which the user's file is enlarged or reduced, with its
                              transparency, before pieces are laid over it; 0: its own */
  int32_t bit_depth;       /* since 0.4. Without `over`: bits of each channel that the result needs, 8 or 16; its file has
                              no more than the host's `bit_depth`. 0: 8, or what the user asks for */
  const char *name;        /* since 0.3. What it is among the results of the run, made as the name of a parameter is:
                              its file is out-NAME.png beside out.png, and --json tells it by that name. No other result
                              of the run has it, and frames have none. NULL: it is the task's result, or one of several,
                              which are numbered */
} rtool_result;

/* What is known of a result before the work. Since 0.4. It grows; struct_size is its size. */
typedef struct rtool_expectation {
  uint32_t struct_size;
  uint32_t reserved;
  const rtool_image *over; /* the image that it will be laid over, as in rtool_result, or NULL */
  int32_t width, height;   /* the result's size; 0: that of `over` */
  uint64_t memory;         /* bytes that the task will hold at most, besides its values; 0: not worth telling */
  double seconds;          /* that the work will take on this machine; 0: not known */
} rtool_expectation;

/* ---------------------------------------------------------------------------------------- working copies -- */

typedef uint32_t rtool_copy_flags;
enum {
  RTOOL_COPY_AROUND_MASK = 1u << 0, /* look at a window around the mask's white alone, see `context` */
  RTOOL_COPY_WRAP = 1u << 1 /* since 0.5. The photo tiles: beyond its border it goes on at its other side. Not with
                               RTOOL_COPY_AROUND_MASK */
};

/*
 * A photo at the size at which the model knows what things look like, and the way back. Since 0.3. The plugin fills in
 * what it wants, `working_copy` the rest, which the host owns. It grows; struct_size is its size.
 *
 * A change made to `image` is carried to the photo's own resolution by `working_result`, along the photo's edges, so
 * that its detail stays and its edges stay sharp; where the mask is black the photo's pixels stay as they are.
 */
typedef struct rtool_working_copy {
  uint32_t struct_size;
  rtool_copy_flags flags;
  const rtool_image *photo;     /* 1, 3 or 4 channels */
  const rtool_image *mask;      /* where it may change: 1 channel of the photo's size, white: fully; NULL: everywhere */
  double context;               /* with RTOOL_COPY_AROUND_MASK: how far around the white, as a multiple of its size, >=
                                   0 */
  int32_t side;                 /* pixels of the copy's shorter side; 0: the model's */
  int32_t x, y;                 /* from here on filled in by the host. The corner of the part of the photo that is
                                   seen */
  int32_t reserved;
  rtool_image *image;           /* the copy: 3 channels; the plugin may write to it */
  const rtool_image *region;    /* the mask at its size; NULL: without a mask */
  const rtool_image *seen;      /* that part of the photo, 3 channels, at its own size */
  const rtool_image *seen_mask; /* and of the mask; NULL: without one */
} rtool_working_copy;

/* --------------------------------------------------------------------------------------------- features -- */

/*
 * One unit of a layer, as a user names it: by LAYER:NUMBER, by its number in the pooled representation, or there by the
 * class that it raises: `flower` is the unit that adds most to the logit of flower relative to the other classes,
 * `flower-2` the second. Since 0.3. This structure never grows.
 */
typedef struct rtool_feature {
  const char *layer;   /* NULL: the pooled representation */
  int32_t unit;
  int32_t class_index; /* the class that a unit of the representation raises most; -1: it is of another layer */
  int32_t rank;        /* how many units raise that class more */
  int32_t reserved;
} rtool_feature;

typedef int32_t rtool_log_level;
enum { RTOOL_LOG_NOTE = 0, RTOOL_LOG_WARNING = 1, RTOOL_LOG_DETAIL = 2 /* shown with --verbose */ };

typedef int32_t rtool_distribution;
enum { RTOOL_RANDOM_UNIFORM = 0 /* [0,1) */, RTOOL_RANDOM_NORMAL = 1 };

/* How `image_enlarge` draws: a bitwise or. Since 0.6. */
typedef uint32_t rtool_enlarge_flags;
enum {
  RTOOL_ENLARGE_JPEG = 1u << 0 /* The image comes from a JPEG file, whose blocks and ringing are to go: the program's own
                                  network has learned from such files too. Of no say with another network. */
};

/* ------------------------------------------------------------------------------------------------- host -- */

/* The host, as a plugin sees it. The first argument of each function is the host handed to `run`. It grows; struct_size
   is its size, and RTOOL_HAS(host, function) tells whether a later function is there. */
struct rtool_host {
  uint32_t struct_size;
  uint32_t abi;
  const char *version; /* of the program, for people */
  void *state;         /* the host's own */
  const rtool_model *model;
  uint64_t seed;   /* from --seed */
  int32_t threads; /* from --threads; how many a plugin may keep busy */
  int32_t json;    /* since 0.2. Not 0: --json was given, and text that is handed over must be one JSON value */

  /* [any-thread] Reports an error in one line: what was wrong with which input, and what to do. Returns status, or
     RTOOL_FAILED where that was RTOOL_OK. */
  rtool_status (*fail)(const rtool_host *host, rtool_status status, const char *text);
  /* [any-thread] A line on standard error. */
  void (*log)(const rtool_host *host, rtool_log_level level, const char *text);
  /* [any-thread] How much is done, in [0,1], and what is being done (or NULL). Returns 1 to go on, 0 to stop soon:
     then return RTOOL_STOPPED from `run`. */
  int32_t (*progress)(const rtool_host *host, double fraction, const char *note);
  /* [any-thread] A fact about how the result was made, kept in its metadata (the class chosen, say). */
  void (*record)(const rtool_host *host, const char *key, const char *text);

  /* [any-thread] Memory, zeroed, aligned to 64 bytes, freed by the host after `run`. NULL: there is none left. */
  void *(*alloc)(const rtool_host *host, size_t bytes);
  /* [any-thread] Fills `out` with `count` random numbers. The same seed and stream give the same numbers. */
  void (*random)(const rtool_host *host, rtool_distribution distribution, uint64_t stream, size_t count, float *out);

  /* [any-thread] New images. NULL: a size is out of range or memory ran out, already reported as by `fail`. */
  rtool_image *(*image_new)(const rtool_host *host, int32_t width, int32_t height, int32_t channels);
  rtool_image *(*image_resize)(const rtool_host *host, const rtool_image *image, int32_t width, int32_t height,
                               rtool_filter filter); /* borders extended; results are in [0,1] */
  rtool_image *(*image_crop)(const rtool_host *host, const rtool_image *image, int32_t x, int32_t y,
                             int32_t width, int32_t height); /* beyond the border the image is mirrored */
  rtool_image *(*blur)(const rtool_host *host, const rtool_image *image, double sigma); /* <= 1000; borders extended */
  /* [any-thread] In place: base += mask (over - base) with `over`'s corner at (x, y) of base. Both have the same
     channels. mask: 1 channel, the size of `over`; NULL: 1. Parts outside base are dropped. */
  rtool_status (*image_composite)(const rtool_host *host, rtool_image *base, const rtool_image *over,
                             const rtool_image *mask, int32_t x, int32_t y);

  /* [run-thread] Logits of `count` images of one size; out: count * class_count floats. */
  rtool_status (*logits)(const rtool_host *host, const rtool_image *images, uint32_t count, float *out);
  /* [run-thread] Features of one image at a layer (NULL: the representation). The host owns out->data. */
  rtool_status (*features)(const rtool_host *host, const rtool_image *image, const char *layer, rtool_tensor *out);
  /* [run-thread] Loss of an objective at `count` images of one size (losses: count doubles, or NULL), and its gradient
     in the pixels (gradients: count images that the plugin made of the same size; NULL: not wanted). */
  rtool_status (*gradient)(const rtool_host *host, const rtool_objective *objective, const rtool_image *images,
                      uint32_t count, double *losses, const rtool_image *gradients);
  /* [run-thread] Follows the gradient from the start. Reports progress; RTOOL_STOPPED when the user stopped it. */
  rtool_status (*ascend)(const rtool_host *host, const rtool_objective *objective, const rtool_ascent *ascent,
                    rtool_outcome *outcome);
  /* [run-thread] A sample of the model's seed distribution of a class, in [0,1], 3 channels. NULL: it has none. */
  rtool_image *(*class_seed)(const rtool_host *host, int32_t class_index, uint64_t stream, int32_t width,
                             int32_t height);

  /* [run-thread] Hands over a finished image; the host copies it, and writes it where the user wants it once `run` has
     returned RTOOL_OK. May be called several times: files are numbered, or have the names of their results. A task that
     hands over neither an image nor text has failed. */
  rtool_status (*emit)(const rtool_host *host, const rtool_result *result);
  /* [run-thread] Text that is the task's result, to standard output. */
  rtool_status (*emit_text)(const rtool_host *host, const char *text);

  /* [run-thread] Since 0.2. What each channel of the representation adds to the logit of a class: the row of the last
     linear layer. out: as many floats as the representation has channels. */
  rtool_status (*class_weights)(const rtool_host *host, int32_t class_index, float *out);

  /* All that follows: since 0.3. */

  /* [any-thread] The minor version since which the host has something, 0: it has not. Names are a kind of thing and one
     in lower case, with hyphens: "term.measurement", "rule.adam", "set.l2", "parameters.fourier", "param.box" (kinds of
     parameters), "ascent.momentum", "result.frames", "host.parallel". So a plugin learns whether a later field will be
     heeded. */
  uint32_t (*capability)(const rtool_host *host, const char *name);

  /* [any-thread] Calls `piece` once for each index below `count`, in any order, on the threads that --threads allows,
     and returns when all are done. How work is cut must not depend on `threads`, so that results do not. Inside, the
     [any-thread] functions may be called. */
  void (*parallel)(const rtool_host *host, uint32_t count, void (*piece)(void *user, uint32_t index), void *user);
  /* [run-thread] What the host hands out from `scope_begin` on dies at the matching `scope_end`, rather than when `run`
     returns: for loops. Scopes may lie in one another, and one that is open when `run` returns ends there. */
  void (*scope_begin)(const rtool_host *host);
  rtool_status (*scope_end)(const rtool_host *host);

  /* [any-thread] Writes `from` into `to`, in the size of `to`. Both have the same channels, do not overlap, and may be
     the plugin's own memory. Borders are mirrored and nothing is clipped, so that differences can be resized as
     well. */
  rtool_status (*image_resample)(const rtool_host *host, const rtool_image *from, const rtool_image *to,
                                 rtool_filter filter);
  /* [any-thread] A new image: `photo` with `strength` times the change from `before` to `after`, which are smaller (or
     of its size), of one size and 3 channels. A change that follows brightness follows that of the photo, so that edges
     stay sharp; the rest is enlarged. 3 channels, in [0,1]. NULL: already reported as by `fail`. */
  rtool_image *(*transfer)(const rtool_host *host, const rtool_image *before, const rtool_image *after,
                           const rtool_image *photo, double strength);
  /* [any-thread] Fills in a working copy. RTOOL_FAILED: the mask is black everywhere. */
  rtool_status (*working_copy)(const rtool_host *host, rtool_working_copy *copy);
  /* [any-thread] The part of the photo that a working copy shows, at its own size, with `strength` times the change
     from `copy->image` to `changed`: a piece of the result at (copy->x, copy->y). NULL: already reported as by
     `fail`. */
  rtool_image *(*working_result)(const rtool_host *host, const rtool_working_copy *copy, const rtool_image *changed,
                                 double strength);

  /* [any-thread] What an ASCENT value says of an ascent of images of this size: fills in steps, step_size, rule, set,
     radius and the like, lengths fitted to the size, and leaves start, centre, free and progress as they are.
     smoothness: the weight of a SMOOTHNESS term that the user asks for, or NULL. RTOOL_USAGE: the options contradict
     one another. */
  rtool_status (*ascent_options)(const rtool_host *host, const rtool_value *options, int32_t width, int32_t height,
                                 rtool_ascent *ascent, double *smoothness);
  /* [any-thread] One of them by its name, "step-size" say. Returns 1 if the user gave it, else 0; number: its value (a
     choice: its index; NaN: auto), or NULL. */
  int32_t (*ascent_option)(const rtool_host *host, const rtool_value *options, const char *name, double *number);
  /* [any-thread] The content of a FILE by its name, followed by a zero byte. NULL: it is none, or memory ran out. */
  const void *(*file_bytes)(const rtool_host *host, const char *name, size_t *count);

  /* [run-thread] Features of `count` images of one size at a layer (NULL: the representation); out: `count` tensors. */
  rtool_status (*features_batch)(const rtool_host *host, const rtool_image *images, uint32_t count, const char *layer,
                                 rtool_tensor *out);
  /* [run-thread] The unit that a user means by a text. RTOOL_FAILED: there is none, and the user is told which there
     are. */
  rtool_status (*feature_find)(const rtool_host *host, const char *text, rtool_feature *out);
  /* [run-thread] What a user calls a unit; its `layer` and `unit` are read. NULL: there is no such unit. */
  const char *(*feature_name)(const rtool_host *host, const rtool_feature *feature);
  /* [run-thread] The classes that a unit of the representation raises, at most `count`, from the most on; weight: how
     much more it adds to their logit than to others on average. Returns how many were written. */
  uint32_t (*feature_classes)(const rtool_host *host, const rtool_feature *feature, uint32_t count,
                              rtool_class_weight *out);

  /* [run-thread] The task's result as one JSON value (RFC 8259), for --json: then it stands for all that `emit_text` is
     given, and otherwise it is left out. What is no JSON is a mistake of the author's. */
  rtool_status (*emit_json)(const rtool_host *host, const char *json);
  /* [any-thread] A text as a JSON string, quotes included. NULL: memory ran out. */
  const char *(*json_text)(const rtool_host *host, const char *text);

  /* [run-thread] The host as it is with another model, that of a MODEL value with this text: its `model`, and all that
     asks a classifier or goes by its side (logits, features, gradient, ascend, class seeds and weights, names of
     features, working copies), are of that model; the rest is the same run. CLASS and LAYER values stay those of the
     first model. Lives until `run` returns. NULL: no value has that text. */
  const rtool_host *(*with_model)(const rtool_host *host, const char *text);

  /* [run-thread] What is prepared once for the runs of a process, those of --count and --repeat say: `bytes` bytes,
     zeroed and aligned to 64, which `make` fills in where no run has asked for `key` with this model before. What it
     fills in depends on the model and on what the key tells (the name of the thing and the parameters that it is made
     with), not on images or the seed, and points to nothing that the host handed out. It is not written to afterwards,
     and valid until `run` returns. NULL: `make` returned another status than RTOOL_OK, or memory ran out. */
  const void *(*prepared)(const rtool_host *host, const char *key, size_t bytes,
                          rtool_status (*make)(const rtool_host *host, void *memory, void *user), void *user);

  /* Since 0.4. How many bits of each channel the file of a result that lies over nothing can keep just as they are
     handed over, by its format and --bit-depth: 8 or 16. 0: its format alters values (JPEG, or WebP without
     --lossless). */
  int32_t bit_depth;
  int32_t reserved;

  /* [run-thread] Opens image `index` of parameter `param` (its place in the manifest), which is ON_DEMAND. Open it in a
     scope, at whose end it goes, and have one open at a time: then a thousand photos take the memory of one. side: how
     many pixels of the shorter side the task has use for; a larger picture is then read at a half, a quarter or an
     eighth of its size, but with at least four times that side, which costs far less. 0: all. NULL: the file cannot be
     used. The user has been told, the run has not failed, and the task goes on with the next; the program will exit
     with 1. */
  const rtool_image *(*image_open)(const rtool_host *host, uint32_t param, uint32_t index, int32_t side);
  /* [run-thread] Says in one line why an image that was opened is of no use, its name included. All goes on as after a
     file that cannot be read. */
  void (*image_skip)(const rtool_host *host, uint32_t param, uint32_t index, const char *text);
  /* [run-thread] One of many results, written to standard output at once, before `run` returns: text, or with --json
     one JSON value, which goes on a line of its own as {"result": VALUE}. What was written stays, whatever comes
     after. */
  rtool_status (*emit_part)(const rtool_host *host, const char *text);
  /* [run-thread] Tells before the work what a result will be. What cannot be written in the format that the user wants,
     is larger than --max-pixels or does not fit into memory is refused: return the status from `run`. */
  rtool_status (*expect)(const rtool_host *host, const rtool_expectation *expectation);
  /* [run-thread] Shows where a search is that the task does by itself, for --frames and --sheet, which show the steps of
     `ascend` anyway: one call for each step, from 0 on, with which a search begins. image: 3 channels. */
  void (*show)(const rtool_host *host, int32_t step, double loss, const rtool_image *image);

  /* All that follows: since 0.5. */

  /* [any-thread] Whether somebody watches how the result comes about: 1 or 0. Of a run it is always the same. Nothing that
     is made may depend on it. */
  int32_t (*is_watched)(const rtool_host *host);
  /* [run-thread] Shows those who watch what will be in a rectangle of the task's first image, as far as it is known. It is
     seen until the next picture of the same rectangle, some of which are left out where there are many in a second.
     Steps of `ascend` are shown anyway. image: 3 channels, any size; it is shown as wide and high as the rectangle, which
     is in pixels of the first image and may reach over its border. Costs nothing where nobody watches. */
  void (*show_at)(const rtool_host *host, const rtool_image *image, int32_t x, int32_t y, int32_t width,
                  int32_t height);

  /* All that follows: since 0.6. */

  /* [run-thread] A new image, `factor` times as wide and high, drawn by a network that has learned what photos lose where
     they are reduced: the cubic enlargement, with what that lacks. factor: 2, 3 or 4, or what the network has. network:
     NULL for the program's own, or a FILE value, as `rtool train-upscaler` writes it. What lies beyond the border is
     mirrored; a pixel depends on those within 16 pixels of the small image. 3 channels, in [0,1]. NULL: already reported
     as by `fail`. */
  rtool_image *(*image_enlarge)(const rtool_host *host, const rtool_image *image, int32_t factor,
                                rtool_enlarge_flags flags, const char *network);
  /* [run-thread] How much a JPEG file has lost that a value was read from: 1 to 100, the quality as libjpeg counts it, told
     from the quantisation table. 0: the file is no JPEG, or the image is no value. */
  int32_t (*jpeg_quality)(const rtool_host *host, const rtool_image *image);
};

#ifdef __cplusplus
}
#endif

#endif
