#!/usr/bin/env bash
# The three stations across the air gap, by command line alone, with two lists:
#   isolated lab: make the list, update, install the key, export proxy activation data
#   core network: acquire confirmation IDs into the carried file
#   isolated lab: import, apply
# Wants: MAKEEPER (the program), WORK (an empty folder), LAB_ADDRESSES (a range), LAB_PORT, SERVICE (URL), LAB_USER,
# LAB_PASSWORD, LAB_KEY (on standard input of `keys add` only, never an argument).
set -euo pipefail
cd "$WORK"
lab=isolated-lab.cilx
carried=carried.cilx
sign_in=(--user "$LAB_USER" --password-env LAB_PASSWORD)
five=${LAB_KEY: -5}

station() { printf '\n== %s\n' "$*"; }

station "isolated lab: collect installation IDs"
"$MAKEEPER" discover "$lab" --names "$LAB_ADDRESSES" --port "$LAB_PORT" --yes
"$MAKEEPER" update "$lab" "${sign_in[@]}" --quiet
if ! "$MAKEEPER" keys list "$lab" --json | grep -q "\"key\":\"$five\""; then
  printf '%s\n' "$LAB_KEY" | "$MAKEEPER" keys add "$lab" --type mak
fi
"$MAKEEPER" install-key "$lab" --key "$five" "${sign_in[@]}" --quiet
"$MAKEEPER" export "$lab" "$carried" --profile proxy --replace

station "core network: acquire confirmation IDs"
cp "$carried" exported.cilx
"$MAKEEPER" acquire-cid "$carried" --service "$SERVICE" --proxy direct

station "isolated lab: apply them"
"$MAKEEPER" import "$lab" "$carried"
"$MAKEEPER" apply-cid "$lab" "${sign_in[@]}" --quiet

station "what the list says"
"$MAKEEPER" list "$lab" --columns computer,product,key,status --select status:licensed
