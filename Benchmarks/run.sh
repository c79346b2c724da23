#!/bin/sh
# Compares rtool with PyTorch and writes what was measured to .build-bench/latest.json, of training to
# .build-bench/latest-training.json: both parts, or one, with the arguments of its comparison.
#   run.sh
#   run.sh ascent|training [ARGUMENTS]
set -eu
cd "$(dirname "$0")/.."
mkdir -p .build-bench
python=.build-bench/bin/python
[ -x "$python" ] || python=python3
part=${1:-both}
[ $# -eq 0 ] || shift
case $part in both | ascent | training) ;; *) echo "run.sh: $part is neither ascent nor training" >&2 && exit 1 ;; esac
if [ "$part" != training ]; then
  "$python" Benchmarks/compare.py --json .build-bench/latest.json "$@"
fi
if [ "$part" != ascent ]; then
  "$python" Benchmarks/compare_training.py --json .build-bench/latest-training.json "$@"
fi
