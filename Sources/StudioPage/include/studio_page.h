#ifndef STUDIO_PAGE_H
#define STUDIO_PAGE_H

#include <stddef.h>

/* One file of the page of `rtool studio`: its name, as in its address, the type to send with it, and its bytes. */
typedef struct {
  const char *name;
  const char *content_type;
  const unsigned char *start;
  size_t size;
} studio_page_file;

extern const size_t studio_page_file_count;

/* The file at an index below studio_page_file_count. The first is the page itself, index.html. */
const studio_page_file *studio_page_file_at(size_t index);

#endif
