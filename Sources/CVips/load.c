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

static pthread_once_t load_once = PTHREAD_ONCE_INIT;
static pthread_once_t heif_once = PTHREAD_ONCE_INIT, jxl_once = PTHREAD_ONCE_INIT;
static bool modules_skipped, heif_lacks_memory, jxl_lacks_memory;
static char problem[512];
static atomic_bool loaded;
static atomic_int wanted_threads;
static pthread_t loader;

// libvips would load every module in its folder (ImageMagick, poppler, openslide, ...). None of
// them but libheif's and libjxl's is wanted: they take longer than all else and widen what a hostile file can
// reach. It finds the folder through VIPSHOME, so that is made to point nowhere. That is done before
// main, while there is one thread: changing the environment is not safe beside others that read it. Nor
// does libvips change it where the variable is set.
__attribute__((constructor)) static void prepare_environment(void) {
  static const char nowhere[] = "/nonexistent";
  const char *home = getenv("VIPSHOME");
  // A process that this one starts finds it set.
  modules_skipped = !home || strcmp(home, nowhere) == 0;
  setenv("VIPSHOME", nowhere, 0);
}

// Whether the dynamic loader failed for want of memory. Where mapping fails for another reason, that is
// told behind.
static bool lacks_memory(const char *error) {
  if (strstr(error, "annot allocate memory")) return true;
  return strstr(error, "failed to map segment") && !strstr(error, "not permitted") && !strstr(error, "denied");
}

static void ignore_log(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data) {
  (void)domain, (void)level, (void)text, (void)data;
}

static void load(void) {
  void *handle = dlopen("libvips.so.42", RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *error = dlerror();
    if (!error) error = "unknown reason";
    if (lacks_memory(error))
      snprintf(problem, sizeof problem, "there is not enough memory to load libvips; raise the limit (ulimit -v)");
    else if (strncmp(error, "libvips.so.42: ", 15) == 0 && strstr(error, "No such file"))
      snprintf(problem, sizeof problem, "libvips is not installed (libvips.so.42): install libvips42");
    else
      snprintf(problem, sizeof problem, "libvips cannot be loaded: %s", error);
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
  api.vips_operation_block_set("VipsForeignLoadJp2k", FALSE);
  atomic_store(&loaded, true);
}

const char *cvips_load(void) {
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
  pthread_once(&once, start_loader);
}

void cvips_set_threads(int count) {
  atomic_store(&wanted_threads, count);
  if (atomic_load(&loaded)) api.vips_concurrency_set(count);
}

int cvips_version(void) { return api.vips_version(0) * 100 + api.vips_version(1); }

// Loads a module of libvips, unless libvips has done so. Whether there was not enough memory for it; a module that is
// missing for another reason is told by its operations.
static bool module_lacks_memory(const char *name) {
  Dl_info info;
  if (!modules_skipped || !dladdr((void *)api.vips_init, &info)) return false;
  const char *slash = strrchr(info.dli_fname, '/');
  char path[4096];
  snprintf(path, sizeof path, "%.*s/vips-modules-%d.%d/%s.so", slash ? (int)(slash - info.dli_fname) : 1,
    slash ? info.dli_fname : ".", api.vips_version(0), api.vips_version(1), name);
  if (api.g_module_open(path, G_MODULE_BIND_LOCAL)) return false;
  const char *error = api.g_module_error();
  return error && lacks_memory(error);
}

static void load_heif(void) { heif_lacks_memory = module_lacks_memory("vips-heif"); }

static void load_jxl(void) {
  jxl_lacks_memory = module_lacks_memory("vips-jxl");
  api.vips_operation_block_set("VipsForeignLoadJxl", FALSE);
  api.vips_operation_block_set("VipsForeignSaveJxl", FALSE);
}

static bool has_memory(const char *module, bool lacking) {
  if (lacking) api.vips_error(module, "out of memory");
  return !lacking;
}

bool cvips_load_heif(void) {
  pthread_once(&heif_once, load_heif);
  return has_memory("heif", heif_lacks_memory);
}

bool cvips_load_jxl(void) {
  pthread_once(&jxl_once, load_jxl);
  return has_memory("jxl", jxl_lacks_memory);
}

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
