#include "embedded_model.h"

_Alignas(64) static const unsigned char bytes[] = {
#embed "../../Models/photos.safetensors"
};

const size_t embedded_model_size = sizeof bytes;

const unsigned char *embedded_model_start(void) { return bytes; }
