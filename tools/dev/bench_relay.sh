#!/usr/bin/env bash
# ./dev bench relay: the relay beside its floor (bench/smp_floor), both loaded by bench/smp_bench in turn, several times.
# Writes the table of docs/performance.md and the plot docs/performance.svg.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

usage() {
  cat <<'HELP'
usage: ./dev bench relay [--quick] [--rounds N] [--seconds S] [--only REGEX] [--output FOLDER]

  --quick          a few short runs, to see that everything works: figures mean nothing
  --rounds N       how often each measure is repeated (5); those that take minutes at most twice
  --seconds S      of each run (5)
  --only REGEX     measures of that name only: messages, keys, idle, latency, create, resubscribe, handshakes, memory,
                   restart, cores, plot
  --output FOLDER  where performance.md and performance.svg are written (docs; with --quick or --only: build/bench-relay)
HELP
}

rounds=5
seconds=5
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
idle_connections=5000
queues=200000
restart=1000000
plot_pairs=(1 2 4 8 16 32 64 128)
plot_queues=(0 1000 10000 100000)
warm_up=1
if [ -n "$quick" ]; then
  rounds=1 seconds=0.3 warm_up=0.1
  pairs=(2) idle=20 create=200 resubscribe=500 idle_connections=50 queues=2000 restart=2000
  plot_pairs=(1 2) plot_queues=(0 500)
fi

prepare
build release smp-server smp-bench smp-floor || die "it does not compile; the message is above"
bin=$PWD/build/release/bin
rm -rf "$work"
mkdir -p "$work"
results=$work/results.txt # one line for each figure of each run: measure subject figure value
: >"$results"

# ---- what is measured -----------------------------------------------------------------------------------------------

running=
stop() {
  [ -n "$running" ] || return 0
  kill -TERM "$running" 2>/dev/null || true
  wait "$running" 2>/dev/null || true
  running=
}
trap stop EXIT
set -E
trap 'printf "dev: bench relay: a command failed at line %s\n" "$LINENO" >&2' ERR

# await LOG: the address of what has just been started.
await() {
  local tries
  for ((tries = 0; tries < 1200; ++tries)); do
    if grep -q '^Listening' "$1"; then
      address=$(grep -om1 'smp://.*' "$1")
      return
    fi
    kill -0 "$running" 2>/dev/null || break
    sleep 0.05
  done
  cat "$1" >&2
  die "it did not start; its message is above"
}

# start SUBJECT [keep]: floor[-LEVEL], memory or durable, with -2 at the end for two threads. Sets running and address.
start() {
  local subject=$1 threads=1 log=$work/$1.log
  : >"$log"
  case $subject in *-2) threads=2 subject=${subject%-2} ;; esac
  case $subject in
    floor) "$bin/smp-floor" --threads $threads >"$log" 2>&1 & ;;
    floor-*) "$bin/smp-floor" --threads $threads --level "${subject#floor-}" >"$log" 2>&1 & ;;
    *)
      export SMP_SERVER_CFG_PATH=$work/$subject/etc SMP_SERVER_LOG_PATH=$work/$subject/log
      if [ "${2:-}" != keep ]; then
        rm -rf "${work:?}/$subject"
        mkdir -p "$work/$subject"
        local store=(--store embedded)
        [ "$subject" = memory ] && store=(--disable-store-log)
        # Port 0 is not one for an operator's file.
        local port=$((20000 + RANDOM % 12000))
        "$bin/smp-server" init -n 127.0.0.1 --port $port --no-password --disable-web -y "${store[@]}" >"$log" 2>&1 ||
          { cat "$log" >&2; die "the relay could not be set up"; }
      fi
      "$bin/smp-server" start --set LIMITS.threads=$threads --set LIMITS.queues_per_connection=10000000 \
        --set TRANSPORT.bind=127.0.0.1 --log-level warn >"$log" 2>&1 &
      ;;
  esac
  running=$!
  await "$log"
}

# run MEASURE SUBJECT ARGUMENT...: one run of smp-bench; its figures go into the results.
run() {
  local measure=$1 subject=$2
  shift 2
  local mode=$1
  shift
  if ! "$bin/smp-bench" "$mode" "$address" "$@" --smp-version "${version:-18}" --pid "$running" --limit 3600 --json \
    >"$work/run.json" 2>"$work/run.log"; then
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

wanted() { [[ $1 =~ $only ]]; }
for_time=(-d "$seconds" --warm-up "$warm_up")

each_round() {
  local subject count slow=
  [ "$1" -le 2 ] && slow=yes
  say "round $1 of $rounds"
  if wanted messages; then
    for count in "${pairs[@]}"; do
      for subject in floor memory durable; do
        start $subject
        run "messages-$count" $subject messages -p "$count" "${for_time[@]}"
        stop
      done
    done
    # The floor alone, level by level, to see what costs what.
    for subject in tls delivery blocks; do
      start floor-$subject
      version=$([ $subject = blocks ] && echo 18 || echo 10) \
        run levels floor-$subject messages -p "${pairs[0]}" --verify none "${for_time[@]}"
      stop
    done
  fi
  if wanted keys; then
    for subject in floor memory; do
      start $subject
      run keys $subject messages -p "${pairs[0]}" --key x25519 "${for_time[@]}"
      stop
    done
  fi
  if [ -n "$slow" ] && wanted idle; then
    start memory
    run idle-without memory messages -p "${pairs[0]}" "${for_time[@]}"
    run idle-with memory messages -p "${pairs[0]}" --idle "$idle" "${for_time[@]}"
    stop
  fi
  if wanted latency; then
    start memory
    run latency-full memory messages -p "${pairs[0]}" "${for_time[@]}"
    run latency-one memory messages -p 1 "${for_time[@]}"
    run latency-half memory messages -p "${pairs[0]}" "${for_time[@]}" \
      --rate "$(awk -v all="$(figure latency-full memory per_second)" 'BEGIN { print all / 2 }')"
    stop
  fi
  for subject in floor memory durable; do
    if wanted create; then
      start $subject
      run create $subject create -n "$create" --batch 10
      stop
    fi
    if [ -n "$slow" ] && wanted resubscribe && [ $subject != durable ]; then
      start $subject
      run resubscribe $subject resubscribe -q "$resubscribe" --keep-queues
      stop
    fi
    if wanted handshakes && [ $subject != durable ]; then
      start $subject
      run handshakes $subject handshakes "${for_time[@]}"
      stop
    fi
    if [ -n "$slow" ] && wanted memory && [ $subject != durable ]; then
      start $subject
      run connections $subject idle -c "$idle_connections"
      stop
    fi
  done
  if [ -n "$slow" ] && wanted memory; then
    for subject in memory durable; do
      start $subject
      # What the first queues need for all is not counted.
      run queues-first $subject create -n $((queues / 10)) --batch 40 --keep-queues --only-create
      local before
      before=$(resident)
      run queues $subject create -n "$queues" --batch 40 --keep-queues --only-create
      note queues $subject bytes $((($(resident) - before) / queues))
      stop
    done
  fi
  if wanted cores; then
    for subject in floor memory; do
      for count in '' -2; do
        start $subject$count
        run cores $subject$count messages -p 64 --threads 2 "${for_time[@]}"
        stop
      done
    done
  fi
  if [ -n "$slow" ] && wanted plot; then
    for subject in floor memory; do
      for count in "${plot_pairs[@]}"; do
        start $subject
        run "plot-pairs-$count" $subject messages -p "$count" "${for_time[@]}"
        stop
      done
    done
    for subject in memory durable; do
      start $subject
      local made=0
      for count in "${plot_queues[@]}"; do
        if [ "$count" -gt "$made" ]; then run fill $subject create -n $((count - made)) --batch 40 --keep-queues; fi
        made=$count
        run "plot-queues-$count" $subject messages -p "${pairs[0]}" "${for_time[@]}"
      done
      stop
    done
  fi
}

for ((round = 1; round <= rounds; ++round)); do each_round $round; done

if wanted restart; then
  say "restart with $restart queues"
  start durable
  run fill durable create -n "$restart" --batch 40 --keep-queues
  stop
  for ((round = 1; round <= rounds; ++round)); do
    began=$EPOCHREALTIME
    start durable keep
    "$bin/smp-bench" handshakes "$address" -n 1 -c 1 --json >/dev/null
    note restart durable seconds "$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
    stop
  done
fi

# ---- the table and the plot -----------------------------------------------------------------------------------------

# LABEL|UNIT|MEASURED|FLOOR|TARGET, where measured and floor are measure:subject:figure.
rows() {
  local count
  for count in "${pairs[@]}"; do
    echo "CPU of a message, $count pairs, memory store|µs|messages-$count:memory:cpu_us|messages-$count:floor:cpu_us|<=1.2"
    echo "the same, durable store|µs|messages-$count:durable:cpu_us|messages-$count:floor:cpu_us|<=1.5"
    echo "messages a second, durable against memory store, $count pairs|1/s|messages-$count:durable:per_second|messages-$count:memory:per_second|>=0.7"
  done
  echo "CPU of a message with X25519 keys, ${pairs[0]} pairs|µs|keys:memory:cpu_us|keys:floor:cpu_us|<=1.2"
  echo "CPU of a message with $idle other idle connections, against without|µs|idle-with:memory:cpu_us|idle-without:memory:cpu_us|<=1.15"
  echo "send, deliver, acknowledge, one pair alone: p50|ms|latency-one:memory:latency_p50_us/1000||"
  echo "the same at half load, ${pairs[0]} pairs: p50|ms|latency-half:memory:latency_p50_us/1000||<1"
  echo "p99|ms|latency-half:memory:latency_p99_us/1000||<3"
  echo "CPU of making a queue, memory store|µs|create:memory:cpu_us|create:floor:cpu_us|<=1.5"
  echo "the same, durable store|µs|create:durable:cpu_us|create:floor:cpu_us|"
  echo "CPU of SUB, $resubscribe queues over one connection|µs|resubscribe:memory:cpu_us|resubscribe:floor:cpu_us|<=1.3"
  echo "CPU of a handshake, TLS and SMP|µs|handshakes:memory:cpu_us|handshakes:floor:cpu_us|<=1.15"
  echo "memory of an idle connection with one queue|KB|connections:memory:grown_per_operation/1024|connections:floor:grown_per_operation/1024|value<=24"
  echo "memory of an idle queue, memory store|octets|queues:memory:bytes||<=600"
  echo "the same, durable store|octets|queues:durable:bytes||<=100"
  echo "restart to the first answer, $restart queues, durable store|s|restart:durable:seconds||<=2"
  echo "work of two cores against one: 2 × CPU of a message with one thread / with two|µs|cores:memory:cpu_us*2|cores:memory-2:cpu_us|>=1.8"
  echo "the floor's: the same|µs|cores:floor:cpu_us*2|cores:floor-2:cpu_us|"
  echo "floor, SMP v10: TLS only|µs|levels:floor-tls:cpu_us||"
  echo "floor, SMP v10: and encryption for the recipient|µs|levels:floor-delivery:cpu_us||"
  echo "floor, SMP v18: and encrypted blocks|µs|levels:floor-blocks:cpu_us||"
  echo "floor, SMP v18: and authorization|µs|messages-${pairs[0]}:floor:cpu_us||"
}

{
  echo
  echo "Measured $(date -u +%Y-%m-%d) at commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown):" \
    "$(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)," \
    "$(awk '/MemTotal/ { print int($2 / 1048576 + 0.5) }' /proc/meminfo) GB, Linux $(uname -r)," \
    "OpenSSL $(openssl version | awk '{ print $2 }')," \
    "libsodium $(pkg-config --modversion libsodium), $(clang++-19 --version | head -1 | sed 's/.*version \([0-9.]*\).*/clang \1/')." \
    "$rounds rounds, $seconds s each; load before the first: $(cut -d' ' -f1 /proc/loadavg)."
  echo
  rows | awk -f bench/relay_table.awk "$results" -
  if grep -q '^plot-' "$results"; then
    echo
    echo '![CPU of a message against connections and queues](performance.svg)'
  fi
} >"$work/table.md"

mkdir -p "$output"
if grep -q '^plot-' "$results"; then awk -f bench/relay_plot.awk "$results" >"$output/performance.svg"; fi
page=$output/performance.md
[ -f "$page" ] || cp docs/performance.md "$page"
awk -v table="$work/table.md" '
  /<!-- .\/dev bench relay: end -->/ { inside = 0 }
  !inside { print }
  /<!-- .\/dev bench relay: begin -->/ { inside = 1; while ((getline line < table) > 0) print line; print "" }' \
  "$page" >"$work/page.md"
cp "$work/page.md" "$page"
cat "$work/table.md"
say "written: $page"
