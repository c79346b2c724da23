#include "embedded_model.h"

_Alignas(64) static const unsigned char plain[] = {
#embed "../../Models/upscaler.safetensors"
};

_Alignas(64) static const unsigned char jpeg[] = {
#embed "../../Models/upscaler-jpeg.safetensors"
};

const size_t embedded_upscaler_size = sizeof plain, embedded_jpeg_upscaler_size = sizeof jpeg;

const unsigned char *embedded_upscaler_start(void) { return plain; }

const unsigned char *embedded_jpeg_upscaler_start(void) { return jpeg; }
