#!/usr/bin/env bash
# ./dev bench [REGEX]: runs bench/*_bench.cpp and prints one table. A benchmark NAME has its floor, the same work done by
# bare calls of the libraries, under the name NAME/floor; the last column is how many times the floor ours takes.
# ./dev bench relay: the running relay beside its floor. ./dev bench agent: agents that talk through it.
# ./dev bench instructions: what it executes for one message.
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
if [ "${1:-}" = relay ]; then exec "$here/bench_relay.sh" "${@:2}"; fi
if [ "${1:-}" = agent ]; then exec "$here/bench_agent.sh" "${@:2}"; fi
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

filter=${1:-.}
prepare
if [ "$filter" = instructions ] && [ "${2:-}" = --process ]; then
  build release smp-server smp-bench smp-floor || die "it does not compile; the message is above"
  exec bench/process_instructions.sh build/release/bin "${@:3}"
fi
if [ "$filter" = instructions ]; then
  build release relay_messages || die "it does not compile; the message is above"
  exec bench/instructions.sh build/release/bin/relay_messages "${@:2}"
fi
build bench benchmarks || die "the benchmarks do not compile; the message is above"

results=build/bench/results
rm -rf "$results"
mkdir -p "$results"
for program in build/bench/bin/*_bench; do
  name=${program##*/}
  say "running $name"
  "$program" --benchmark_filter="$filter" --benchmark_min_time=0.2 --benchmark_format=console --benchmark_out_format=csv \
    --benchmark_out="$results/$name.csv" >/dev/null 2>"$results/$name.log" ||
    { cat "$results/$name.log" >&2; die "$name failed; its message is above"; }
  [ -s "$results/$name.csv" ] || rm -f "$results/$name.csv"
done

printf '\n%s, %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(date -u +%Y-%m-%d)"
awk -F, '
  function micro(value, unit) { return unit == "ns" ? value / 1000 : unit == "ms" ? value * 1000 : value }
  FNR == 1 { started = 0 }
  /^name,/ { started = 1; next }
  !started { next }
  {
    name = $1; gsub(/"/, "", name); gsub(/\/(process_time|real_time)/, "", name); time = micro($4, $5)
    if (name ~ /\/floor$/) { sub(/\/floor$/, "", name); floor[name] = time; next }
    if (!(name in ours)) names[++count] = name
    ours[name] = time
  }
  END {
    printf "%-44s %12s %12s %10s\n", "one core, CPU time", "ours, µs", "floor, µs", "ratio"
    for (i = 1; i <= count; i++) {
      name = names[i]
      if (name in floor && floor[name] > 0) printf "%-44s %12.3f %12.3f %9.2f×\n", name, ours[name], floor[name], ours[name] / floor[name]
      else printf "%-44s %12.3f\n", name, ours[name]
    }
  }' "$results"/*.csv
