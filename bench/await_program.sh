# shellcheck shell=bash
# Sourced by the scripts that load a program which says where it listens: the relay, or the floor.

running=  # the program's process
address=  # what it said: smp://...
reading=  # the process that keeps what it says from then on

# start_program LOG COMMAND...: starts it, and returns when it listens; sets running and address. What it says is in LOG.
start_program() {
  local log=$1 pipe line said
  shift
  pipe=$(mktemp -u)
  mkfifo -m 600 "$pipe"
  "$@" >"$pipe" 2>&1 &
  running=$!
  exec {said}<"$pipe"
  rm "$pipe"
  : >"$log"
  address=
  while IFS= read -r line <&"$said"; do
    printf '%s\n' "$line" >>"$log"
    case $line in
      *smp://*) [ -n "$address" ] || address=smp://${line#*smp://} ;;
      Listening*)
        cat <&"$said" >>"$log" &
        reading=$!
        exec {said}<&-
        return
        ;;
    esac
  done
  # It closed its output: it has ended.
  exec {said}<&-
  wait "$running" || true
  running=
  cat "$log" >&2
  echo "it did not start; its message is above" >&2
  return 1
}

# stop_program [SIGNAL]: and waits until it has ended, and all that it said is in its log.
stop_program() {
  [ -n "$running" ] || return 0
  kill -"${1:-TERM}" "$running" 2>/dev/null || true
  wait "$running" 2>/dev/null || true
  wait "$reading" 2>/dev/null || true
  running=
}
