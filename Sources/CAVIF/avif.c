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
  X(avifRWDataFree) X(avifDecoderCreate) X(avifDecoderDestroy) X(avifDecoderSetIOMemory) X(avifDecoderParse) \
  X(avifDecoderNthImage) X(avifDecoderNthImageTiming) X(avifImageYUVToRGB) X(avifEncoderAddImage) \
  X(avifEncoderFinish)

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

bool cavif_knows_loops(void) { return AVIF_VERSION_MAJOR > 0; }

static avifDecoder *parsed(const void *bytes, size_t count) {
  if (!cavif_is_available()) return NULL;
  avifDecoder *decoder = api.avifDecoderCreate();
  if (!decoder) return NULL;
  // What encoders get wrong without harm to what is asked for here.
  decoder->strictFlags = AVIF_STRICT_DISABLED;
  decoder->maxThreads = 4;
  if (api.avifDecoderSetIOMemory(decoder, bytes, count) == AVIF_RESULT_OK
    && api.avifDecoderParse(decoder) == AVIF_RESULT_OK)
    return decoder;
  api.avifDecoderDestroy(decoder);
  return NULL;
}

static cavif_header header_of(const avifDecoder *decoder) {
  const avifImage *image = decoder->image;
  cavif_header header = {.width = (int)image->width, .height = (int)image->height, .depth = (int)image->depth,
    .full_chroma = image->yuvFormat == AVIF_PIXEL_FORMAT_YUV444, .frames = decoder->imageCount,
    .has_alpha = decoder->alphaPresent, .primaries = image->colorPrimaries,
    .transfer = image->transferCharacteristics, .matrix = image->matrixCoefficients};
#if AVIF_VERSION_MAJOR > 0
  header.loops = decoder->repetitionCount >= 0 ? decoder->repetitionCount + 1 : 0;
#endif
  return header;
}

bool cavif_read_header(const void *bytes, size_t count, cavif_header *out) {
  avifDecoder *decoder = parsed(bytes, count);
  if (!decoder) return false;
  *out = header_of(decoder);
  api.avifDecoderDestroy(decoder);
  return true;
}

struct cavif_decoder {
  avifDecoder *avif;
};

cavif_decoder *cavif_decoder_new(const void *bytes, size_t count) {
  avifDecoder *avif = parsed(bytes, count);
  if (!avif) return NULL;
  cavif_decoder *decoder = malloc(sizeof *decoder);
  if (decoder)
    decoder->avif = avif;
  else
    api.avifDecoderDestroy(avif);
  return decoder;
}

void cavif_decoder_free(cavif_decoder *decoder) {
  api.avifDecoderDestroy(decoder->avif);
  free(decoder);
}

cavif_header cavif_decoder_header(const cavif_decoder *decoder) { return header_of(decoder->avif); }

int cavif_decoder_milliseconds(const cavif_decoder *decoder, int frame) {
  avifImageTiming timing;
  if (api.avifDecoderNthImageTiming(decoder->avif, (uint32_t)frame, &timing) != AVIF_RESULT_OK) return 0;
  double milliseconds = timing.duration * 1000 + 0.5;
  return milliseconds > 0 && milliseconds < 1e9 ? (int)milliseconds : 0;
}

const void *cavif_decoder_metadata(const cavif_decoder *decoder, char kind, size_t *count) {
  const avifImage *image = decoder->avif->image;
  const avifRWData *data = kind == 'I' ? &image->icc : kind == 'E' ? &image->exif : &image->xmp;
  *count = data->size;
  return data->size ? data->data : NULL;
}

bool cavif_decoder_read(cavif_decoder *decoder, int frame, void *pixels, char *problem, size_t problem_size) {
  // The frame need not have the size that the file names: what is written is what was made room for.
  cavif_header header = header_of(decoder->avif);
  avifResult result = api.avifDecoderNthImage(decoder->avif, (uint32_t)frame);
  const avifImage *image = decoder->avif->image;
  if (result == AVIF_RESULT_OK
    && ((int)image->width != header.width || (int)image->height != header.height
      || (int)image->depth != header.depth)) {
    snprintf(problem, problem_size, "frame %d is of another kind than the first", frame + 1);
    return false;
  }
  if (result == AVIF_RESULT_OK) {
    avifRGBImage rgb;
    api.avifRGBImageSetDefaults(&rgb, image);
    rgb.depth = header.depth == 8 ? 8 : 16;
    rgb.format = header.has_alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    rgb.chromaUpsampling = AVIF_CHROMA_UPSAMPLING_BEST_QUALITY;
    rgb.pixels = pixels;
    rgb.rowBytes = rgb.width * (header.has_alpha ? 4 : 3) * rgb.depth / 8;
    result = api.avifImageYUVToRGB(image, &rgb);
  }
  if (result != AVIF_RESULT_OK) snprintf(problem, problem_size, "%s", api.avifResultToString(result));
  return result == AVIF_RESULT_OK;
}

static avifResult fill(avifImage *image, const cavif_picture *picture, int frame) {
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
  rgb.rowBytes = (uint32_t)picture->width * (uint32_t)picture->channels * 2;
  rgb.pixels = (uint8_t *)picture->pixels + (size_t)frame * rgb.rowBytes * (size_t)picture->height;
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

// Frames are written as they come, and need one image in YCbCr at a time.
static avifResult add_frames(avifEncoder *encoder, avifImage *image, const cavif_picture *picture) {
  encoder->timescale = 1000;
#if AVIF_VERSION_MAJOR > 0
  encoder->repetitionCount = picture->loops > 0 ? picture->loops - 1 : AVIF_REPETITION_COUNT_INFINITE;
#endif
  avifResult result = AVIF_RESULT_OK;
  for (int frame = 0; frame < picture->frames && result == AVIF_RESULT_OK; frame++) {
    if (frame > 0) result = fill(image, picture, frame);
    // A frame of no time would have its place in none.
    uint64_t duration = picture->milliseconds[frame] > 0 ? (uint64_t)picture->milliseconds[frame] : 1;
    if (result == AVIF_RESULT_OK)
      result = api.avifEncoderAddImage(encoder, image, duration, AVIF_ADD_IMAGE_FLAG_NONE);
  }
  return result;
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
    result = fill(image, picture, 0);
    if (result == AVIF_RESULT_OK && picture->milliseconds) {
      result = add_frames(encoder, image, picture);
      if (result == AVIF_RESULT_OK) result = api.avifEncoderFinish(encoder, &data);
    } else if (result == AVIF_RESULT_OK) {
      result = api.avifEncoderWrite(encoder, image, &data);
    }
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
