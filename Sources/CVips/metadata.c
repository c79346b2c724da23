#include <string.h>

#include "api.h"

const void *cvips_blob(VipsImage *image, const char *field, size_t *count) {
  const void *bytes = NULL;
  *count = 0;
  if (!api.vips_image_get_typeof(image, field)) return NULL;
  if (api.vips_image_get_blob(image, field, &bytes, count)) {
    api.vips_error_clear();
    return NULL;
  }
  return bytes;
}

void cvips_set_blob(VipsImage *image, const char *field, const void *bytes, size_t count) {
  api.vips_image_set_blob_copy(image, field, bytes, count);
}

void cvips_own_blobs(VipsImage *image) {
  gchar **names = api.vips_image_get_fields(image);
  for (int i = 0; names[i]; i++) {
    size_t count;
    const void *bytes = cvips_blob(image, names[i], &count);
    if (bytes) api.vips_image_set_blob_copy(image, names[i], bytes, count);
  }
  api.g_strfreev(names);
}

int cvips_int(VipsImage *image, const char *field, int otherwise) {
  int value = otherwise;
  if (!api.vips_image_get_typeof(image, field)) return otherwise;
  if (api.vips_image_get_int(image, field, &value)) {
    api.vips_error_clear();
    return otherwise;
  }
  return value;
}

char *cvips_text(VipsImage *image, const char *field) {
  char *text = NULL;
  if (!api.vips_image_get_typeof(image, field)) return NULL;
  if (api.vips_image_get_as_string(image, field, &text)) {
    api.vips_error_clear();
    return NULL;
  }
  return text;
}

void cvips_remove(VipsImage *image, const char *field) { api.vips_image_remove(image, field); }

char *cvips_fields(VipsImage *image) {
  gchar **names = api.vips_image_get_fields(image);
  size_t size = 1;
  for (int i = 0; names[i]; i++) size += strlen(names[i]) + 1;
  char *text = api.g_malloc(size), *end = text;
  for (int i = 0; names[i]; i++) {
    end = stpcpy(end, names[i]);
    *end++ = '\n';
  }
  *end = 0;
  api.g_strfreev(names);
  return text;
}

VipsImage *cvips_copy(VipsImage *image) {
  VipsImage *out = NULL;
  api.vips_copy(image, &out, END);
  return out;
}

void *cvips_profile(const char *name, size_t *count) {
  VipsBlob *blob = NULL;
  if (api.vips_profile_load(name, &blob, END) || !blob) return NULL;
  VipsArea *area = (VipsArea *)blob;
  void *bytes = api.g_malloc(area->length);
  memcpy(bytes, area->data, area->length);
  *count = area->length;
  api.vips_area_unref(area);
  return bytes;
}
