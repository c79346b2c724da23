#!/bin/sh
# Builds the checks of the kernels for this machine, with the address and undefined sanitizers, and runs them.
set -eu
cd "$(dirname "$0")/.."
clang=$(sh Scripts/clang.sh)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$clang" -std=gnu2x -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -fuse-ld=lld \
  -ISources/CKernels/include Sources/CKernels/*.c Tests/Kernels/*.c -lm -o "$folder/kernels"
"$folder/kernels"
