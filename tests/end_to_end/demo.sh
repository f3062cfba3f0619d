#!/usr/bin/env bash
# demo.sh FOLDER_OF_PROGRAMS: alice and bob talk through a relay, with the real programs on 127.0.0.1. The relay is stopped
# and started, bob is killed while messages arrive and is away while alice writes. Ends with 0 only if every message was
# there once and in order.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"
programs "${1:?the folder of the programs}"

source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/people.sh"

sent_by_alice=()
sent_by_bob=()
alice_writes() { sent_by_alice+=("$1"); type_in alice "@bob $1"; }
bob_writes() { sent_by_bob+=("$1"); type_in bob "@alice $1"; }

tell "a relay of our own"
new_relay

tell "alice and bob start, each with an encrypted database"
start_person alice
start_person bob

tell "alice makes a one-time link, and bob connects with it"
connect_alice_and_bob

tell "they talk"
for number in 1 2 3; do
  alice_writes "hello bob, number $number"
  bob_gets "hello bob, number $number"
  bob_writes "hello alice, number $number"
  alice_gets "hello alice, number $number"
done

tell "the relay is stopped; both write all the same; the relay is started again"
stop relay TERM
alice_writes "is anybody there?"
alice_writes "I keep writing"
bob_writes "the relay is away, I write too"
start_relay
bob_gets "is anybody there\\?"
bob_gets "I keep writing"
alice_gets "the relay is away, I write too"

tell "bob is killed (SIGKILL) while messages arrive"
for number in $(seq 1 20); do alice_writes "in a hurry, $number of 20"; done
bob_gets "in a hurry, 4 of 20"
stop bob KILL

tell "bob is away; alice writes; the relay is stopped and started meanwhile"
for number in 1 2 3; do
  alice_writes "while you are away, $number"
done
until [ "$(grep -c 'bob: the relay has the message' "$work/alice.lines")" = ${#sent_by_alice[@]} ]; do
  await alice 'bob: the relay has the message'
done
stop relay TERM
start_relay

tell "bob is back"
start_person bob
bob_gets "while you are away, 3"
bob_writes "I am back, and have everything"
alice_gets "I am back, and have everything"

tell "what both have in the end"
for person in alice bob; do
  type_in $person "/quit"
  await_end $person || give_up "$person did not end well"
done

# history NAME OTHER: texts of the conversation that are in the database, received ones first.
history() {
  "$bin/simplex-chat" -d "$work/$1" -k "$passphrase" -t 0 -e "/tail @$2 1000" >"$work/$1.history"
  sed -nE "s/^[0-9:]+ $2> //p" "$work/$1.history" >"$work/$1.received"
  sed -nE "s/^[0-9:]+ @$2 //p" "$work/$1.history" >"$work/$1.sent"
}

# same WHAT FILE TEXT...
same() {
  local what=$1 file=$2
  shift 2
  if printf '%s\n' "$@" | diff - "$file" >"$work/difference"; then
    printf '%s: %d messages, each once and in order\n' "$what" "$#"
  else
    cat "$work/difference"
    give_up "$what: these lines differ (< expected, > found)"
  fi
}

history alice bob
history bob alice
same "alice's database, received" "$work/alice.received" "${sent_by_bob[@]}"
same "alice's database, sent" "$work/alice.sent" "${sent_by_alice[@]}"
same "bob's database, received" "$work/bob.received" "${sent_by_alice[@]}"
same "bob's database, sent" "$work/bob.sent" "${sent_by_bob[@]}"

# What bob saw on his screen: a message that was being stored when he was killed may be in the database only, but nothing
# is shown twice.
sed -nE 's/^[0-9:]+ alice> //p' "$work/bob.lines" | sort | uniq -d >"$work/repeated"
[ ! -s "$work/repeated" ] || { cat "$work/repeated"; give_up "bob saw these messages twice"; }
echo "bob's screen: nothing twice"

stop relay TERM
finished=yes
printf '\nThe demonstration has succeeded.\n'
