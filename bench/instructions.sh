#!/usr/bin/env bash
# bench/instructions.sh PROGRAM [--keep]: instructions that the relay executes for one message, between the octets that TLS
# gives and the octets that TLS gets, counted by callgrind. Time differs from run to run and from machine to machine; this
# number hardly does, so that a regression is seen where nothing else can be measured. Compared with instructions.txt;
# --keep writes it anew. PROGRAM is relay_messages.
#
# Fails when a number is over the kept one by more than the tolerance; says so when it is below by as much.
set -euo pipefail
program=$(readlink -f "${1:?instructions.sh needs the program relay_messages}")
keep=${2:-}
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

# What a processor can do decides which code the libraries choose: the numbers are those of one with AVX2, as all x86-64
# servers since 2015 have.
if ! grep -qw avx2 /proc/cpuinfo; then
  echo "instructions.sh: not compared: this processor has no AVX2, and the kept numbers are of one that has" >&2
  exit 0
fi
kept=instructions.txt
tolerance=2 # percent
messages=100

results=$(mktemp -d)
trap 'rm -r "$results"' EXIT

# Only what RelayPath::work calls is counted: the clients that make the blocks are not.
count() { # count CASE MESSAGES
  valgrind --tool=callgrind --callgrind-out-file="$results/$1.$2" '--toggle-collect=simplex::smp::server::RelayPath::work*' \
    "$program" "$1" "$2" 2>"$results/log" || { cat "$results/log" >&2; return 1; }
  awk '/^(totals|summary):/ { total = $2 } END { print total }' "$results/$1.$2"
}

result=0
{
  echo "# Instructions of the relay for one message of 16,000 octets: SEND, MSG, ACK (bench/instructions.sh)."
  for case in signed authenticated signed-v10; do
    # The first messages also make what is made once: two runs leave it out.
    once=$(count "$case" $messages)
    twice=$(count "$case" $((2 * messages)))
    echo "$case $(((twice - once) / messages))"
  done
} >"$results/counted" || exit 1

if [ "$keep" = --keep ]; then
  cp "$results/counted" $kept
  cat $kept
  exit
fi
printf '%-16s %14s %14s %9s\n' "for one message" instructions kept change
while read -r case now; do
  [ "$case" = '#' ] && continue
  before=$(awk -v case="$case" '$1 == case { print $2 }' $kept)
  if [ -z "$before" ]; then
    printf '%-16s %14d %14s\n' "$case" "$now" none
    continue
  fi
  remark=$(awk -v now="$now" -v before="$before" -v tolerance=$tolerance 'BEGIN {
    change = 100 * (now - before) / before
    remark = (change > tolerance) ? "  more than before" : (change < -tolerance) ? "  less: keep it (--keep)" : ""
    printf "%+8.2f%%%s", change, remark
  }')
  printf '%-16s %14d %14d %s\n' "$case" "$now" "$before" "$remark"
  case $remark in *'more than before') result=1 ;; esac
done <"$results/counted"
exit $result
