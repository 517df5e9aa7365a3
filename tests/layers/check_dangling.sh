#!/usr/bin/env bash
# check_dangling.sh INCLUDE_DIR: clang warns about bags that outlive the temporaries they are of, and about no others.
set -euo pipefail
include=$1
clang=$(command -v clang++-14 || command -v clang++) || { echo "skipped: no clang++"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# warnings STATEMENT
warnings() {
    printf '#include <array>\n#include <rowpool/rowpool.hpp>\nusing Ids = std::vector<std::int64_t>;\n%s\n' \
        "std::size_t f() { $1 }" >"$folder/program.cpp"
    "$clang" -std=c++20 -Wall -Wextra -I "$include" -fsyntax-only "$folder/program.cpp" 2>&1 || true
}

status=0
for temporaries in 'Ids{1}, Ids{0, 1}' 'Ids{1}, std::array{0, 1}'; do
    for make in Bags Bags::starts Bags::lengths; do
        output=$(warnings "const auto bags = rowpool::$make($temporaries); return bags.num_bags();")
        grep -q 'Wdangling' <<<"$output" || { echo "no warning: $make($temporaries)"; status=1; }
        output=$(warnings "return rowpool::$make($temporaries).num_bags();")
        [[ -z $output ]] || { echo "$make($temporaries): $output"; status=1; }
    done
done
exit $status
