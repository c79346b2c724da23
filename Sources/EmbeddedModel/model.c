#include "embedded_model.h"

_Alignas(64) const unsigned char embedded_model_bytes[] = {
#embed "../../Models/photos.safetensors"
};
const size_t embedded_model_size = sizeof embedded_model_bytes;
