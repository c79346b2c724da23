#include <dlfcn.h>
#include <pthread.h>

#include "file.h"

struct jpeg_api jpeg_api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;

// The library whose structures the headers describe.
static const char *const name = JPEG_LIB_VERSION >= 80 ? "libjpeg.so.8" : "libjpeg.so.62";

static void load(void) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
#define FIND(name) \
  if (!(jpeg_api.name = (__typeof__(&name))dlsym(handle, #name))) return;
  API(FIND)
#undef FIND
  loaded = true;
}

bool jpeg_load(void) {
  pthread_once(&once, load);
  return loaded;
}
