#!/usr/bin/env bash
# Checks every #include of libs/ against tools/layers.txt. The link graph already hides what a room may not see at all;
# this also refuses what reaches it through another room. Third-party headers stay out of the public ones, for the sake of
# compile time and of whoever replaces the library.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

{
  grep -vE '^(#|$)' tools/layers.txt | sed 's/^/room /'
  find libs tests/support tests/world -path '*/include/*' -name '*.hpp' | sed 's/^/header /'
  grep -rnE '^[[:space:]]*#[[:space:]]*include' libs apps --include='*.hpp' --include='*.cpp' --include='*.c' --include='*.h' |
    sed -E 's/^([^:]+):([0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*/include \1 \2 /'
} | awk '
  # libs/smp/client/src/x.cpp -> smp/client
  function room_of(path) {
    if (path ~ /^tests\//) { sub(/\/include\/.*/, "", path); return path }
    sub(/^libs\//, "", path); sub(/\/(include|src|test)\/.*/, "", path); return path
  }
  function complain(text) { print file ":" line ": " text; bad++ }
  $1 == "room" {
    room = $2; sub(/:$/, "", room); known[room]
    for (i = 3; i <= NF; i++) allowed[room, $i]
    next
  }
  $1 == "header" { name = $2; sub(/^.*\/include\//, "", name); owner[name] = room_of($2); next }
  {
    file = $2; line = $3; name = $4; checked++
    quoted = name ~ /^"/; gsub(/[<>"]/, "", name)
    if (file ~ /^apps\//) {
      if (quoted && name ~ /\.\.\//) complain("includes " name " by a path out of its folder")
      next
    }
    room = room_of(file)
    if (!(room in known)) { complain("the room " room " is not in tools/layers.txt"); next }
    if (name ~ /^simplex\//) {
      if (!(name in owner)) { complain("includes " name ", which no room has"); next }
      other = owner[name]
      if (other == room || (room, other) in allowed) next
      if (file ~ /\/test\// && other ~ /^tests\//) next
      complain(room " may not include " name " (of " other "); tools/layers.txt says what it may")
    } else if (quoted && name ~ /\.\.\//) {
      complain("includes " name " by a path out of its folder")
    } else if (file ~ /\/include\// && name ~ /^(boost|openssl|spdlog|fmt|sodium|sodium\.h|sqlite3|sqlite3\.h|zstd\.h|CLI|readline|rocksdb)(\/|$)/) {
      complain("a public header includes " name "; third-party headers stay in src/")
    }
  }
  END {
    if (bad) { print bad " of " checked " includes break the layering"; exit 1 }
    if (!checked) { print "no include was found: the check itself is broken"; exit 1 }
    print checked " includes keep the layering"
  }'
