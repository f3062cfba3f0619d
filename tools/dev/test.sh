#!/usr/bin/env bash
# ./dev test: every test of the project, and what they counted. The last line is "N passed, N failed".
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

sanitizers=yes
filter=
while [ $# -gt 0 ]; do
  case $1 in
    --quick) sanitizers= ;;
    --filter) filter=${2:?--filter needs a regular expression}; shift ;;
    *) die "test: there is no option '$1'" ;;
  esac
  shift
done

# Stack traces with names, and the stricter checks of each sanitizer.
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-19/bin/llvm-symbolizer
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1
export UBSAN_OPTIONS=print_stacktrace=1:external_symbolizer_path=$ASAN_SYMBOLIZER_PATH
export TSAN_OPTIONS=second_deadlock_stack=1:external_symbolizer_path=$ASAN_SYMBOLIZER_PATH:suppressions=$PWD/tools/dev/tsan.supp

passed=0
failed=0
summary=()
failures=

finish() {
  # After the thousands of lines of the tests that passed, what failed is said once more, with its reason.
  printf '\n%s\n' "$failures"
  printf '%s\n' "${summary[@]}"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit
}

record() { # record NAME PASSED FAILED SECONDS [REMARK]
  passed=$((passed + $2))
  failed=$((failed + $3))
  summary+=("$(printf '%-22s %5d passed  %3d failed  %4d s%s' "$1" "$2" "$3" "$4" "${5:+  $5}")")
}

# failed_tests JUNIT: each test that did not pass, and the end of what it printed.
failed_tests() {
  awk '
    /<testcase / { bad = !/ status="run"/; name = $0; sub(/.*<testcase name="/, "", name); sub(/" .*/, "", name)
                   lines = 0; inside = 0; delete kept; next }
    bad && /<system-out>/ { inside = 1; sub(/.*<system-out>/, "") }
    bad && inside { kept[lines++] = $0 }
    bad && /<\/testcase>/ { print "FAILED: " name
                           for (i = lines > 60 ? lines - 60 : 0; i < lines; ++i) print "    " kept[i]
                           bad = 0 }
  ' "$1" | sed -e 's/<\/system-out>//; /<\/testcase>/d' -e 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g'
}

# run_tests PRESET NAME [CTEST ARGUMENT...]: runs what is built. A skipped or disabled test is a failed one.
run_tests() {
  local preset=$1 name=$2 junit=$PWD/build/$1/tests.xml begin=$SECONDS all good
  shift 2
  say "running the tests: $name"
  rm -f "$junit"
  ctest --test-dir "build/$preset" --output-junit "$junit" --output-on-failure --progress -j "$(nproc)" \
    --no-tests=error ${filter:+-R "$filter"} "$@" || true
  if [ -s "$junit" ]; then
    all=$(grep -c '<testcase ' "$junit" || true)
    good=$(grep -c '<testcase .* status="run"' "$junit" || true)
    record "$name" "$good" $((all - good)) $((SECONDS - begin))
    if [ "$good" != "$all" ]; then failures+=$(printf 'In %s:\n' "$name"; failed_tests "$junit")$'\n'; fi
  else
    record "$name" 0 1 $((SECONDS - begin)) "no test ran"
  fi
}

# run_step NAME COMMAND...: one check that is not a ctest; counts as one test.
run_step() {
  local name=$1 begin=$SECONDS
  shift
  if "$@"; then record "$name" 1 0 $((SECONDS - begin)); else record "$name" 0 1 $((SECONDS - begin)); fi
}

prepare

begin=$SECONDS
if ! build release; then
  record "release build" 0 1 $((SECONDS - begin)) "it does not compile; the message is above"
  finish
fi
run_tests release "release"

if [ -z "$filter" ]; then
  mapfile -t vectors < <(tools/dev/vector_report.sh build/release/Testing/Temporary/LastTest.log)
  run_step "self-contained headers" build release all_verify_interface_header_sets
  run_step "vector files complete" test "${vectors[-1]}" = complete
  # Seconds under Valgrind; a number that no other load of the machine changes.
  if command -v valgrind >/dev/null; then
    run_step "instructions a message" bench/instructions.sh build/release/bin/relay_messages
  else
    summary+=("instructions a message: not counted, there is no valgrind")
  fi
  summary+=("" "${vectors[@]:0:${#vectors[@]}-1}" "")
fi

if [ -n "$sanitizers" ]; then
  for preset in asan tsan; do
    begin=$SECONDS
    # The thread sanitizer is for the code that has threads; the rest would only repeat what runs on one.
    targets=()
    only=()
    if [ $preset = tsan ]; then
      mapfile -t targets < <(grep -v '^#' tools/dev/tsan_targets.txt)
      only=(-R "^($(IFS='|'; echo "${targets[*]}"))\\.")
      if [ -n "$filter" ]; then only=(); fi
    fi
    if build $preset "${targets[@]}"; then
      run_tests $preset "$preset" "${only[@]}"
    else
      record "$preset build" 0 1 $((SECONDS - begin)) "it does not compile; the message is above"
    fi
  done
fi
finish
