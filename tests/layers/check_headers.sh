#!/usr/bin/env bash
# check_headers.sh INCLUDE_DIR COMPILER...: each public header compiles alone, without a warning.
set -euo pipefail
include=$1
shift
status=0
for header in "$include"/rowpool*/*.hpp; do
    "$@" -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Werror \
        -I "$include" -fsyntax-only -include "$header" -x c++ /dev/null || status=1
done
exit $status
