#!/bin/sh
# Prints the clang that compiles what is written in C: that beside Swift, or else the system's.
set -eu
clang=$(dirname "$(readlink -f "$(command -v "${SWIFT:-swift}")")")/clang
[ -x "$clang" ] || clang=$(command -v clang)
echo "$clang"
