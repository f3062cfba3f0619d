# Drives the real programs from a shell script: starts them on 127.0.0.1, types into them, and waits for what they print.
# Nothing here sleeps: every wait is for a line or for the end of a process, and has a bound.
#
#   programs build/release/bin     work=$(a new folder); removed at the end, unless something failed
#   start NAME PROGRAM ARGUMENT... one party; NAME is how the transcript calls it
#   type_in NAME TEXT              a line for its standard input
#   await NAME PATTERN             reads its output up to a line that matches (extended regular expression): $line
#   stop NAME SIGNAL               sends the signal and waits for the end
set -euo pipefail

declare -A pid_of input_of output_of output_path
await_seconds=${SIMPLEX_AWAIT_SECONDS:-60}
line=
bin=
work=
finished=

tell() { printf '\n-- %s\n' "$*"; }

give_up() {
  printf '\nFAILED: %s\n' "$*" >&2
  exit 1
}

programs() {
  bin=$(readlink -f "$1")
  [ -x "$bin/smp-server" ] && [ -x "$bin/simplex-chat" ] || give_up "the programs are not in $1; ./dev run builds them"
  work=$(mktemp -d "${TMPDIR:-/tmp}/simplex-cpp.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT TERM
}

clean_up() {
  local name
  [ "$BASHPID" = $$ ] || return 0
  for name in "${!pid_of[@]}"; do
    kill -KILL "${pid_of[$name]}" 2>/dev/null || true
  done
  if [ -n "$finished" ]; then rm -rf "$work"; else echo "what they left is in $work" >&2; fi
}

# One line of the transcript; a link is longer than a screen is wide.
show() {
  local text=$2
  [ ${#text} -le 140 ] || text=${text:0:110}…
  printf '%-6s| %s\n' "$1" "$text"
}

# What it printed and nobody waited for.
show_rest() {
  while IFS= read -r -t 0.01 -u "${output_of[$1]}" line; do
    if [ -n "$line" ]; then show "$1" "$line" && printf '%s\n' "$line" >>"$work/$1.lines"; fi
  done
}

# The output goes through a pipe that outlives the process, so that what it printed before it was killed is read too.
start() {
  local name=$1
  shift
  if [ -z "${input_of[$name]:-}" ]; then
    mkfifo "$work/$name.in" "$work/$name.out"
    local to_it from_it
    exec {to_it}<>"$work/$name.in" {from_it}<>"$work/$name.out"
    input_of[$name]=$to_it
    output_of[$name]=$from_it
  fi
  "$@" <"$work/$name.in" >"$work/$name.out" 2>&1 &
  pid_of[$name]=$!
}

type_in() {
  show "$1" "» $2"
  printf '%s\n' "$2" >&"${input_of[$1]}"
}

await() {
  local name=$1 pattern=$2 bound=$((SECONDS + ${3:-$await_seconds})) left
  while :; do
    left=$((bound - SECONDS))
    if [ $left -le 0 ] || ! IFS= read -r -t "$left" -u "${output_of[$name]}" line; then
      if ! kill -0 "${pid_of[$name]}" 2>/dev/null; then
        local status=0
        wait "${pid_of[$name]}" 2>/dev/null || status=$?
        give_up "$name has ended with exit code $status; waiting for: $pattern"
      fi
      give_up "$name did not print in time: $pattern"
    fi
    [ -n "$line" ] || continue
    show "$name" "$line"
    printf '%s\n' "$line" >>"$work/$name.lines"
    if [[ $line =~ $pattern ]]; then return; fi
  done
}

# Waits for the end of a process, for at most $await_seconds; its exit code.
await_end() {
  local name=$1 pid=${pid_of[$1]} status=0
  timeout "$await_seconds" tail --pid="$pid" -s 0.05 -f /dev/null || kill -KILL "$pid"
  wait "$pid" 2>/dev/null || status=$?
  unset "pid_of[$name]"
  return $status
}

stop() {
  local name=$1 signal=$2 status=0
  kill "-$signal" "${pid_of[$name]}"
  if [ "$signal" = KILL ]; then
    wait "${pid_of[$name]}" 2>/dev/null || true
    unset "pid_of[$name]"
    return
  fi
  await_end "$name" || status=$?
  show_rest "$name"
  [ "$status" = 0 ] || give_up "$name did not end well after SIG$signal (exit code $status)"
}

# A port that nothing listens on, as far as can be known; the tests in C++ have those from 10000 on.
free_port() {
  local port
  while :; do
    port=$((6000 + RANDOM % 4000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
}
