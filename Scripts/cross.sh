#!/bin/sh
# Compiles what is written in C for 64-bit ARM, without warnings, and runs the checks of the kernels there, in QEMU.
# Without a C library for ARM less is compiled: what can do with the declarations of this machine's.
set -eu
cd "$(dirname "$0")/.."
clang=$(sh Scripts/clang.sh)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

files="Sources/CKernels/*.c Tests/Kernels/*.c Plugins/*/Kernels/*.c Sources/EmbeddedModel/*.c Sources/StudioPage/*.c"
files="$files Examples/plugins/nudge.c"
headers="-ISources/CRTool/include"
for module in Sources/CKernels Plugins/*/Kernels Sources/EmbeddedModel Sources/StudioPage; do
  headers="$headers -I$module/include"
done
arm() { "$clang" --target=aarch64-linux-gnu -std=gnu2x -O2 -Wall -Wextra -Werror "$@"; }
link() { arm -static -fuse-ld=lld "$@"; }

can_run=yes
if echo 'int main(void) { return 0; }' | link -xc - -o "$folder/empty" 2>/dev/null; then
  files="$files Sources/CArchive/*.c Sources/CAVIF/*.c Sources/CJPEG/*.c Sources/CRaw/*.c Sources/CLastWords/*.c Sources/CVips/*.c"
  # They have this machine's C library beside them, which comes after that for ARM.
  headers="$headers $(pkg-config --cflags-only-I vips | sed 's/-I/-idirafter /g')"
else
  can_run=
  mkdir "$folder/gnu"
  : > "$folder/gnu/stubs-32.h"
  headers="$headers -idirafter /usr/include/$(uname -m)-linux-gnu -idirafter $folder"
fi
# shellcheck disable=SC2086 # lists of words
for file in $files; do arm $headers -c "$file" -o "$folder/$(echo "$file" | tr / -).o"; done
echo "the C code compiles for aarch64"

# An ARM machine needs none.
qemu=env
[ "$(uname -m)" = aarch64 ] || qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
if [ -z "$can_run" ] || [ -z "$qemu" ]; then
  echo "to run it, install gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user"
  exit 0
fi
link "$folder"/Sources-CKernels-*.o "$folder"/Tests-Kernels-*.o -lm -o "$folder/kernels"
"$qemu" "$folder/kernels"
