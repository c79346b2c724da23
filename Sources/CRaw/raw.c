#include "include/craw.h"

#include <dlfcn.h>
#include <pthread.h>

// What is used of LibRaw's C interface has been the same since 0.17, so its headers, whose structures differ from version
// to version, are not needed.

/// libraw_processed_image_t of <libraw/libraw_types.h>.
struct processed {
  int type;  ///< 2: pixels
  uint16_t height, width, colors, bits;
  unsigned data_size;
  unsigned char data[1];
};

#define API(X) \
  X(void *, libraw_init, (unsigned)) \
  X(void, libraw_close, (void *)) \
  X(int, libraw_open_buffer, (void *, const void *, size_t)) \
  X(int, libraw_get_iwidth, (void *)) \
  X(int, libraw_get_iheight, (void *)) \
  X(float, libraw_get_cam_mul, (void *, int)) \
  X(void, libraw_set_user_mul, (void *, int, float)) \
  X(void, libraw_set_output_bps, (void *, int)) \
  X(void, libraw_set_output_color, (void *, int)) \
  X(void, libraw_set_gamma, (void *, int, float)) \
  X(int, libraw_unpack, (void *)) \
  X(int, libraw_dcraw_process, (void *)) \
  X(struct processed *, libraw_dcraw_make_mem_image, (void *, int *)) \
  X(void, libraw_dcraw_clear_mem, (struct processed *)) \
  X(const char *, libraw_strerror, (int))

static struct {
#define DECLARE(result, name, parameters) result(*name) parameters;
  API(DECLARE)
#undef DECLARE
} api;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool found;

static void load(void) {
  static const char *const names[] = {"libraw_r.so.23", "libraw_r.so.20", "libraw_r.so.19"};
  void *handle = NULL;
  for (size_t i = 0; !handle && i < sizeof names / sizeof *names; i++)
    handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
#define FIND(result, name, parameters) \
  if (!(api.name = (result(*) parameters)dlsym(handle, #name))) return;
  API(FIND)
#undef FIND
  found = true;
}

bool craw_is_available(void) {
  pthread_once(&once, load);
  return found;
}

craw_file *craw_open(const void *bytes, size_t count, const char **problem) {
  if (!craw_is_available()) {
    *problem = "LibRaw is not installed";
    return NULL;
  }
  // LIBRAW_OPTIONS_NO_DATAERR_CALLBACK: it would print what is told by an error.
  void *file = api.libraw_init(2);
  if (!file) {
    *problem = "out of memory";
    return NULL;
  }
  int code = api.libraw_open_buffer(file, bytes, count);
  if (!code) return file;
  *problem = api.libraw_strerror(code);
  api.libraw_close(file);
  return NULL;
}

void craw_close(craw_file *file) { api.libraw_close(file); }

int craw_width(craw_file *file) { return api.libraw_get_iwidth(file); }
int craw_height(craw_file *file) { return api.libraw_get_iheight(file); }

// The balance that the camera found, where it did.
static void balance(void *file) {
  float green = api.libraw_get_cam_mul(file, 1);
  if (!(green > 0) || !(api.libraw_get_cam_mul(file, 0) > 0)) return;
  for (int i = 0; i < 4; i++) {
    float factor = api.libraw_get_cam_mul(file, i);
    api.libraw_set_user_mul(file, i, factor > 0 ? factor : green);
  }
}

bool craw_develop(craw_file *file, craw_picture *out, const char **problem) {
  balance(file);
  api.libraw_set_output_bps(file, 16);
  api.libraw_set_output_color(file, 1);
  // The curve of sRGB: its power, and the slope at black.
  api.libraw_set_gamma(file, 0, 1 / 2.4f);
  api.libraw_set_gamma(file, 1, 12.92f);
  int code = api.libraw_unpack(file);
  if (!code) code = api.libraw_dcraw_process(file);
  struct processed *picture = code ? NULL : api.libraw_dcraw_make_mem_image(file, &code);
  if (!picture) {
    *problem = code ? api.libraw_strerror(code) : "out of memory";
    return false;
  }
  size_t size = (size_t)picture->width * picture->height * picture->colors * 2;
  if (picture->type != 2 || picture->bits != 16 || (picture->colors != 1 && picture->colors != 3) || !size
    || picture->data_size < size) {
    api.libraw_dcraw_clear_mem(picture);
    *problem = "a picture of an unusual kind";
    return false;
  }
  *out = (craw_picture){.width = picture->width, .height = picture->height, .channels = picture->colors,
    .samples = (const uint16_t *)picture->data, .memory = picture};
  return true;
}

void craw_free(craw_picture *picture) { api.libraw_dcraw_clear_mem(picture->memory); }
