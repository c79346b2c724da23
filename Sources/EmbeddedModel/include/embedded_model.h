#ifndef EMBEDDED_MODEL_H
#define EMBEDDED_MODEL_H

#include <stddef.h>

/* Models/photos.safetensors, whole, inside the program: no file to find, nothing to copy. */
const unsigned char *embedded_model_start(void);
extern const size_t embedded_model_size;

/* Models/upscaler.safetensors and upscaler-jpeg.safetensors likewise. */
const unsigned char *embedded_upscaler_start(void);
extern const size_t embedded_upscaler_size;
const unsigned char *embedded_jpeg_upscaler_start(void);
extern const size_t embedded_jpeg_upscaler_size;

#endif
