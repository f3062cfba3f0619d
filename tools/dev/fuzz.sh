#!/usr/bin/env bash
# ./dev fuzz TARGET [SECONDS]: libFuzzer on one decoder, starting from its committed corpus. What it finds on the way goes
# to build/fuzz/found/TARGET; an input that crashes is printed with the command that repeats it.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

target=${1:-}
seconds=${2:-60}
if [ -z "$target" ]; then
  echo "usage: ./dev fuzz TARGET [SECONDS]; the targets:"
  find fuzz -name '*_fuzz.cpp' -printf '  %f\n' | sed 's/_fuzz\.cpp$//' | sort
  exit 0
fi
[ -f "fuzz/${target}_fuzz.cpp" ] || die "fuzz: there is no target '$target'; ./dev fuzz lists them"
case $seconds in '' | *[!0-9]*) die "fuzz: '$seconds' is not a number of seconds" ;; esac

prepare
build fuzz "${target}_fuzz" || die "the fuzz target does not compile; the message is above"

found=build/fuzz/found/$target
crashes=build/fuzz/crashes/$target
mkdir -p "$found" "$crashes"
say "fuzzing $target for $seconds s, from fuzz/corpus/$target"
seeds=()
[ -d "fuzz/corpus/$target" ] && seeds=("fuzz/corpus/$target")
if "build/fuzz/bin/${target}_fuzz" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
  -artifact_prefix="$crashes/" "$found" "${seeds[@]}"; then
  say "nothing found; $(find "$found" -type f | wc -l) inputs that reach new code are in $found"
else
  say "a failing input is in $crashes; to repeat it: build/fuzz/bin/${target}_fuzz FILE"
  exit 1
fi
