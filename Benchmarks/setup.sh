#!/bin/sh
# Makes a virtual environment with PyTorch and torchvision in .build-bench, only for the benchmarks.
set -eu
cd "$(dirname "$0")/.."
python3 -m venv .build-bench
.build-bench/bin/pip install --quiet numpy torch torchvision
