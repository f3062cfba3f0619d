#!/usr/bin/env bash
# ./dev format [--all]: clang-format, in place.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
source tools/dev/files.sh

which_files=changed
[ "${1:-}" = --all ] && which_files=all
ensure_packages
mapfile -t files < <(our_files $which_files)
if [ ${#files[@]} = 0 ]; then say "no changed C++ file (--all for every file)"; exit 0; fi
clang-format-19 -i "${files[@]}"
say "${#files[@]} files are formatted"
