#!/usr/bin/env bash
# bench/process_instructions.sh FOLDER [MEASURE...]: instructions that whole programs execute for one operation, TLS and all but
# the kernel: the floor and the relay under Valgrind, loaded by smp-bench. Slow, and the same on a busy machine as on a
# quiet one, which no time is. FOLDER has smp-server, smp-floor and smp-bench. Measures: messages, keys (X25519), create,
# resubscribe (of which each queue must be made first: NEW and SUB), handshakes; all of them, if none is named.
set -euo pipefail
bin=$(readlink -f "${1:?process_instructions.sh needs the folder of the programs}")
shift
measures=("$@")
[ ${#measures[@]} -gt 0 ] || measures=(messages keys create resubscribe handshakes)

# shellcheck source=bench/await_program.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/await_program.sh"
work=$(mktemp -d)
trap 'stop_program TERM; rm -r "$work"' EXIT

# operations MEASURE COUNT: smp-bench with so many of them.
operations() {
  case $1 in
    messages) "$bin/smp-bench" messages "$address" -n "$2" -p 8 ;;
    keys) "$bin/smp-bench" messages "$address" -n "$2" -p 8 --key x25519 ;;
    create) "$bin/smp-bench" create "$address" -n "$2" --batch 10 --keep-queues ;;
    resubscribe) "$bin/smp-bench" resubscribe "$address" -q "$2" --keep-queues ;;
    handshakes) "$bin/smp-bench" handshakes "$address" -n "$2" ;;
    *) echo "there is no measure $1" >&2; return 2 ;;
  esac
}

# counted SUBJECT MEASURE COUNT: instructions of the whole program with so many operations.
counted() {
  local log=$work/log command
  case $1 in
    floor) command=("$bin/smp-floor") ;;
    *)
      export SMP_SERVER_CFG_PATH=$work/relay/etc SMP_SERVER_LOG_PATH=$work/relay/log
      rm -rf "$work/relay"
      mkdir "$work/relay"
      local store=(--store embedded)
      [ "$1" = memory ] && store=(--disable-store-log)
      "$bin/smp-server" init -n 127.0.0.1 --port $((20000 + RANDOM % 12000)) --no-password --disable-web -y "${store[@]}" \
        >"$log" 2>&1 || { cat "$log" >&2; return 1; }
      command=("$bin/smp-server" start --set LIMITS.threads=1 --set TRANSPORT.bind=127.0.0.1 --log-level warn)
      ;;
  esac
  start_program "$log" valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null "${command[@]}" || return 1
  operations "$2" "$3" >"$work/bench.log" 2>&1 || { cat "$work/bench.log" >&2; stop_program TERM; return 1; }
  stop_program TERM
  awk '/I *refs:/ { gsub(/,/, "", $NF); print $NF }' "$log"
}

# What is made once, and for each connection, is left out by counting twice.
each() { # each SUBJECT MEASURE
  local count=200 once twice
  [ "$2" = handshakes ] && count=20
  [ "$2" = resubscribe ] && count=400
  once=$(counted "$1" "$2" $count)
  twice=$(counted "$1" "$2" $((2 * count)))
  echo $(((twice - once) / count))
}

printf '%-14s %12s %12s %7s %12s %7s\n' "instructions" floor "memory store" ratio "durable" ratio
for measure in "${measures[@]}"; do
  floor=$(each floor "$measure")
  memory=$(each memory "$measure")
  durable=$(each durable "$measure")
  awk -v measure="$measure" -v floor="$floor" -v memory="$memory" -v durable="$durable" 'BEGIN {
    printf "%-14s %12d %12d %6.2f× %12d %6.2f×\n", measure, floor, memory, memory / floor, durable, durable / floor }'
done
