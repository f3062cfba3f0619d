#!/bin/sh
# Brings the third-party source that Debian does not package into .cache/third_party, from npm packages that carry it
# (docs/dependencies.md): SQLCipher's amalgamation, and the QR encoder of the relay's link pages. The versions and the
# hashes are pinned here; nothing of the packages is run. Does nothing, silently, when all is there.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cache=$root/.cache/third_party
work=
trap 'test -z "$work" || rm -rf "$work"' EXIT

check() { # file sha256
  printf '%s  %s\n' "$2" "$1" | sha256sum --check --status 2>/dev/null
}

# Unpacks the package into $work/package, downloading it when the cache does not have it.
unpack() { # package tarball sha256 size
  mkdir -p "$cache"
  test -z "$work" || rm -rf "$work"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  if ! check "$cache/$2" "$3"; then
    if ! command -v npm >/dev/null; then
      echo "fetch_third_party: npm is needed to download $1. Install the Debian package npm and try again." >&2
      exit 1
    fi
    echo "Downloading $1 ($4)..."
    if ! (cd "$work" && npm pack --ignore-scripts --loglevel=error "$1" >/dev/null); then
      echo "fetch_third_party: the download of $1 failed. Check the network connection and try again." >&2
      exit 1
    fi
    if ! check "$work/$2" "$3"; then
      echo "fetch_third_party: $2 is not the file that was pinned (SHA-256 differs). It was not used." >&2
      exit 1
    fi
    mv "$work/$2" "$cache/$2"
  fi
  tar -xzf "$cache/$2" -C "$work" --no-same-owner
}

# Puts a file of the unpacked package into its place. The last one to be put says that all is there.
put() { # from to sha256
  if ! check "$work/package/$1" "$3"; then
    echo "fetch_third_party: $1 is not the file that was pinned (SHA-256 differs)." >&2
    exit 1
  fi
  mkdir -p "$(dirname "$2")"
  mv "$work/package/$1" "$2"
}

sqlcipher=$cache/sqlcipher-6.0.0
source_sha256=2ba87bbc92caf02c0ac640198c537c24bdda899a18bbba289f3d3f44d56795e4
header_sha256=c7253bc5d2ba0fad5236fc10ed959f99374bdbc224c200250c9c4a90edf56023
if ! check "$sqlcipher/sqlite3.c" $source_sha256 || ! check "$sqlcipher/sqlite3.h" $header_sha256; then
  unpack @journeyapps/sqlcipher@6.0.0 journeyapps-sqlcipher-6.0.0.tgz \
    ad3ee0e551de315b230db78e2294d41868b5c166d44c0c87da35fb6b87bde54c "2.7 MB"
  mkdir -p "$sqlcipher"
  mv "$work/package/LICENSE" "$sqlcipher/LICENSE"
  put deps/sqlcipher-amalgamation/sqlite3.h "$sqlcipher/sqlite3.h" $header_sha256
  put deps/sqlcipher-amalgamation/sqlite3.c "$sqlcipher/sqlite3.c" $source_sha256
fi

uqr=$cache/uqr-0.1.3
encoder_sha256=7f0e61c2f13bb3724edee7bfb876e13c54ac9ee4fcfa283c9fa93cfb1241c325
if ! check "$uqr/index.mjs" $encoder_sha256; then
  unpack uqr@0.1.3 uqr-0.1.3.tgz 5636ef70bfb9f2685d885a4c0fbfe53fec9d6e8346361bd3f149146f1a9ec1af "20 KB"
  mkdir -p "$uqr"
  mv "$work/package/LICENSE" "$uqr/LICENSE"
  put dist/index.mjs "$uqr/index.mjs" $encoder_sha256
fi
