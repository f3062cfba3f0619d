#!/usr/bin/env bash
# vector_report.sh LOG: which cases of which vector file the tests of this log ran, from their lines
# "vectors: FILE OP N cases". A kind of case that did not run must stand in tools/dev/later_vectors.txt, with the reason.
# The last line is "complete" or "incomplete".
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
log=$1

{
  for file in tests/vectors/*.json; do
    grep -oE '"op": ?"[a-z_0-9]+"' "$file" | sed -E 's/.*"([a-z_0-9]+)"$/\1/' | sort | uniq -c |
      awk -v file="${file##*/}" '{ print "has", file, $2, $1 }'
  done
  sed -nE 's/^.*vectors: ([a-z_0-9]+\.json) ([a-z_0-9]+) ([0-9]+) cases.*/ran \1 \2 \3/p' "$log" | sort -u
  grep -v '^#' tools/dev/later_vectors.txt | sed 's/^/later /'
} | awk '
  $1 == "has" { kind = $2 " " $3; has[kind] = $4; kinds[++count] = kind; total[$2] += $4; if (!seen[$2]++) files[++file_count] = $2 }
  $1 == "ran" { any[$2]; if ($4 > ran[$2 " " $3]) ran[$2 " " $3] = $4 }
  $1 == "later" && $3 == "*" { reason = $0; sub(/^later [^ ]+ [^ ]+ /, "", reason); whole[$2] = reason; next }
  $1 == "later" { reason = $0; sub(/^later [^ ]+ [^ ]+ /, "", reason); later[$2 " " $3] = reason }
  END {
    for (i = 1; i <= count; i++) {
      kind = kinds[i]; split(kind, part, " "); file = part[1]
      if (kind in ran) {
        done[file] += ran[kind]
        if (ran[kind] != has[kind]) { problem[file] = problem[file] sprintf("\n    %s: %d of %d ran", part[2], ran[kind], has[kind]) }
        if (kind in later || file in whole) { problem[file] = problem[file] sprintf("\n    %s: ran, yet tools/dev/later_vectors.txt says later", part[2]) }
      } else if (file in whole) {
        why[file] = " " whole[file]
      } else if (part[2] == "keys" && file in any) {
        done[file] += has[kind]  # not a case of its own: the keys of the others
      } else if (kind in later) {
        why[file] = why[file] sprintf("\n    %s (%d): %s", part[2], has[kind], later[kind])
      } else {
        problem[file] = problem[file] sprintf("\n    %s: none of %d ran, and nothing says why", part[2], has[kind])
      }
    }
    for (kind in ran) if (!(kind in has)) { extra = extra sprintf("\n  %s: reported, but not in the file", kind) }
    for (i = 1; i <= file_count; i++) {
      file = files[i]; all += done[file]; known += total[file]
      printf "vectors %-24s %4d of %4d cases ran%s%s\n", file, done[file], total[file], why[file] ? "; later:" why[file] : "",
        problem[file] ? "; MISSING:" problem[file] : ""
      if (problem[file]) bad = 1
    }
    printf "vectors %-24s %4d of %4d cases ran%s\n", "in all", all, known, extra
    print bad || extra ? "incomplete" : "complete"
  }'
