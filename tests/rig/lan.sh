#!/bin/bash
# lan.sh up|down - a little local network in namespaces: a bridge and a name server in mklan0 (10.98.0.1/24), and four computers behind
# it, mklan1 to mklan4 (10.98.0.11 to .14) with NetBIOS by Samba's nmbd, workgroups OFFICE and LABS, and WS-Discovery by wsdd, where
# the third says that it belongs to the domain CONTOSO, and the second is asked over IPv6 alone. The first and the fourth share files. Needs root and Debian's packages
# samba wsdd dnsmasq-base iproute2.
set -u
D=${LANDIR:-${TMPDIR:-/tmp}/makeeper-rig/lan}
case ${1:-up} in
up) set -e; mkdir -p "$D"
  # Addresses are there at once: wsdd does not come back to one that was not yet.
  now() { ip netns exec $1 sh -c 'for c in all default; do echo 0 > /proc/sys/net/ipv6/conf/$c/accept_dad; done'; }
  ip netns add mklan0; now mklan0; ip -n mklan0 link set lo up; ip -n mklan0 link add br0 type bridge
  ip -n mklan0 addr add 10.98.0.1/24 brd + dev br0; ip -n mklan0 link set br0 up
  for i in 1 2 3 4; do
    n=mklan$i; d=$D/$i; mkdir -p "$d"/{lock,state,cache,pid,priv,nc}; wg=OFFICE; [ $i = 4 ] && wg=LABS
    ip netns add $n; now $n; ip -n $n link set lo up; ip -n mklan0 link add name v$i type veth peer name eth0 netns $n
    ip -n mklan0 link set v$i master br0 up; ip -n $n addr add 10.98.0.1$i/24 brd + dev eth0; ip -n $n link set eth0 up
    cat > "$d/smb.conf" <<C
[global]
 netbios name = WKS0$i
 netbios aliases = ALIAS$i
 workgroup = $wg
 interfaces = eth0
 bind interfaces only = yes
 local master = yes
 preferred master = $([ $i = 1 ] && echo yes || echo no)
 domain master = no
 lock directory = $d/lock
 state directory = $d/state
 cache directory = $d/cache
 pid directory = $d/pid
 private dir = $d/priv
 ncalrpc dir = $d/nc
 log file = $d/log.%m
 map to guest = Bad User
 guest account = nobody
 disable netbios = no
C
    ip netns exec $n nmbd -D -s "$d/smb.conf" -l "$d"
    if [ $i = 1 ] || [ $i = 4 ]; then ip netns exec $n smbd -D -s "$d/smb.conf" -l "$d"; fi
    group="-w $wg"; [ $i = 3 ] && group="-d CONTOSO"; [ $i = 2 ] && group="$group -6"
    # shellcheck disable=SC2086 # options and their values
    ip netns exec $n wsdd -i eth0 -n WKS0$i -U 11111111-0000-4000-8000-00000000000$i $group > "$d/wsdd.log" 2>&1 & echo $! > "$d/wsdd.pid"
  done
  cat > "$D/dnsmasq.conf" <<C
listen-address=10.98.0.1
bind-interfaces
no-resolv
no-hosts
pid-file=$D/dnsmasq.pid
local=/lan.test/
local=/0.98.10.in-addr.arpa/
host-record=wks01.lan.test,10.98.0.11
host-record=wks02.lan.test,10.98.0.12
ptr-record=14.0.98.10.in-addr.arpa,wks02.lan.test
C
  ip netns exec mklan0 dnsmasq --conf-file="$D/dnsmasq.conf" --user=root;;
down)
  for i in 1 2 3 4; do for f in "$D/$i"/pid/*.pid "$D/$i/wsdd.pid"; do [ -e "$f" ] && kill "$(cat "$f")" 2>/dev/null; done; done
  [ -e "$D/dnsmasq.pid" ] && kill "$(cat "$D/dnsmasq.pid")" 2>/dev/null
  for i in 0 1 2 3 4; do for p in $(ip netns pids mklan$i 2>/dev/null); do kill "$p"; done; ip netns del mklan$i 2>/dev/null; done
  rm -rf "$D"; true;;
esac
