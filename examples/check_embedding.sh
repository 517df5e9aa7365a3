#!/usr/bin/env bash
# check_embedding.sh EMBEDDING WEIGHTS EXPECTED: embedding.cpp prints what PyTorch printed for these weights, and, where
# torch is, what it prints now.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" >"$folder/own" # from rows of its own
"$1" "$2" >"$folder/found"
diff "$3" "$folder/found"
python=${ROWPOOL_TORCH_PYTHON:-python3}
if "$python" -c 'import torch, safetensors' 2>"$folder/errors"; then
    "$python" "$(dirname "$0")/embedding.py" "$2" 2>"$folder/errors" | diff - "$folder/found"
else
    echo "not compared with PyTorch itself: no torch"
fi
