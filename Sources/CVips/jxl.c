#include <dlfcn.h>
#include <jxl/decode.h>
#include <jxl/version.h>
#include <pthread.h>
#include <stdio.h>

#include "api.h"

// What libvips leaves out of what libjxl knows: that a file has several frames.
#define JXL(X) \
  X(JxlDecoderCreate) X(JxlDecoderDestroy) X(JxlDecoderSubscribeEvents) X(JxlDecoderSetInput) \
  X(JxlDecoderCloseInput) X(JxlDecoderProcessInput)

static struct {
#define DECLARE(name) __typeof__(&name) name;
  JXL(DECLARE)
#undef DECLARE
} jxl;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool found;

static void load(void) {
  char name[64];
  snprintf(name, sizeof name, "libjxl.so.%d.%d", JPEGXL_MAJOR_VERSION, JPEGXL_MINOR_VERSION);
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
#define FIND(name) \
  if (!(jxl.name = (__typeof__(&name))dlsym(handle, #name))) return;
  JXL(FIND)
#undef FIND
  found = true;
}

int cvips_jxl_frames(const void *bytes, size_t count) {
  enum { MOST = 1 << 20 };
  pthread_once(&once, load);
  JxlDecoder *decoder = found ? jxl.JxlDecoderCreate(NULL) : NULL;
  if (!decoder) return 1;
  int frames = 0;
  if (jxl.JxlDecoderSubscribeEvents(decoder, JXL_DEC_FRAME) == JXL_DEC_SUCCESS
    && jxl.JxlDecoderSetInput(decoder, bytes, count) == JXL_DEC_SUCCESS) {
    jxl.JxlDecoderCloseInput(decoder);
    // The pixels of frames are passed over.
    while (frames < MOST && jxl.JxlDecoderProcessInput(decoder) == JXL_DEC_FRAME) frames++;
  }
  jxl.JxlDecoderDestroy(decoder);
  return frames > 0 ? frames : 1;
}
