#include <dlfcn.h>
#include <libheif/heif.h>
#include <pthread.h>
#include <string.h>

#include "api.h"

// What libvips leaves out of what libheif knows: how the colours are coded.
#define HEIF(X) \
  X(heif_context_alloc) X(heif_context_free) X(heif_context_read_from_memory_without_copy) \
  X(heif_context_get_primary_image_handle) X(heif_image_handle_release) \
  X(heif_image_handle_get_luma_bits_per_pixel) X(heif_image_handle_get_nclx_color_profile) \
  X(heif_nclx_color_profile_free)

static struct {
#define DECLARE(name) __typeof__(&name) name;
  HEIF(DECLARE)
#undef DECLARE
} heif;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool found;

static void load(void) {
  void *handle = dlopen("libheif.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
#define FIND(name) \
  if (!(heif.name = (__typeof__(&name))dlsym(handle, #name))) return;
  HEIF(FIND)
#undef FIND
  found = true;
}

bool cvips_heif_coding_of(const void *bytes, size_t count, cvips_heif_coding *out) {
  pthread_once(&once, load);
  if (!found) return false;
  struct heif_context *context = heif.heif_context_alloc();
  if (!context) return false;
  struct heif_image_handle *image = NULL;
  bool known =
    heif.heif_context_read_from_memory_without_copy(context, bytes, count, NULL).code == heif_error_Ok
    && heif.heif_context_get_primary_image_handle(context, &image).code == heif_error_Ok;
  if (known) {
    struct heif_color_profile_nclx *nclx = NULL;
    *out = (cvips_heif_coding){.depth = heif.heif_image_handle_get_luma_bits_per_pixel(image),
      .primaries = 2, .transfer = 2, .matrix = 2};
    if (heif.heif_image_handle_get_nclx_color_profile(image, &nclx).code == heif_error_Ok && nclx) {
      out->primaries = (int)nclx->color_primaries;
      out->transfer = (int)nclx->transfer_characteristics;
      out->matrix = (int)nclx->matrix_coefficients;
      heif.heif_nclx_color_profile_free(nclx);
    }
  }
  if (image) heif.heif_image_handle_release(image);
  heif.heif_context_free(context);
  return known;
}
