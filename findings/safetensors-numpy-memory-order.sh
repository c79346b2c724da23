#!/bin/sh
# safetensors 0.8.0 writes a NumPy array that is not C-contiguous in the order
# of its memory, under the shape of the array: a transposed matrix comes back
# with other values in its places, and neither writer nor reader says a word.
# 0.7.0 wrote the same arrays right. A column selection such as w[:, index]
# is enough, since NumPy lays its result out transposed.
#
# Consequence for a checkpoint that was edited in NumPy: every name, shape and
# dtype is as it should be, and the network answers at chance.
#
# Seen with Python 3.11, numpy 2.4.6:
#   0.7.0 transposed: kept    columns chosen: kept    C order: kept
#   0.8.0 transposed: CHANGED columns chosen: CHANGED C order: kept
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
cat > "$folder/probe.py" <<'PY'
import sys
import numpy as np
import safetensors
from safetensors.numpy import load, save

matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
arrays = {
    "transposed": matrix.T,
    "columns chosen": matrix[:, [2, 0, 1]],
    "C order": np.ascontiguousarray(matrix.T),
}
seen = {
    name: np.array_equal(load(save({"x": array}))["x"], array)
    for name, array in arrays.items()
}
print(safetensors.__version__, *(f"{n}: {'kept' if k else 'CHANGED'}" for n, k in seen.items()))
expected = sys.argv[1] == "0.7.0"
sys.exit(seen != {"transposed": expected, "columns chosen": expected, "C order": True})
PY
for version in 0.7.0 0.8.0; do
    "$python" -m pip install -q --disable-pip-version-check "safetensors==$version" "numpy==2.4.6"
    "$python" "$folder/probe.py" "$version"
done
