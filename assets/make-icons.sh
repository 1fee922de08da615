#!/usr/bin/env bash
# Draws the icons from icon.svg: icon.png for windows and desktops on Linux, windows/makeeper.ico for the program on Windows.
# Needs Debian's librsvg2-bin and icoutils. The files are committed, so that nobody needs these to build.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
draw() { rsvg-convert --width "$1" --height "$1" --output "$2" icon.svg; }
draw 256 icon.png
pictures=()
for side in 16 20 24 32 40 48 64; do draw $side "$work/$side.png"; pictures+=("$work/$side.png"); done
icotool --create --output=windows/makeeper.ico "${pictures[@]}" --raw=icon.png
