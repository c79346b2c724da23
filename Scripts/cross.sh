#!/bin/sh
# Compiles the kernels for 64-bit ARM, without warnings. The few functions of the C library that they use are declared
# by this machine's headers as well.
set -eu
cd "$(dirname "$0")/.."
swift=$(command -v "${SWIFT:-swift}")
clang=$(dirname "$(readlink -f "$swift")")/clang
[ -x "$clang" ] || clang=clang
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/gnu"
: > "$folder/gnu/stubs-32.h"
for file in Sources/CKernels/*.c; do
  "$clang" --target=aarch64-linux-gnu -O3 -ffp-contract=fast -std=gnu2x -Wall -Wextra -Werror -ISources/CKernels/include \
    -idirafter "/usr/include/$(uname -m)-linux-gnu" -idirafter "$folder" -c "$file" -o "$folder/out.o"
done
echo "the kernels compile for aarch64"
