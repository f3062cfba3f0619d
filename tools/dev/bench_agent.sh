#!/usr/bin/env bash
# ./dev bench agent [OPTION...]: starts a relay of its own on 127.0.0.1, and measures agents through it (bench/agent). The
# options are those of agent-bench; databases and relay are in build/bench-agent.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

store=embedded
if [ "${1:-}" = --store ]; then
  store=${2:?--store needs memory or embedded}
  shift 2
fi
prepare
build release smp-server agent-bench || die "it does not compile; the message is above"
bin=$PWD/build/release/bin
work=$PWD/build/bench-agent
rm -rf "$work"
mkdir -p "$work"

# shellcheck source=bench/await_program.sh
source bench/await_program.sh
trap stop_program EXIT
export SMP_SERVER_CFG_PATH=$work/etc SMP_SERVER_LOG_PATH=$work/log
"$bin/smp-server" init -n 127.0.0.1 --port $((20000 + RANDOM % 12000)) --no-password --disable-web -y --store "$store" \
  >"$work/init.log" 2>&1 || { cat "$work/init.log" >&2; die "the relay could not be set up"; }
start_program "$work/relay.log" "$bin/smp-server" start --set LIMITS.threads=1 --set LIMITS.queues_per_connection=10000000 \
  --set TRANSPORT.bind=127.0.0.1 --log-level warn
"$bin/agent-bench" "$address" --folder "$work" "$@"
