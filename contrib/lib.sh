# Shared by quickstart and check: what a bare Debian 12 needs, and the build.
# shellcheck shell=bash

# The compiler and build tools, then the libraries that README.md lists, each with its static archive. patch and
# xz-utils unpack the sources of libcurl and ISA-L (contrib/fetch-source), which Meson asks for by itself.
# shellcheck disable=SC2034  # for those that source this
build_packages=(
  g++ meson nasm ninja-build pkg-config patch xz-utils
  libabsl-dev libprotobuf-dev protobuf-compiler zlib1g-dev libzstd-dev libssl-dev libseccomp-dev
  libnghttp2-dev libc-ares-dev
  nlohmann-json3-dev libtoml11-dev doctest-dev
)
# What the tests run: the test runner and lints; root file systems; newuidmap and fuse-overlayfs for rootless; a
# terminal to type into; ps, ip, setpriv and man to look at results with; podman, which drives coracle-oci; a registry
# and what its users' file and certificates are made with; skopeo, which reads and writes the same files.
# shellcheck disable=SC2034
test_packages=(
  git bats shellcheck clang-format
  busybox-static mmdebstrap
  uidmap fuse-overlayfs
  expect jq procps iproute2 util-linux man-db
  podman skopeo buildah zstd
  docker-registry docker.io apache2-utils openssl python3
  passt slirp4netns dnsmasq-base curl nftables iptables netavark attr
  firewalld dbus-daemon
)

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo "$@"
  else
    echo "installing packages needs root or sudo: $*" >&2
    return 1
  fi
}

# install_packages NAME...: by apt, only those that are missing, without recommended ones.
install_packages() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! command -v apt-get > /dev/null; then
    echo "this is not Debian: install the equivalents of: ${missing[*]}" >&2
    return 1
  fi
  echo "== apt: ${missing[*]}"
  apt_install "${missing[@]}" 2> /dev/null && return 0
  # No package lists yet, or lists that name files which are gone.
  as_root apt-get update -q > /dev/null
  apt_install "${missing[@]}"
}
apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" > /dev/null
}

# configure DIR [MESON OPTION...]: once; ninja configures again by itself where that is needed. Meson finds ccache.
configure() {
  local dir=$1
  shift
  [ -e "$dir/build.ninja" ] || meson setup "$dir" "$@" > "$dir.log" 2>&1 || {
    cat "$dir.log" >&2
    return 1
  }
  rm -f "$dir.log"
}

# compile DIR [TARGET...]: quiet unless it fails.
compile() {
  local dir=$1 started=$SECONDS
  shift
  echo "== build $dir"
  if ! ninja -C "$dir" "$@" > "$dir/compile.log" 2>&1; then
    grep -v '^\[' "$dir/compile.log" | tail -n 60 >&2
    echo "the build failed; all of its output is in $dir/compile.log" >&2
    return 1
  fi
  echo "   $((SECONDS - started)) s"
}
