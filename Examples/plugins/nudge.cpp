/*
 * nudge - a whole plugin in C++17, the same as nudge.c beside it: it moves a photo towards a class.
 *
 *     c++ -std=c++17 -shared -fPIC -I ../../Sources/CRTool/include -o librtool-nudge.so nudge.cpp
 *     RTOOL_PATH=$PWD rtool nudge photo.jpg --class sea -o nudged.jpg
 */
#include "rtool.hpp"

enum { IMAGE, CLASS, MASK, STRENGTH, ASCENT };

static const rtool_param params[] = {
  rtool::param("image", "the photo", RTOOL_IMAGE, RTOOL_POSITIONAL | RTOOL_REQUIRED),
  rtool::with_letter(rtool::param("class", "what it becomes", RTOOL_CLASS, RTOOL_REQUIRED), 'c'),
  rtool::param("mask", "where to change it", RTOOL_MASK),
  rtool::number("strength", "how much of the change is taken over", 1, 0, 100),
  rtool::ascent("steps=60 step-size=1 radius=25 jitter=4 levels=4 pass-relu=on"),
};

static void nudge(rtool::host host, rtool::values values) {
  /* The model knows what its classes look like at its own size: the photo is worked on there. */
  auto copy = rtool::sized<rtool_working_copy>();
  copy.flags = RTOOL_COPY_AROUND_MASK;
  copy.context = 0.75;
  copy.photo = values.image(IMAGE);
  copy.mask = values.image(MASK);
  rtool::check(host->working_copy(host, &copy));

  rtool_term terms[2] = {};
  terms[0].kind = RTOOL_TERM_CLASS;
  terms[0].weight = 1;
  terms[0].classes = host.classes(values[CLASS]);
  terms[0].class_count = values[CLASS].count;
  terms[1].kind = RTOOL_TERM_SMOOTHNESS;
  auto ascent = rtool::sized<rtool_ascent>();
  ascent.start = copy.image;
  ascent.count = 1;
  ascent.free = copy.region;
  rtool::check(host->ascent_options(host, &values[ASCENT], copy.image->width, copy.image->height, &ascent,
                                    &terms[1].weight));
  const auto outcome = host.ascend(terms, terms[1].weight > 0 ? 2 : 1, ascent);

  /* The change is carried to the photo's own size, along its edges. */
  host.emit(copy, outcome.images, values.number(STRENGTH));
}

RTOOL_PLUGIN("nudge", "2.0", "Move a photo towards a class", params, nudge)
