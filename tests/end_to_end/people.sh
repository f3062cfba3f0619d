# A relay, alice and bob: what the end-to-end stories begin with. Sourced after programs().

export SMP_SERVER_CFG_PATH=$work/relay/etc SMP_SERVER_LOG_PATH=$work/relay/log
passphrase=$(head -c 18 /dev/urandom | base64)

start_relay() {
  start relay "$bin/smp-server" start
  await relay '^Listening'
}

# Makes the relay and starts it: $address, $port.
new_relay() {
  port=$(free_port)
  "$bin/smp-server" init -n 127.0.0.1 --port "$port" --no-password -y >"$work/init.log" 2>&1 ||
    { cat "$work/init.log"; give_up "smp-server init"; }
  sed -i 's/^# bind = .*/bind = 127.0.0.1/' "$SMP_SERVER_CFG_PATH/smp-server.ini"
  address=smp://$(cat "$SMP_SERVER_CFG_PATH/fingerprint")@127.0.0.1:$port
  start_relay
}

start_person() {
  start "$1" "$bin/simplex-chat" -d "$work/$1" -k "$passphrase" -s "$address" -l info --create-bot-display-name "$1"
  await "$1" 'Type /help'
}

connect_alice_and_bob() {
  type_in alice /c
  await alice '^(simplex:|https://)[^ ]+$'
  link=$line
  type_in bob "/c $link"
  await bob 'alice: contact is connected'
  await alice 'bob: contact is connected'
}

alice_writes() { type_in alice "@bob $1"; }
bob_writes() { type_in bob "@alice $1"; }
alice_gets() { await alice "^[0-9:]+ bob> $1\$"; }
bob_gets() { await bob "^[0-9:]+ alice> $1\$"; }
