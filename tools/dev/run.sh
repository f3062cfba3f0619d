#!/usr/bin/env bash
# ./dev run [--demo]: a relay of one's own and a chat with it; or the same without a person.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

demo=
case ${1:-} in
  --demo) demo=yes ;;
  '') ;;
  -h | --help) exec ./dev --help ;;
  *) die "run: there is no option '$1'" ;;
esac

prepare
build release smp-server simplex-chat || die "it does not compile; the message is above"
bin=$PWD/build/release/bin
[ -z "$demo" ] || exec tests/end_to_end/demo.sh "$bin"

data=${XDG_DATA_HOME:-$HOME/.local/share}/simplex-cpp
export SMP_SERVER_CFG_PATH=$data/relay/etc SMP_SERVER_LOG_PATH=$data/relay/log
umask 077
mkdir -p "$data/chat"

# One relay of one's own at a time: two would write the same files.
exec {lock}>"$data/lock"
flock -n "$lock" || die "./dev run is already running in another terminal. To talk with yourself, start a second person here:
  build/release/bin/simplex-chat -d '$data/chat/friend' -s $(grep -ohm 1 'smp://.*' "$data/relay/start.log" || echo ADDRESS)"

if [ ! -f "$SMP_SERVER_CFG_PATH/smp-server.ini" ]; then
  say "a new relay, in $data/relay"
  port=5223
  # Another relay may run on this machine.
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((20000 + RANDOM % 12000)); done
  "$bin/smp-server" init -n 127.0.0.1 --port "$port" --no-password -y >"$data/relay-init.log" ||
    die "smp-server init failed; its message is above"
  sed -i 's/^# bind = .*/bind = 127.0.0.1/' "$SMP_SERVER_CFG_PATH/smp-server.ini"
fi
if [ ! -f "$data/chat/key" ]; then
  head -c 24 /dev/urandom | base64 >"$data/chat/key"
  say "the passphrase of the chat's database is in $data/chat/key"
fi

relay_log=$data/relay/start.log
pipe=$(mktemp -u "$data/relay/output.XXXXXX")
mkfifo "$pipe"
"$bin/smp-server" start >"$pipe" 2>&1 &
relay=$!
exec {output}<"$pipe"
rm "$pipe"
stop_relay() {
  if kill -TERM "$relay" 2>/dev/null; then say "stopping the relay"; fi
  wait "$relay" 2>/dev/null || true
}
trap stop_relay EXIT

: >"$relay_log"
address=
listening=
while [ -z "$listening" ]; do
  if ! IFS= read -r -t 60 -u "$output" line; then
    cat "$relay_log" >&2
    die "the relay did not start; its message is above, its settings are in $SMP_SERVER_CFG_PATH/smp-server.ini"
  fi
  printf '%s\n' "$line" >>"$relay_log"
  [[ $line =~ smp://[^[:space:]]+ ]] && address=${BASH_REMATCH[0]}
  [[ $line =~ ^Listening ]] && listening=yes
done
cat <&"$output" >>"$relay_log" &

say "the relay runs until you leave the chat; its log is $relay_log"
say "its address: $address"
say "to talk with yourself, in another terminal: build/release/bin/simplex-chat -d '$data/chat/friend' -s $address"
"$bin/simplex-chat" -d "$data/chat/me" -k "$(cat "$data/chat/key")" -s "$address"
