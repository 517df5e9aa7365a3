#!/usr/bin/env bash
# check_training.sh CLICK_LOG TRAIN_DLRM TRAIN_PACKAGES HIT_RATE: the programs that train learn something.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$folder/clicks" 30000
output=$("$2" "$folder/clicks" 30000)
echo "$output"
[[ $output =~ ^AUC\ 0\.[67] ]]
# Bags of a thousand families of ten names: who is missing is one of the family.
awk 'BEGIN { srand(1); for (i = 0; i < 6000; ++i) { line = ""; family = i % 1000
    for (j = 0; j < 5; ++j) line = line " f" family "_" (2 * j + int(2 * rand())); print substr(line, 2) } }' >"$folder/bags.txt"
"$3" "$folder/bags.txt" "$folder/rows.safetensors"
tail -n 500 "$folder/bags.txt" >"$folder/held.txt"
output=$("$4" "$folder/held.txt" "$folder/rows.safetensors")
echo "$output"
[[ ${output%%.*} -ge 50 ]]
