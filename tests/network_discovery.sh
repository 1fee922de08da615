#!/usr/bin/env bash
# Discovery against what others wrote: makes a local network in namespaces of its own with Samba's nmbd, wsdd and dnsmasq (tests/rig/lan.sh),
# runs the tests of tests/discovery_network.rs that need it, and takes everything down. Needs root and Debian's packages; where it may
# not or cannot, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/rig/common.sh
. tests/rig/common.sh
[ "$(id -u)" = 0 ] || skip "discovery in a local network needs root for network namespaces"
need_packages samba wsdd dnsmasq-base iproute2
need_namespaces bridges

cargo test --locked --no-run --test discovery_network
test=$(built discovery_network)
LANDIR=$(mktemp -d)/lan
export LANDIR
trap 'tests/rig/lan.sh down; rm -rf "${LANDIR%/lan}"' EXIT
# What a run that was killed left.
tests/rig/lan.sh down
tests/rig/lan.sh up > "$LANDIR.log" 2>&1 || { tail -n 3 "$LANDIR.log"; skip "Samba, wsdd or dnsmasq does not start here"; }
ip netns exec mklan0 timeout -k 10 120 env MAKEEPER_LAN=1 "$test" --test-threads=1 --nocapture lan_
