#!/usr/bin/env bash
# ./dev lint [--all]: the layering, the format and clang-tidy; of the changed files, or of all.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
source tools/dev/files.sh

which_files=changed
[ "${1:-}" = --all ] && which_files=all
prepare
bad=0

say "layering"
tools/check_layers.sh || bad=1

mapfile -t files < <(our_files $which_files)
if [ ${#files[@]} = 0 ]; then
  say "no changed C++ file (--all for every file)"
  exit $bad
fi

say "format of ${#files[@]} files"
clang-format-19 --dry-run --Werror "${files[@]}" || { say "./dev format puts it right"; bad=1; }

# Headers are read through the sources that include them.
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.cpp$' || true)
if [ ${#sources[@]} -gt 0 ]; then
  configure debug
  say "clang-tidy of ${#sources[@]} files"
  mapfile -t known < <(printf '%s\n' "${sources[@]}" | while read -r file; do
    if grep -qF "\"file\": \"$PWD/$file\"" build/debug/compile_commands.json; then echo "$file"; fi
  done)
  printf '%s\0' "${known[@]}" | xargs -0 -P "$(jobs_of_machine)" -n 1 clang-tidy-19 -p build/debug --quiet \
    --warnings-as-errors='*' 2> >(grep -vE 'warnings? (generated|treated)|Suppressed|Use -header-filter' >&2) || bad=1
fi
if [ $bad = 0 ]; then say "nothing to complain of"; fi
exit $bad
