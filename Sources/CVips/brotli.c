#include <dlfcn.h>
#include <pthread.h>

#include "api.h"

// BrotliDecoderDecompress of <brotli/decode.h>; 1 is success. libjxl brings the library along.
typedef int decompress_function(size_t, const uint8_t *, size_t *, uint8_t *);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static decompress_function *decompress;

static void load(void) {
  void *handle = dlopen("libbrotlidec.so.1", RTLD_NOW | RTLD_LOCAL);
  if (handle) decompress = (decompress_function *)dlsym(handle, "BrotliDecoderDecompress");
}

void *cvips_unbrotli(const void *bytes, size_t size, size_t *count) {
  enum { SMALLEST = 1 << 16, LARGEST = 1 << 24 };
  pthread_once(&once, load);
  if (!decompress) return NULL;
  // How long it becomes is not said.
  for (size_t room = SMALLEST; room <= LARGEST; room *= 4) {
    void *memory = api.g_try_malloc(room);
    if (!memory) return NULL;
    *count = room;
    if (decompress(size, bytes, count, memory) == 1) return memory;
    api.g_free(memory);
  }
  return NULL;
}
