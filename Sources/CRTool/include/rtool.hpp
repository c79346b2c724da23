/*
 * rtool.hpp - rtool.h for C++17: statuses become exceptions that end at the plugin's edge, structures come with their
 * sizes filled in, and parameters are written in a line. Header alone, nothing to link. Everything of rtool.h is there
 * beside it; Examples/plugins/nudge.cpp is a whole plugin.
 *
 *     static void run(rtool::host host, rtool::values values) { ... }
 *     static const rtool_param params[] = { rtool::param("image", "the photo", RTOOL_IMAGE, RTOOL_POSITIONAL) };
 *     RTOOL_PLUGIN("nudge", "1.0", "Move a photo towards a class", params, run)
 */
#ifndef RTOOL_HPP
#define RTOOL_HPP

#include "rtool.h"

#include <exception>
#include <type_traits>

namespace rtool {

/* What a function of the host did not do; the host already knows why. */
struct failure {
  rtool_status status;
};

inline void check(rtool_status status) {
  if (status != RTOOL_OK) throw failure{status};
}

template <class Pointer>
Pointer check(Pointer pointer) {
  if (!pointer) throw failure{RTOOL_FAILED};
  return pointer;
}

/* A structure with zeros in all its fields but its size. */
template <class Structure>
Structure sized() {
  Structure structure{};
  structure.struct_size = sizeof structure;
  return structure;
}

inline rtool_param param(const char *name, const char *help, rtool_param_kind kind, rtool_param_flags flags = 0) {
  rtool_param param{};
  param.name = name;
  param.help = help;
  param.kind = kind;
  param.flags = flags;
  return param;
}

inline rtool_param number(const char *name, const char *help, double initial, double min, double max,
                          rtool_param_kind kind = RTOOL_REAL) {
  rtool_param param = rtool::param(name, help, kind);
  param.initial = initial;
  param.min = min;
  param.max = max;
  return param;
}

/* The options that ascents have in common, with what they are at first. */
inline rtool_param ascent(const char *settings) {
  rtool_param param = rtool::param("ascent", "the options of an ascent", RTOOL_ASCENT);
  param.initial_text = settings;
  return param;
}

/* An ascent from a working copy's image, which lies where the copy does. */
inline rtool_ascent ascent_of(const rtool_working_copy &copy) {
  auto ascent = sized<rtool_ascent>();
  ascent.start = copy.image;
  ascent.count = 1;
  ascent.free = copy.region;
  ascent.place_x = copy.x;
  ascent.place_y = copy.y;
  ascent.place_width = copy.seen->width;
  ascent.place_height = copy.seen->height;
  return ascent;
}

inline rtool_param with_letter(rtool_param param, char letter) {
  param.letter = static_cast<uint32_t>(letter);
  return param;
}

/* The values of one run, by the place of their parameter. */
class values {
  const rtool_value *all;

 public:
  explicit values(const rtool_value *all) : all(all) {}
  const rtool_value &operator[](size_t index) const { return all[index]; }
  double number(size_t index) const { return all[index].numbers[0]; }
  const rtool_image *image(size_t index) const { return all[index].count ? all[index].images[0] : nullptr; }
};

/* The host. What is not here is reached by `->`, as in host->blur(host, image, 2). */
class host {
  const rtool_host *table;

 public:
  explicit host(const rtool_host *table) : table(table) {}
  operator const rtool_host *() const { return table; }
  const rtool_host *operator->() const { return table; }

  [[noreturn]] void fail(const char *text, rtool_status status = RTOOL_FAILED) const {
    throw failure{table->fail(table, status, text)};
  }

  /* Memory for so many, zeroed, until `run` returns or the scope ends. */
  template <class Element>
  Element *alloc(size_t count) const {
    static_assert(std::is_trivially_copyable<Element>::value, "the host frees memory without destructors");
    return static_cast<Element *>(check(table->alloc(table, count * sizeof(Element))));
  }

  /* The classes of a CLASS value; there are value.count. */
  const rtool_class_weight *classes(const rtool_value &value) const {
    auto *classes = alloc<rtool_class_weight>(value.count);
    for (uint32_t i = 0; i < value.count; i++)
      classes[i] = {static_cast<int32_t>(value.numbers[2 * i]), value.numbers[2 * i + 1]};
    return classes;
  }

  /* Calls body(index) once for each index below `count`, on several threads. It must not throw. */
  template <class Body>
  void parallel(uint32_t count, Body body) const {
    table->parallel(
        table, count, [](void *body, uint32_t index) { (*static_cast<Body *>(body))(index); }, &body);
  }

  /* The host as it is with another model, that of a MODEL value. */
  host with_model(const rtool_value &value) const { return host(check(table->with_model(table, value.texts[0]))); }

  /* What is prepared once for the runs of a process: `count` elements, zeroed, which make(elements) fills in where no run
     has asked for `key` with this model before. */
  template <class Element, class Make>
  const Element *prepared(const char *key, size_t count, Make make) const {
    static_assert(std::is_trivially_copyable<Element>::value, "the host frees memory without destructors");
    return static_cast<const Element *>(check(table->prepared(
        table, key, count * sizeof(Element),
        [](const rtool_host *table, void *memory, void *make) {
          return host::contained(table, [&] { (*static_cast<Make *>(make))(static_cast<Element *>(memory)); });
        },
        &make)));
  }

  /* Calls body(), and keeps what it throws from leaving the plugin. */
  template <class Body>
  static rtool_status contained(const rtool_host *table, Body body) {
    try {
      body();
      return RTOOL_OK;
    } catch (const failure &failure) {
      return failure.status;
    } catch (const std::exception &error) {
      return table->fail(table, RTOOL_FAILED, error.what());
    } catch (...) {
      return table->fail(table, RTOOL_FAILED, "the task threw something unknown");
    }
  }

  /* Whether somebody watches how the result comes about. An older host: nobody. */
  bool is_watched() const { return RTOOL_HAS(table, is_watched) && table->is_watched(table); }

  /* Follows the gradient of the sum of `count` terms. */
  rtool_outcome ascend(const rtool_term *terms, uint32_t count, const rtool_ascent &ascent) const {
    auto objective = sized<rtool_objective>();
    objective.term_size = sizeof *terms;
    objective.terms = terms;
    objective.term_count = count;
    auto outcome = sized<rtool_outcome>();
    check(table->ascend(table, &objective, &ascent, &outcome));
    return outcome;
  }

  /* Hands over the photo with the change of its working copy to `changed`. */
  void emit(const rtool_working_copy &copy, const rtool_image *changed, double strength = 1) const {
    const rtool_piece piece = {copy.x, copy.y, check(table->working_result(table, &copy, changed, strength))};
    auto result = sized<rtool_result>();
    result.over = copy.photo;
    result.pieces = &piece;
    result.piece_count = 1;
    check(table->emit(table, &result));
  }
};

/* What the host hands out while this is there dies with it. */
class scope {
  const rtool_host *table;

 public:
  explicit scope(const rtool_host *table) : table(table) { table->scope_begin(table); }
  ~scope() { table->scope_end(table); }
  scope(const scope &) = delete;
  scope &operator=(const scope &) = delete;
};

/* Calls a task, and keeps what it throws from leaving the plugin. */
inline rtool_status guarded(const rtool_host *table, const rtool_value *all, void (*run)(host, values)) {
  return host::contained(table, [&] { run(host(table), values(all)); });
}

template <size_t count>
rtool_manifest manifest(const char *name, const char *version, const char *summary, const rtool_param (&params)[count],
                        rtool_status (*run)(const rtool_host *, const rtool_value *)) {
  auto manifest = sized<rtool_manifest>();
  manifest.abi = manifest.built_with = RTOOL_ABI;
  manifest.param_size = sizeof *params;
  manifest.param_count = count;
  manifest.params = params;
  manifest.name = name;
  manifest.version = version;
  manifest.summary = summary;
  manifest.run = run;
  return manifest;
}

}  // namespace rtool

/* Exports the plugin; `task` is a function of rtool::host and rtool::values. */
#define RTOOL_PLUGIN(name, version, summary, params, task)                                          \
  static rtool_status rtool_guarded_run(const rtool_host *host, const rtool_value *values) {        \
    return rtool::guarded(host, values, task);                                                      \
  }                                                                                                 \
  extern "C" RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t) {                            \
    static const rtool_manifest manifest =                                                          \
        rtool::manifest(name, version, summary, params, rtool_guarded_run);                         \
    return &manifest;                                                                               \
  }

#endif
