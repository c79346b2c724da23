#define _GNU_SOURCE
#include <dlfcn.h>
#include <gmodule.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

struct api api;

static pthread_once_t environment_once = PTHREAD_ONCE_INIT;
static pthread_once_t load_once = PTHREAD_ONCE_INIT;
static pthread_once_t heif_once = PTHREAD_ONCE_INIT;
static bool modules_skipped;
static char problem[512];
static atomic_bool loaded;
static atomic_int wanted_threads;
static pthread_t loader;

// libvips would load every module in its folder (ImageMagick, poppler, openslide, ...). None of
// them but libheif's is wanted: they take longer than all else and widen what a hostile file can
// reach. It finds the folder through VIPSHOME, so that is made to point nowhere.
static void prepare_environment(void) {
  modules_skipped = getenv("VIPSHOME") == NULL;
  setenv("VIPSHOME", "/nonexistent", 0);
}

static void ignore_log(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data) {
  (void)domain, (void)level, (void)text, (void)data;
}

static void load(void) {
  void *handle = dlopen("libvips.so.42", RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    snprintf(problem, sizeof problem, "libvips is not installed (libvips.so.42): install libvips42");
    return;
  }
#define FIND(name) \
  if (!(api.name = (__typeof__(&name))dlsym(handle, #name))) { \
    snprintf(problem, sizeof problem, "libvips lacks " #name ": install libvips42 8.14 or later"); \
    return; \
  }
  API(FIND)
#undef FIND
  if (api.vips_init("rtool")) {
    char *text = api.vips_error_buffer_copy();
    snprintf(problem, sizeof problem, "libvips cannot be started: %s", text ? text : "unknown reason");
    problem[strcspn(problem, "\n")] = 0;
    return;
  }
  // Warnings would go to standard error; what matters comes back as an error.
  GLogLevelFlags quiet = G_LOG_LEVEL_MASK & ~G_LOG_LEVEL_ERROR;
  api.g_log_set_handler("VIPS", quiet, ignore_log, NULL);
  api.g_log_set_handler("GLib-GObject", quiet, ignore_log, NULL);
  api.g_log_set_handler("Pango", quiet, ignore_log, NULL);
  api.vips_cache_set_max(0);
  api.vips_concurrency_set(atomic_load(&wanted_threads));
  // Loaders are called by name, never searched for: this is the second lock on the door.
  api.vips_block_untrusted_set(TRUE);
  api.vips_operation_block_set("VipsForeignLoadPpm", FALSE);
  atomic_store(&loaded, true);
}

const char *cvips_load(void) {
  pthread_once(&environment_once, prepare_environment);
  pthread_once(&load_once, load);
  return problem[0] ? problem : NULL;
}

static void *load_in_background(void *unused) {
  cvips_load();
  return unused;
}

// Destructors of the libraries must not run while they are still being loaded.
static void wait_for_loader(void) { pthread_join(loader, NULL); }

static void start_loader(void) {
  if (pthread_create(&loader, NULL, load_in_background, NULL) == 0) atexit(wait_for_loader);
}

void cvips_preload(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&environment_once, prepare_environment);
  pthread_once(&once, start_loader);
}

void cvips_set_threads(int count) {
  atomic_store(&wanted_threads, count);
  if (atomic_load(&loaded)) api.vips_concurrency_set(count);
}

int cvips_version(void) { return api.vips_version(0) * 100 + api.vips_version(1); }

static void load_heif(void) {
  Dl_info info;
  if (!modules_skipped || !dladdr((void *)api.vips_init, &info)) return;
  const char *slash = strrchr(info.dli_fname, '/');
  char path[4096];
  snprintf(path, sizeof path, "%.*s/vips-modules-%d.%d/vips-heif.so",
    slash ? (int)(slash - info.dli_fname) : 1, slash ? info.dli_fname : ".", api.vips_version(0),
    api.vips_version(1));
  api.g_module_open(path, G_MODULE_BIND_LOCAL);
}

void cvips_load_heif(void) { pthread_once(&heif_once, load_heif); }

char *cvips_take_error(void) {
  char *text = api.vips_error_buffer_copy();
  if (text && !text[0]) {
    api.g_free(text);
    return NULL;
  }
  return text;
}

void cvips_free(void *memory) {
  if (memory) api.g_free(memory);
}

char *cvips_sha256(const void *bytes, size_t count) {
  return api.g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, count);
}

char *cvips_md5(const void *bytes, size_t count) {
  return api.g_compute_checksum_for_data(G_CHECKSUM_MD5, bytes, count);
}

void *cvips_reallocate(void *memory, size_t count) { return api.g_try_realloc(memory, count); }
