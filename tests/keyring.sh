#!/usr/bin/env bash
# Accounts in a real keyring: runs tests/keyring.rs with a D-Bus session of its own and Debian's gnome-keyring in it, once
# unlocked and once locked, in a folder that is removed. Where those cannot be had, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/rig/common.sh
. tests/rig/common.sh
need_packages dbus gnome-keyring libsecret-tools
cargo test --locked --no-run --test keyring
test=$(built keyring)

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
mkdir -m 700 "$home/run"
# Everything the daemon starts ends with the session.
session() {
  env -u DISPLAY -u WAYLAND_DISPLAY HOME="$home" XDG_DATA_HOME="$home/data" XDG_RUNTIME_DIR="$home/run" \
    MAKEEPER_KEYRING="$1" timeout -k 10 60 dbus-run-session -- bash -c "$2" "$test" "$test"
}
session unlocked 'printf "the login password" | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$1" --test-threads=1' ||
  { status=$?; [ -s "$home/data/keyrings/login.keyring" ] && exit "$status"; skip "gnome-keyring does not start here"; }
# The same keyring again, and nobody has unlocked it.
session locked 'gnome-keyring-daemon --start --components=secrets >/dev/null && exec "$1" --test-threads=1'
! grep -rqF "open sesame" "$home" || { echo "a password is readable in the files of the keyring"; exit 1; }
