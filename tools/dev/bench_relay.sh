#!/usr/bin/env bash
# ./dev bench relay: the relay beside its floor (bench/smp_floor), both loaded by bench/smp_bench in turn, several times.
# Writes the table of docs/performance.md and the plot docs/performance.svg.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

usage() {
  cat <<'HELP'
usage: ./dev bench relay [--quick] [--rounds N] [--seconds S] [--only REGEX] [--output FOLDER]

  --quick          a few short runs, to see that everything works: figures mean nothing
  --rounds N       how often each measure is repeated (5); those that take longer less often
  --seconds S      of each run (3)
  --only REGEX     measures of that name only: messages, versions, levels, keys, routing, latency, idle, create,
                   resubscribe, handshakes, connections, queues, cores, plot-pairs, plot-queues, restart
  --output FOLDER  where performance.md and performance.svg are written (docs; with --quick or --only: build/bench-relay)

It says first how long it will take. The machine must do nothing else meanwhile.
HELP
}

rounds=5
seconds=3
quick=
only=.
output=
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=yes ;;
    --rounds) rounds=${2:?--rounds needs a number}; shift ;;
    --seconds) seconds=${2:?--seconds needs a number}; shift ;;
    --only) only=${2:?--only needs a regular expression}; shift ;;
    --output) output=${2:?--output needs a folder}; shift ;;
    -h | --help) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
work=$PWD/build/bench-relay
if [ -z "$output" ]; then
  output=docs
  if [ -n "$quick" ] || [ "$only" != . ]; then output=$work; fi
fi

# How much of everything.
pairs=(8 64 128)
idle=10000
create=20000
resubscribe=100000
idle_connections=3000
queues=100000
restart=1000000
plot_pairs=(1 2 4 16 32) # those of pairs are in the plot, too
plot_queues=(0 1000 10000 100000)
warm_up=0.7
if [ -n "$quick" ]; then
  rounds=1 seconds=0.3 warm_up=0.1
  pairs=(2 3) idle=20 create=200 resubscribe=500 idle_connections=50 queues=2000 restart=2000
  plot_pairs=(1) plot_queues=(0 500)
fi

prepare
build release smp-server smp-bench smp-floor || die "it does not compile; the message is above"
bin=$PWD/build/release/bin
rm -rf "$work"
mkdir -p "$work"
results=$work/results.txt # one line for each figure of each run: measure subject figure value
: >"$results"

# ---- programs, and runs of smp-bench ----------------------------------------------------------------------------------

# shellcheck source=bench/await_program.sh
source bench/await_program.sh
proxy_running=
end() {
  stop_program
  [ -z "$proxy_running" ] || kill -TERM "$proxy_running" 2>/dev/null || true
}
trap end EXIT
set -E
trap 'printf "dev: bench relay: a command failed at line %s\n" "$LINENO" >&2' ERR

# set_up FOLDER STORE...: a relay that does not run yet.
set_up() {
  local folder=$work/$1
  shift
  rm -rf "${folder:?}"
  mkdir -p "$folder"
  # Port 0 is not one for an operator's file.
  SMP_SERVER_CFG_PATH=$folder/etc SMP_SERVER_LOG_PATH=$folder/log "$bin/smp-server" init -n 127.0.0.1 \
    --port $((20000 + RANDOM % 12000)) --no-password --disable-web -y "$@" >"$folder.log" 2>&1 ||
    { cat "$folder.log" >&2; die "the relay could not be set up"; }
}

# start SUBJECT [keep]: floor[-LEVEL], memory or durable, with -2 at the end for two threads. Sets running and address.
start() {
  local subject=$1 threads=1 log=$work/$1.log
  case $subject in *-2) threads=2 subject=${subject%-2} ;; esac
  case $subject in
    floor) start_program "$log" "$bin/smp-floor" --threads $threads ;;
    floor-*) start_program "$log" "$bin/smp-floor" --threads $threads --level "${subject#floor-}" ;;
    *)
      if [ "${2:-}" != keep ]; then
        case $subject in
          memory) set_up "$subject" --disable-store-log ;;
          *) set_up "$subject" --store embedded ;;
        esac
      fi
      SMP_SERVER_CFG_PATH=$work/$subject/etc SMP_SERVER_LOG_PATH=$work/$subject/log start_program "$log" \
        "$bin/smp-server" start --set LIMITS.threads=$threads --set LIMITS.queues_per_connection=10000000 \
        --set PROXY.allow_private_targets=on --set TRANSPORT.bind=127.0.0.1 --log-level warn
      ;;
  esac
}

# run MEASURE SUBJECT ARGUMENT...: one run of smp-bench; its figures go into the results. What it made goes with the
# program that it loads, when this stops.
run() {
  local measure=$1 subject=$2 mode=$3
  shift 3
  if ! "$bin/smp-bench" "$mode" "$address" "$@" --smp-version "${version:-18}" --pid "$running" --keep-queues \
    --limit 3600 --json >"$work/run.json" 2>"$work/run.log"; then
    cat "$work/run.log" >&2
    die "smp-bench failed at $measure with $subject; its message is above"
  fi
  awk -v measure="$measure" -v subject="$subject" '
    /^  "/ { name = $1; gsub(/[":]/, "", name); value = $2; sub(/,$/, "", value)
             if (value ~ /^-?[0-9.]+$/) print measure, subject, name, value }' "$work/run.json" >>"$results"
}

note() { echo "$@" >>"$results"; } # note MEASURE SUBJECT FIGURE VALUE
figure() { awk -v m="$1" -v s="$2" -v f="$3" '$1 == m && $2 == s && $3 == f { v = $4 } END { print v }' "$results"; }
resident() { awk '/^Rss:/ { print $2 * 1024 }' "/proc/$running/smaps_rollup"; }
for_time=(-d "$seconds" --warm-up "$warm_up")

# in_turn "SUBJECT..." MEASURE ARGUMENT...: one run with each, one after the other, so that floor and relay see the same machine.
in_turn() {
  local subject subjects=$1 measure=$2
  shift 2
  for subject in $subjects; do
    start "$subject"
    run "$measure" "$subject" "$@"
    stop_program
  done
}

# ---- what is measured -----------------------------------------------------------------------------------------------

measure_messages() {
  local count
  for count in "${pairs[@]}"; do in_turn "floor memory durable" "messages-$count" messages -p "$count" "${for_time[@]}"; done
}

measure_versions() {
  for version in 6 9 11; do in_turn "floor memory" "version-$version" messages -p "${pairs[0]}" "${for_time[@]}"; done
  version=
}

# The floor alone, level by level, to see what costs what.
measure_levels() {
  local level
  for level in tls delivery blocks; do
    version=$([ $level = blocks ] && echo 18 || echo 10)
    in_turn floor-$level levels messages -p "${pairs[0]}" --verify none "${for_time[@]}"
  done
  version=
}

measure_keys() { in_turn "floor memory" keys messages -p "${pairs[0]}" --key x25519 "${for_time[@]}"; }

# Two relays: the senders' proxy, and the one with the queues. Each is measured in a run of its own.
measure_routing() {
  local proxy_address proxy_reading relay_running
  set_up proxy --disable-store-log
  SMP_SERVER_CFG_PATH=$work/proxy/etc SMP_SERVER_LOG_PATH=$work/proxy/log start_program "$work/proxy.log" \
    "$bin/smp-server" start --set LIMITS.threads=1 --set PROXY.allow_private_targets=on --set TRANSPORT.bind=127.0.0.1 \
    --log-level warn
  proxy_running=$running proxy_address=$address proxy_reading=$reading
  start memory
  run routing relay messages -p "${pairs[0]}" --proxy "$proxy_address" "${for_time[@]}"
  relay_running=$running running=$proxy_running
  run routing proxy messages -p "${pairs[0]}" --proxy "$proxy_address" "${for_time[@]}"
  running=$relay_running
  stop_program
  running=$proxy_running reading=$proxy_reading
  stop_program
  proxy_running=
}

measure_latency() {
  local subject rate
  in_turn memory latency-full messages -p "${pairs[0]}" "${for_time[@]}"
  rate=$(figure latency-full memory per_second | awk '{ print $1 / 2 }')
  for subject in floor memory durable; do
    start $subject
    run latency-one $subject messages -p 1 "${for_time[@]}"
    run latency-half $subject messages -p "${pairs[0]}" --rate "$rate" "${for_time[@]}"
    stop_program
  done
}

measure_idle() {
  local subject
  for subject in memory durable; do
    start $subject
    run idle-without $subject messages -p "${pairs[0]}" "${for_time[@]}"
    run idle-with $subject messages -p "${pairs[0]}" --idle "$idle" "${for_time[@]}"
    stop_program
  done
}

measure_create() { in_turn "floor memory durable" create create -n "$create" --batch 10; }
measure_resubscribe() { in_turn "floor memory" resubscribe resubscribe -q "$resubscribe"; }
measure_handshakes() { in_turn "floor memory" handshakes handshakes "${for_time[@]}"; }
measure_connections() { in_turn "floor memory" connections idle -c "$idle_connections"; }

measure_queues() {
  local subject before
  for subject in memory durable; do
    start $subject
    # What the first queues need for all is not counted.
    run queues-first $subject create -n $((queues / 10)) --batch 40 --only-create --secure
    before=$(resident)
    run queues $subject create -n "$queues" --batch 40 --only-create --secure
    note queues $subject bytes $((($(resident) - before) / queues))
    stop_program
  done
}

measure_cores() { in_turn "floor floor-2 memory memory-2" cores messages -p 64 --threads 2 "${for_time[@]}"; }

measure_plot-pairs() {
  local count
  for count in "${plot_pairs[@]}"; do in_turn "floor memory" "messages-$count" messages -p "$count" "${for_time[@]}"; done
}

measure_plot-queues() {
  local subject count made
  for subject in memory durable; do
    start $subject
    made=0
    for count in "${plot_queues[@]}"; do
      if [ "$count" -gt "$made" ]; then run fill $subject create -n $((count - made)) --batch 40 --only-create; fi
      made=$count
      run "plot-queues-$count" $subject messages -p "${pairs[0]}" "${for_time[@]}"
      run "plot-queues-$count" $subject messages -p "${pairs[0]}" "${for_time[@]}"
    done
    stop_program
  done
}

# Making so many queues by NEW would take longer than all else: one is made so, and its lines in the store's log are
# written as often as wanted, each with other ids, and copied into the durable store.
fill_durable() {
  local log=$work/durable/log/smp-server-store.log
  local -x SMP_SERVER_CFG_PATH=$work/durable/etc SMP_SERVER_LOG_PATH=$work/durable/log
  set_up durable --store memory
  start durable keep
  run fill durable create -n 1 --secure --only-create
  stop_program
  openssl rand $((restart * 48)) | base64 -w 64 | tr '+/' '-_' | awk \
    -v made="$(grep ^CREATE "$log")" -v secured="$(grep ^SECURE "$log")" '
    BEGIN {
      match(made, / rk=[^ ]* rdh=[^ ]*/); keys = substr(made, RSTART, RLENGTH)
      match(made, / queue_mode=.*/); rest = substr(made, RSTART)
      split(secured, word, " ")
    }
    { print "CREATE rid=" substr($0, 1, 32) keys " sid=" substr($0, 33) " sk=" word[3] rest }' >"$work/store.log"
  mv "$work/store.log" "$log"
  "$bin/smp-server" store copy --from files --to embedded -y >"$work/copy.log" 2>&1 ||
    { cat "$work/copy.log" >&2; die "the store could not be filled"; }
  sed -i 's/^\(store_[a-z]*\) = .*/\1 = embedded/' "$SMP_SERVER_CFG_PATH/smp-server.ini"
}

# first_answer MEASURE: from the start of the program to the end of a client's handshake and PING.
first_answer() {
  local began=$EPOCHREALTIME
  start durable keep
  "$bin/smp-bench" handshakes "$address" -n 1 -c 1 --json >/dev/null
  note "$1" durable seconds "$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
}

measure_restart() {
  local times
  start durable
  note restart empty resident "$(resident)"
  stop_program
  fill_durable
  for times in 1 2 3; do
    first_answer restart
    note restart durable resident "$(resident)"
    # Of what stays in memory for a queue that nobody has used since.
    note restart durable bytes "$((($(resident) - $(figure restart empty resident)) / restart))"
    [ "$times" = 3 ] || stop_program
  done
  # Killed while it has much to remember.
  for times in 1 2 3; do
    run fill durable create -n "$create" --batch 10
    stop_program KILL
    first_answer restart-killed
  done
  stop_program
}

# ---- the plan -------------------------------------------------------------------------------------------------------

# MEASURE ROUNDS RUNS OTHER: how often, at most; runs for a time in each; other seconds in each, as they were on two cores
# of 2026. Those of one round come first, so that the durable store is filled while nothing is in memory.
plan="
restart      1 0 80
queues       1 0 85
plot-queues  1 $((4 * ${#plot_queues[@]})) 60
idle         1 4 80
connections  2 0 22
resubscribe  2 0 85
plot-pairs   2 $((2 * ${#plot_pairs[@]})) 0
create       3 0 18
handshakes   3 2 0
levels       3 3 0
versions     3 6 0
keys         3 2 0
routing      2 2 0
cores        3 4 0
latency      $rounds 7 0
messages     $rounds $((3 * ${#pairs[@]})) 0
"
# planned ROUND: MEASURE SECONDS, of those that it has.
planned() {
  awk -v round="$1" -v only="$only" -v each="$seconds" -v warm_up="$warm_up" -v quick="$quick" '
    NF == 4 && $1 ~ only && $2 >= round { print $1, $3 * (each + warm_up + 0.9) + (quick ? 2 : $4) }' <<<"$plan"
}
whole=$(for ((round = 1; round <= rounds; ++round)); do planned $round; done | awk '{ all += $2 } END { print int(all + 0.5) }')
[ "$whole" -gt 0 ] || die "no measure has the name $only"
minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }
load_before=$(cut -d' ' -f1 /proc/loadavg)
say "this takes about $(minutes "$whole") minutes; load of the machine before it: $load_before"
awk -v load="$load_before" 'BEGIN { exit load < 0.5 }' && say "the machine is busy: CPU and latency will be too high"

began=$SECONDS
for ((round = 1; round <= rounds; ++round)); do
  while read -r measure _ <&3; do
    say "$(minutes $((SECONDS - began))) of about $(minutes "$whole"): round $round of $rounds, $measure"
    "measure_$measure"
  done 3< <(planned $round)
done

# ---- the tables and the plot ----------------------------------------------------------------------------------------

# LABEL|UNIT|MEASURED|FLOOR|TARGET, where measured and floor are measure:subject:figure.
targets() {
  local count
  for count in "${pairs[@]}"; do
    echo "CPU of a message, $count pairs, memory store|µs|messages-$count:memory:cpu_us|messages-$count:floor:cpu_us|<=1.2"
    echo "the same, durable store|µs|messages-$count:durable:cpu_us|messages-$count:floor:cpu_us|<=1.5"
    echo "messages a second, durable store, against the memory store|1/s|messages-$count:durable:per_second|messages-$count:memory:per_second|>=0.7"
  done
  echo "CPU of a message with $idle other idle connections, against without, memory store|µs|idle-with:memory:cpu_us|idle-without:memory:cpu_us|<=1.15"
  echo "the same, durable store|µs|idle-with:durable:cpu_us|idle-without:durable:cpu_us|<=1.15"
  echo "send, deliver, acknowledge, one pair alone: p50|ms|latency-one:memory:latency_p50_us/1000|latency-one:floor:latency_p50_us/1000|value<1"
  echo "at half load, ${pairs[0]} pairs: p50|ms|latency-half:memory:latency_p50_us/1000|latency-half:floor:latency_p50_us/1000|value<1"
  echo "at half load: p99|ms|latency-half:memory:latency_p99_us/1000|latency-half:floor:latency_p99_us/1000|value<3"
  echo "CPU of making a queue, memory store|µs|create:memory:cpu_us|create:floor:cpu_us|<=1.5"
  echo "the same, durable store|µs|create:durable:cpu_us|create:floor:cpu_us|<=1.5"
  echo "CPU of SUB, $resubscribe queues over one connection|µs|resubscribe:memory:cpu_us|resubscribe:floor:cpu_us|<=1.3"
  echo "CPU of a handshake, TLS and SMP|µs|handshakes:memory:cpu_us|handshakes:floor:cpu_us|<=1.15"
  echo "memory of an idle connection with one queue|KB|connections:memory:grown_per_operation/1024|connections:floor:grown_per_operation/1024|value<=24"
  echo "memory of an idle queue, memory store|octets|queues:memory:bytes||<=600"
  echo "the same, durable store, $restart queues after a restart|octets|restart:durable:bytes||<=100"
  echo "restart to the first answer, $restart queues, durable store|s|restart:durable:seconds||<=2"
  echo "the same after kill -9, when $create queues have just been made|s|restart-killed:durable:seconds||<=2"
  echo "two cores against one: twice the CPU of a message with one thread, against that with two|µs|cores:memory:cpu_us*2|cores:memory-2:cpu_us|>=1.8"
}
others() {
  local count
  for count in 6 9 11; do
    echo "CPU of a message, SMP v$count, ${pairs[0]} pairs|µs|version-$count:memory:cpu_us|version-$count:floor:cpu_us|"
  done
  echo "SMP v18|µs|messages-${pairs[0]}:memory:cpu_us|messages-${pairs[0]}:floor:cpu_us|"
  echo "SMP v18, X25519 keys|µs|keys:memory:cpu_us|keys:floor:cpu_us|"
  echo "SMP v18, private routing: the relay with the queues|µs|routing:relay:cpu_us||"
  echo "SMP v18, private routing: the proxy|µs|routing:proxy:cpu_us||"
  for count in 6 9 11; do
    echo "messages a second, SMP v$count, ${pairs[0]} pairs|1/s|version-$count:memory:per_second|version-$count:floor:per_second|"
  done
  for count in "${pairs[@]}"; do
    echo "messages a second, SMP v18, $count pairs|1/s|messages-$count:memory:per_second|messages-$count:floor:per_second|"
  done
  echo "send, deliver, acknowledge, one pair alone: p99|ms|latency-one:memory:latency_p99_us/1000|latency-one:floor:latency_p99_us/1000|"
  echo "durable store, one pair alone: p50|ms|latency-one:durable:latency_p50_us/1000|latency-one:floor:latency_p50_us/1000|"
  echo "durable store, at the memory store's half load: p50|ms|latency-half:durable:latency_p50_us/1000|latency-half:floor:latency_p50_us/1000|"
  echo "durable store, at the memory store's half load: p99|ms|latency-half:durable:latency_p99_us/1000|latency-half:floor:latency_p99_us/1000|"
  echo "two cores against one, the floor's|µs|cores:floor:cpu_us*2|cores:floor-2:cpu_us|"
  echo "memory of the relay after the restart with $restart queues, durable store, against one without queues|MB|restart:durable:resident/1048576|restart:empty:resident/1048576|"
  echo "memory that grows while $queues queues are made, durable store, for one (write buffers are part of it)|octets|queues:durable:bytes||"
  echo "floor, SMP v10: TLS only|µs|levels:floor-tls:cpu_us||"
  echo "floor, SMP v10: and encryption for the recipient|µs|levels:floor-delivery:cpu_us||"
  echo "floor, SMP v18: and encrypted blocks|µs|levels:floor-blocks:cpu_us||"
  echo "floor, SMP v18: and authorization|µs|messages-${pairs[0]}:floor:cpu_us||"
}
# The figures of the Haskell relay v6.5 on two such cores, SMP v18: not of this run.
haskell() {
  echo "CPU of a message, 8 pairs|µs|messages-8:memory:cpu_us|=1300|"
  echo "CPU of a message, 64 pairs|µs|messages-64:memory:cpu_us|=1750|"
  echo "messages a second, 8 pairs|1/s|messages-8:memory:per_second|=774|"
  echo "messages a second, 64 pairs|1/s|messages-64:memory:per_second|=633|"
  echo "send, deliver, acknowledge, one pair alone: p50|ms|latency-one:memory:latency_p50_us/1000|=46|"
  echo "CPU of making a queue|µs|create:memory:cpu_us|=1240|"
  echo "memory of an idle connection with one queue|KB|connections:memory:grown_per_operation/1024|=250|"
  echo "memory of an idle queue, memory store|octets|queues:memory:bytes|=20000|"
}
# more_rows FUNCTION TITLE [OTHER]: a table of those of its rows that were measured.
more_rows() {
  "$1" | awk -f bench/relay_table.awk -v against="${3:-}" "$results" - >"$work/$1.md"
  [ "$(wc -l <"$work/$1.md")" -gt 2 ] || return 0
  printf '\n%s\n\n' "$2"
  cat "$work/$1.md"
}

{
  echo
  echo "Measured $(date -u +%Y-%m-%d) at commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown):" \
    "$(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)," \
    "$(awk '/MemTotal/ { print int($2 / 1048576 + 0.5) }' /proc/meminfo) GB, Linux $(uname -r)," \
    "OpenSSL $(openssl version | awk '{ print $2 }')," \
    "libsodium $(pkg-config --modversion libsodium), RocksDB $(pkg-config --modversion rocksdb 2>/dev/null || echo '?')," \
    "$(clang++-19 --version | head -1 | sed 's/.*version \([0-9.]*\).*/clang \1/')." \
    "$rounds rounds at most, runs of $seconds s; load of the machine before: $load_before."
  echo
  targets | awk -f bench/relay_table.awk -v with_targets=1 "$results" -
  more_rows others "Without targets:"
  more_rows haskell "Beside the relay in Haskell, whose figures were measured before, on such a machine:" "Haskell relay v6.5"
  if grep -Eq '^(plot-queues|messages)-' "$results"; then
    echo
    echo '![CPU of a message against connections and queues](performance.svg)'
  fi
} >"$work/table.md"

mkdir -p "$output"
if grep -Eq '^(plot-queues|messages)-' "$results"; then awk -f bench/relay_plot.awk "$results" >"$output/performance.svg"; fi
page=$output/performance.md
[ -f "$page" ] || cp docs/performance.md "$page"
awk -v table="$work/table.md" '
  /<!-- .\/dev bench relay: end -->/ { inside = 0 }
  !inside { print }
  /<!-- .\/dev bench relay: begin -->/ { inside = 1; while ((getline line < table) > 0) print line; print "" }' \
  "$page" >"$work/page.md"
cp "$work/page.md" "$page"
cat "$work/table.md"
say "written after $(minutes $((SECONDS - began))) minutes: $page"
