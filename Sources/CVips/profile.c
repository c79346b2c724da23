#define CMS_NO_REGISTER_KEYWORD 1
#include <dlfcn.h>
#include <lcms2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

// Little CMS, which libvips converts colours with.
#define LCMS(X) \
  X(cmsBuildTabulatedToneCurve16) X(cmsFreeToneCurve) X(cmsCreateRGBProfile) X(cmsCreateGrayProfile) \
  X(cmsSaveProfileToMem) X(cmsCloseProfile)

static struct {
#define DECLARE(name) __typeof__(&name) name;
  LCMS(DECLARE)
#undef DECLARE
} lcms;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool found;

static void load(void) {
  void *handle = dlopen("liblcms2.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
#define FIND(name) \
  if (!(lcms.name = (__typeof__(&name))dlsym(handle, #name))) return;
  LCMS(FIND)
#undef FIND
  found = true;
}

static void *saved(cmsHPROFILE profile, size_t *count) {
  cmsUInt32Number size = 0;
  if (!lcms.cmsSaveProfileToMem(profile, NULL, &size) || size < 128) return NULL;
  char *bytes = cvips_reallocate(NULL, size);
  if (!bytes) return NULL;
  if (!lcms.cmsSaveProfileToMem(profile, bytes, &size)) {
    api.g_free(bytes);
    return NULL;
  }
  // The time at which it was made (ICC.1, 7.2.8): the same colours are to give the same bytes.
  memset(bytes + 24, 0, 12);
  *count = size;
  return bytes;
}

void *cvips_matrix_profile(
  const double xy[8], const uint16_t *curve, size_t entries, bool grey, size_t *count) {
  pthread_once(&once, load);
  if (!found) return NULL;
  cmsToneCurve *tone = lcms.cmsBuildTabulatedToneCurve16(NULL, (cmsUInt32Number)entries, curve);
  if (!tone) return NULL;
  cmsCIExyY white = {xy[0], xy[1], 1};
  cmsCIExyYTRIPLE primaries = {{xy[2], xy[3], 1}, {xy[4], xy[5], 1}, {xy[6], xy[7], 1}};
  cmsToneCurve *tones[3] = {tone, tone, tone};
  cmsHPROFILE profile =
    grey ? lcms.cmsCreateGrayProfile(&white, tone) : lcms.cmsCreateRGBProfile(&white, &primaries, tones);
  void *bytes = profile ? saved(profile, count) : NULL;
  if (profile) lcms.cmsCloseProfile(profile);
  lcms.cmsFreeToneCurve(tone);
  return bytes;
}
