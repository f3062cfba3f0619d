#!/bin/sh
# Brings the third-party source that Debian does not package into .cache/third_party: SQLCipher's amalgamation, which
# the npm package @journeyapps/sqlcipher carries (docs/dependencies.md). The version and the hashes are pinned here;
# nothing of the package is run. Does nothing, silently, when all is there.
set -eu

package=@journeyapps/sqlcipher@6.0.0
tarball=journeyapps-sqlcipher-6.0.0.tgz
tarball_sha256=ad3ee0e551de315b230db78e2294d41868b5c166d44c0c87da35fb6b87bde54c
source_sha256=2ba87bbc92caf02c0ac640198c537c24bdda899a18bbba289f3d3f44d56795e4
header_sha256=c7253bc5d2ba0fad5236fc10ed959f99374bdbc224c200250c9c4a90edf56023

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cache=$root/.cache/third_party
target=$cache/sqlcipher-6.0.0

check() { # file sha256
  printf '%s  %s\n' "$2" "$1" | sha256sum --check --status 2>/dev/null
}

if check "$target/sqlite3.c" $source_sha256 && check "$target/sqlite3.h" $header_sha256; then
  exit 0
fi

work=
trap 'test -z "$work" || rm -rf "$work"' EXIT
mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")

if ! check "$cache/$tarball" $tarball_sha256; then
  if ! command -v npm >/dev/null; then
    echo "fetch_third_party: npm is needed to download $package. Install the Debian package npm and try again." >&2
    exit 1
  fi
  echo "Downloading $package (2.7 MB)..."
  if ! (cd "$work" && npm pack --ignore-scripts --loglevel=error "$package" >/dev/null); then
    echo "fetch_third_party: the download of $package failed. Check the network connection and try again." >&2
    exit 1
  fi
  if ! check "$work/$tarball" $tarball_sha256; then
    echo "fetch_third_party: $tarball is not the file that was pinned (SHA-256 differs). It was not used." >&2
    exit 1
  fi
  mv "$work/$tarball" "$cache/$tarball"
fi

tar -xzf "$cache/$tarball" -C "$work" --no-same-owner \
  package/deps/sqlcipher-amalgamation/sqlite3.c package/deps/sqlcipher-amalgamation/sqlite3.h package/LICENSE
unpacked=$work/package/deps/sqlcipher-amalgamation
if ! check "$unpacked/sqlite3.c" $source_sha256 || ! check "$unpacked/sqlite3.h" $header_sha256; then
  echo "fetch_third_party: the source of SQLCipher is not the one that was pinned (SHA-256 differs)." >&2
  exit 1
fi
mkdir -p "$target"
mv "$work/package/LICENSE" "$target/LICENSE"
mv "$unpacked/sqlite3.h" "$target/sqlite3.h"
mv "$unpacked/sqlite3.c" "$target/sqlite3.c"
