#!/bin/sh
# Tests `rtool studio` in a browser: installs Chromium through apt where there is none, and Playwright in .build-studio.
# Arguments go to pytest. RTOOL names another program than that of this build, CHROMIUM another browser.
set -eu
cd "$(dirname "$0")/.."

packages=
[ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || packages="$packages chromium"
python3 -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3-venv"
command -v cc >/dev/null || command -v clang >/dev/null || packages="$packages gcc"
if [ -n "$packages" ]; then
  echo "installing$packages" >&2
  root=
  [ "$(id -u)" = 0 ] || root=sudo
  $root apt-get update -qq
  # shellcheck disable=SC2086 # one word a package
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
fi

if ! .build-studio/bin/python -c 'import playwright, pytest, PIL' 2>/dev/null; then
  python3 -m venv .build-studio
  .build-studio/bin/pip install --quiet --disable-pip-version-check playwright pytest pillow
fi
exec .build-studio/bin/python -m pytest -q -p no:cacheprovider Tests/Studio "$@"
