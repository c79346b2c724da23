#!/bin/sh
# Compares rtool with PyTorch and writes what was measured to .build-bench/latest.json.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .build-bench
python=.build-bench/bin/python
[ -x "$python" ] || python=python3
exec "$python" Benchmarks/compare.py --json .build-bench/latest.json "$@"
