#!/bin/bash
# scan-net.sh up|down - two network namespaces for the scan benchmark: mkscan, from where is scanned, and mkhosts, which is behind a
# router: 10.99.0.0/22, of which 50 addresses are computers (every 20th) and the others swallow what is sent to them. Needs root and
# Debian's iproute2.
case ${1:-up} in
up) set -e
  ip netns add mkscan; ip netns add mkhosts
  ip link add mkscan0 netns mkscan type veth peer name mkhosts0 netns mkhosts
  for n in mkscan mkhosts; do ip -n $n link set lo up; ip -n $n link set ${n}0 up; done
  ip -n mkscan addr add 10.98.255.1/30 dev mkscan0; ip -n mkhosts addr add 10.98.255.2/30 dev mkhosts0
  ip -n mkscan route add 10.99.0.0/22 via 10.98.255.2
  # What is for nobody here is dropped without a word, because nothing is forwarded.
  ip netns exec mkhosts sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'
  for i in $(seq 1 50); do n=$((i * 20)); ip -n mkhosts addr add 10.99.$((n / 256)).$((n % 256))/32 dev lo; done;;
down) for n in mkscan mkhosts; do ip netns del $n 2>/dev/null; done; true;;
esac
