#!/usr/bin/env bash
# Discovery against what others wrote: makes a local network in namespaces of its own with Samba's nmbd, wsdd and dnsmasq (tests/rig/lan.sh),
# runs the tests of tests/discovery_network.rs that need it, and takes everything down. Needs root and Debian's packages; where it may
# not or cannot, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
skip() { echo "SKIPPED: $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip "discovery in a local network needs root for network namespaces"
packages="samba wsdd dnsmasq-base iproute2"
missing=; for p in $packages; do dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"; done
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
    skip "packages cannot be installed:$missing"
fi
try=makeeper-try-$$
if ! { ip netns add "$try" && ip netns exec "$try" true && ip -n "$try" link add br0 type bridge; } 2>/dev/null; then
  ip netns del "$try" 2>/dev/null || true
  skip "network namespaces with bridges are not allowed here"
fi
ip netns del "$try"

cargo test --locked --no-run --test discovery_network
test=$(cargo test --locked --no-run --test discovery_network --message-format=json 2>/dev/null |
  sed -n 's/.*"executable":"\([^"]*discovery_network[^"]*\)".*/\1/p' | tail -n 1)
LANDIR=$(mktemp -d)/lan
export LANDIR
trap 'tests/rig/lan.sh down; rm -rf "${LANDIR%/lan}"' EXIT
tests/rig/lan.sh up > "$LANDIR.log" 2>&1 || { tail -n 3 "$LANDIR.log"; skip "Samba, wsdd or dnsmasq does not start here"; }
ip netns exec mklan0 env MAKEEPER_LAN=1 "$test" --test-threads=1 --nocapture lan_
