#ifndef EMBEDDED_MODEL_H
#define EMBEDDED_MODEL_H

#include <stddef.h>

/* Models/photos.safetensors, whole, inside the program: no file to find, nothing to copy. */
const unsigned char *embedded_model_start(void);
extern const size_t embedded_model_size;

#endif
