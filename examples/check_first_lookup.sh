#!/usr/bin/env bash
# check_first_lookup.sh ROWPOOL FIRST_LOOKUP: what README.md tells people to type gives what it says.
set -euo pipefail
rowpool=$(realpath "$1")
first_lookup=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf 'red 1 0 0\ngreen 0 1 0\nblue 0 0 1\n' >colours.txt
"$rowpool" convert colours.txt -o colours.safetensors --format f32
output=$("$first_lookup")
[[ $output == "0.5 0 0.5 0 1 0 " ]] || {
    echo "first_lookup printed: $output"
    exit 1
}
