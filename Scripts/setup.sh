#!/bin/sh
# Installs libvips, libjpeg and libavif through apt where pkg-config does not find them, libarchive and OpenBLAS where the
# loader does not, and the programs named as arguments.
set -eu

command -v swift >/dev/null || {
  echo "swift is not installed; get it from https://www.swift.org/install/linux/" >&2
  exit 1
}

packages=
for tool in pkg-config make "$@"; do
  command -v "$tool" >/dev/null || packages="$packages $tool"
done
pkg-config --exists vips 2>/dev/null || packages="$packages libvips-dev"
pkg-config --exists libjpeg 2>/dev/null || packages="$packages libjpeg-dev"
pkg-config --exists libavif 2>/dev/null || packages="$packages libavif-dev"
PATH=$PATH:/sbin:/usr/sbin
ldconfig -p 2>/dev/null | grep -q 'libarchive\.so\.13 ' || packages="$packages libarchive13"
ldconfig -p 2>/dev/null | grep -q 'libopenblas\.so\.0 ' || packages="$packages libopenblas0"
[ -n "$packages" ] || exit 0

echo "installing$packages" >&2
root=
[ "$(id -u)" = 0 ] || root=sudo
$root apt-get update -qq
# shellcheck disable=SC2086 # one word a package
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
