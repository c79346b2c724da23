#include <avif/avif.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cavif.h"

#define API(X) \
  X(avifVersion) X(avifResultToString) X(avifImageCreate) X(avifImageDestroy) X(avifImageSetProfileICC) \
  X(avifImageSetMetadataExif) X(avifImageSetMetadataXMP) X(avifRGBImageSetDefaults) X(avifImageRGBToYUV) \
  X(avifEncoderCreate) X(avifEncoderDestroy) X(avifEncoderSetCodecSpecificOption) X(avifEncoderWrite) \
  X(avifRWDataFree) X(avifDecoderCreate) X(avifDecoderDestroy) X(avifDecoderSetIOMemory) X(avifDecoderParse)

static struct {
#define DECLARE(name) __typeof__(&name) name;
  API(DECLARE)
#undef DECLARE
} api;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool found;

// The library's structures grow with its minor versions, so no other than the header's may be used.
static bool is_the_headers_version(void) {
  int major = 0, minor = 0;
  return sscanf(api.avifVersion(), "%d.%d", &major, &minor) == 2 && major == AVIF_VERSION_MAJOR
    && minor == AVIF_VERSION_MINOR;
}

static void load(void) {
  void *handle = dlopen(AVIF_VERSION_MAJOR == 0 ? "libavif.so.15" : "libavif.so.16", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
#define FIND(name) \
  if (!(api.name = (__typeof__(&name))dlsym(handle, #name))) return;
  API(FIND)
#undef FIND
  found = is_the_headers_version();
}

bool cavif_is_available(void) {
  pthread_once(&once, load);
  return found;
}

bool cavif_read_header(const void *bytes, size_t count, cavif_header *out) {
  if (!cavif_is_available()) return false;
  avifDecoder *decoder = api.avifDecoderCreate();
  if (!decoder) return false;
  // What encoders get wrong without harm to what is asked for here.
  decoder->strictFlags = AVIF_STRICT_DISABLED;
  bool known = api.avifDecoderSetIOMemory(decoder, bytes, count) == AVIF_RESULT_OK
    && api.avifDecoderParse(decoder) == AVIF_RESULT_OK;
  if (known)
    *out = (cavif_header){.depth = (int)decoder->image->depth,
      .full_chroma = decoder->image->yuvFormat == AVIF_PIXEL_FORMAT_YUV444, .frames = decoder->imageCount};
  api.avifDecoderDestroy(decoder);
  return known;
}

static avifResult fill(avifImage *image, const cavif_picture *picture) {
  image->colorPrimaries = (avifColorPrimaries)picture->primaries;
  image->transferCharacteristics = (avifTransferCharacteristics)picture->transfer;
  image->matrixCoefficients = (avifMatrixCoefficients)picture->matrix;
  image->yuvRange = AVIF_RANGE_FULL;
  if (picture->profile) api.avifImageSetProfileICC(image, picture->profile, picture->profile_count);
  if (picture->exif) api.avifImageSetMetadataExif(image, picture->exif, picture->exif_count);
  if (picture->xmp) api.avifImageSetMetadataXMP(image, picture->xmp, picture->xmp_count);
  avifRGBImage rgb;
  api.avifRGBImageSetDefaults(&rgb, image);
  rgb.depth = 16;
  rgb.format = picture->channels == 4 ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
  rgb.pixels = (uint8_t *)picture->pixels;
  rgb.rowBytes = (uint32_t)picture->width * (uint32_t)picture->channels * 2;
  return api.avifImageRGBToYUV(image, &rgb);
}

static void set(avifEncoder *encoder, const cavif_picture *picture) {
  encoder->speed = picture->speed;
  encoder->maxThreads = 4;
  encoder->minQuantizer = 0;
  encoder->maxQuantizer = 63;
  encoder->minQuantizerAlpha = encoder->maxQuantizerAlpha = 0;
  // A constant quality within these bounds, as libheif asks for it.
  char level[8];
  snprintf(level, sizeof level, "%d", (63 * (100 - picture->quality) + 50) / 100);
  api.avifEncoderSetCodecSpecificOption(encoder, "color:end-usage", "q");
  api.avifEncoderSetCodecSpecificOption(encoder, "color:cq-level", level);
}

void *cavif_encode(const cavif_picture *picture, size_t *count, char *problem, size_t problem_size) {
  snprintf(problem, problem_size, "libavif cannot be used");
  if (!cavif_is_available()) return NULL;
  avifImage *image = api.avifImageCreate((uint32_t)picture->width, (uint32_t)picture->height,
    (uint32_t)picture->depth, picture->full_chroma ? AVIF_PIXEL_FORMAT_YUV444 : AVIF_PIXEL_FORMAT_YUV420);
  avifEncoder *encoder = api.avifEncoderCreate();
  avifRWData data = AVIF_DATA_EMPTY;
  avifResult result = AVIF_RESULT_OUT_OF_MEMORY;
  if (image && encoder) {
    set(encoder, picture);
    result = fill(image, picture);
    if (result == AVIF_RESULT_OK) result = api.avifEncoderWrite(encoder, image, &data);
  }
  // The library's own allocator need not be this program's.
  void *bytes = result == AVIF_RESULT_OK ? malloc(data.size) : NULL;
  if (bytes) {
    memcpy(bytes, data.data, data.size);
    *count = data.size;
  } else {
    snprintf(problem, problem_size, "%s", api.avifResultToString(result));
  }
  api.avifRWDataFree(&data);
  if (encoder) api.avifEncoderDestroy(encoder);
  if (image) api.avifImageDestroy(image);
  return bytes;
}
