# Sourced by the scripts that try MAKeeper against what others wrote. What cannot be had on this computer is said, and is no failure.
# shellcheck shell=bash

skip() { echo "SKIPPED: $*"; exit 0; }

# Debian's packages. The services among them are not started: they would answer on the networks of this computer.
need_packages() {
  local p missing=() sudo=() policy=/usr/sbin/policy-rc.d made='' installed=''
  for p in "$@"; do dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || skip "this is no Debian"
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  if ! [ -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee $policy >/dev/null 2>&1 && "${sudo[@]}" chmod 755 $policy && made=yes
  fi
  get() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" >/dev/null 2>&1; }
  if get install -y -qq --no-install-recommends "${missing[@]}" ||
    { get update -qq && get install -y -qq --no-install-recommends "${missing[@]}"; }; then
    installed=yes
  fi
  [ -z "$made" ] || "${sudo[@]}" rm -f $policy
  [ -n "$installed" ] || skip "packages cannot be installed: ${missing[*]}"
}

# Network namespaces, with bridges in them where $1 says so.
need_namespaces() {
  local try=makeeper-try-$$
  [ "$(id -u)" = 0 ] || skip "network namespaces need root"
  if ! { ip netns add $try && ip netns exec $try true && { [ "${1:-}" != bridges ] || ip -n $try link add br0 type bridge; }; } 2>/dev/null; then
    ip netns del $try 2>/dev/null || true
    skip "network namespaces${1:+ with $1} are not allowed here"
  fi
  ip netns del $try
}

# The program of an integration test, built.
built() {
  cargo test --locked --no-run --test "$1" --message-format=json 2>/dev/null |
    sed -n "s/.*\"executable\":\"\([^\"]*\/$1-[^\"]*\)\".*/\1/p" | tail -n 1
}
