# What the commands of ./dev share: messages, packages, third-party source, build. Sourced, at the root of the tree.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'dev: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "not root, and there is no sudo; as root, run: $*"
  fi
}

# Installs what is missing of packages.txt; takes 50 ms when nothing is.
ensure_packages() {
  command -v dpkg-query >/dev/null ||
    { say "this is not Debian: packages.txt says what has to be installed; going on without"; return; }
  local wanted missing=() package installed
  mapfile -t wanted < <(grep -v '^#' packages.txt)
  # dpkg-query fails when it does not know one of them, and lists the others all the same.
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
  for package in "${wanted[@]}"; do
    # Node comes from many places; Debian's npm would pull in four hundred packages for nothing.
    [ "$package" = npm ] && command -v npm >/dev/null && continue
    grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "packages are missing, and there is neither root nor sudo to install them. As root, run:
  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  if apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1 && apt_get install "${missing[@]}"; then return; fi
  say "refreshing the list of packages"
  if ! apt_get update || ! apt_get install "${missing[@]}"; then
    die "apt-get could not install the packages; its message is above"
  fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >&2
}

ensure_third_party() {
  [ -x tools/fetch_third_party.sh ] || return 0
  tools/fetch_third_party.sh >&2 || die "the third-party source could not be fetched; the message is above"
}

# One job for each core, but no more than the memory holds (a heavy file takes 1.5 GB).
jobs_of_machine() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
  echo $((memory < 1 ? 1 : memory < cores ? memory : cores))
}

# configure PRESET
configure() {
  local log=build/$1/configure.log
  mkdir -p "build/$1"
  if ! cmake --preset "$1" >"$log" 2>&1; then
    cat "$log" >&2
    die "cmake could not configure build/$1; its message is above (a fresh start: rm -r build/$1)"
  fi
}

# build PRESET [TARGET...]: fails with the compiler's message.
build() {
  local preset=$1
  shift
  configure "$preset"
  say "building $preset${1:+: $*}"
  local result=0
  trap 'exit 130' INT  # ninja ends like after an error: Ctrl-C is not one
  NINJA_STATUS='[%f/%t, %es] ' ninja -C "build/$preset" -j "$(jobs_of_machine)" "$@" >&2 || result=$?
  trap - INT
  return $result
}

# The first step of every command that builds.
prepare() {
  ensure_packages
  ensure_third_party
}
