#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/carchive.h"

struct archive;
struct archive_entry;

/* The functions that are called, as libarchive 3 declares them. Only formats and filters that the library has inside
   are asked for: others would run programs, or read files that an archive names. */
#define FILTERS(X) X(gzip) X(bzip2) X(compress) X(xz) X(lzma) X(zstd) X(lz4)
#define FORMATS(X) X(tar) X(zip) X(7zip) X(rar) X(cpio)
#define API(X) \
  X(struct archive *, archive_read_new, (void)) \
  X(int, archive_read_free, (struct archive *)) \
  X(int, archive_read_open_filename, (struct archive *, const char *, size_t)) \
  X(int, archive_read_next_header, (struct archive *, struct archive_entry **)) \
  X(ssize_t, archive_read_data, (struct archive *, void *, size_t)) \
  X(const char *, archive_error_string, (struct archive *)) \
  X(const char *, archive_entry_pathname, (struct archive_entry *)) \
  X(const char *, archive_entry_pathname_utf8, (struct archive_entry *)) \
  X(const char *, archive_entry_hardlink, (struct archive_entry *)) \
  X(mode_t, archive_entry_filetype, (struct archive_entry *))

enum { OK = 0, END_OF_ARCHIVE = 1, RETRY = -10, WARN = -20, FATAL = -30 };
enum { TYPE_FILE = 0100000, TYPE_FOLDER = 0040000, TYPE_LINK = 0120000 };

static struct {
#define DECLARE(type, name, parameters) type(*name) parameters;
  API(DECLARE)
#undef DECLARE
#define DECLARE(name) int (*filter_##name)(struct archive *);
  FILTERS(DECLARE)
#undef DECLARE
#define DECLARE(name) int (*format_##name)(struct archive *);
  FORMATS(DECLARE)
#undef DECLARE
} api;

struct carchive {
  struct archive *archive;
  struct archive_entry *entry;
  bool opened, broken;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256];

static void load(void) {
  void *handle = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *error = dlerror();
    if (!error) error = "unknown reason";
    if (strstr(error, "annot allocate memory") || (strstr(error, "failed to map segment") && !strstr(error, "not permitted")))
      snprintf(problem, sizeof problem, "there is not enough memory to load libarchive; raise the limit (ulimit -v)");
    else if (strstr(error, "No such file"))
      snprintf(problem, sizeof problem,
               "libarchive is not installed (libarchive.so.13): install libarchive13, or unpack the archive");
    else
      snprintf(problem, sizeof problem, "libarchive cannot be loaded: %.200s", error);
    return;
  }
#define FIND(type, name, parameters) \
  if (!(api.name = (type(*) parameters)dlsym(handle, #name))) { \
    snprintf(problem, sizeof problem, "libarchive lacks " #name ": install libarchive13 3.1 or later"); \
    return; \
  }
  API(FIND)
#undef FIND
  /* What an older library does not know is not read. */
#define FIND(name) \
  api.filter_##name = (int (*)(struct archive *))dlsym(handle, "archive_read_support_filter_" #name);
  FILTERS(FIND)
#undef FIND
#define FIND(name) \
  api.format_##name = (int (*)(struct archive *))dlsym(handle, "archive_read_support_format_" #name);
  FORMATS(FIND)
#undef FIND
}

const char *carchive_load(void) {
  pthread_once(&once, load);
  return problem[0] ? problem : NULL;
}

carchive *carchive_open(const char *path) {
  carchive *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->archive = api.archive_read_new();
  if (!reader->archive) {
    free(reader);
    return NULL;
  }
#define ALLOW(name) \
  if (api.filter_##name) api.filter_##name(reader->archive);
  FILTERS(ALLOW)
#undef ALLOW
#define ALLOW(name) \
  if (api.format_##name) api.format_##name(reader->archive);
  FORMATS(ALLOW)
#undef ALLOW
  reader->opened = api.archive_read_open_filename(reader->archive, path, 1 << 18) == OK;
  reader->broken = !reader->opened;
  return reader;
}

void carchive_close(carchive *reader) {
  api.archive_read_free(reader->archive);
  free(reader);
}

carchive_kind carchive_next(carchive *reader) {
  if (reader->broken) return CARCHIVE_FAILED;
  int status;
  do status = api.archive_read_next_header(reader->archive, &reader->entry);
  while (status == RETRY);
  if (status == END_OF_ARCHIVE) return CARCHIVE_END;
  if (status != OK && status != WARN) {
    reader->broken = true;
    return CARCHIVE_FAILED;
  }
  if (api.archive_entry_hardlink(reader->entry)) return CARCHIVE_LINK;
  switch (api.archive_entry_filetype(reader->entry)) {
    case TYPE_FILE: return CARCHIVE_FILE;
    case TYPE_FOLDER: return CARCHIVE_FOLDER;
    case TYPE_LINK: return CARCHIVE_LINK;
    default: return CARCHIVE_OTHER;
  }
}

const char *carchive_path(carchive *reader) {
  /* NULL where the locale cannot say it. */
  const char *path = api.archive_entry_pathname(reader->entry);
  return path ? path : api.archive_entry_pathname_utf8(reader->entry);
}

ssize_t carchive_read(carchive *reader, void *out, size_t count) {
  ssize_t got;
  do got = api.archive_read_data(reader->archive, out, count);
  while (got == RETRY);
  if (got == FATAL) reader->broken = true;
  return got;
}

const char *carchive_problem(carchive *reader) {
  const char *text = api.archive_error_string(reader->archive);
  return text ? text : "unknown reason";
}

int carchive_is_broken(carchive *reader) { return reader->broken; }
