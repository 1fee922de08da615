#!/usr/bin/env bash
# Kerberos against a real domain: puts up a private Samba Active Directory in a network namespace of its own, runs
# tests/wsman_kerberos.rs in there against pyspnego acceptors, and takes everything down. Needs root and Debian's packages;
# where it may not or cannot, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/rig/common.sh
. tests/rig/common.sh
[ "$(id -u)" = 0 ] || skip "Kerberos against Samba needs root for a network namespace"
need_packages samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools ldap-utils \
  libsasl2-modules-gssapi-mit krb5-user dnsutils smbclient iproute2 bc libkrb5-dev gcc python3-dev python3-venv
need_namespaces

venv=${MAKEEPER_KERBEROS_PYTHON:-$PWD/target/python-kerberos}
if ! "$venv/bin/python" -c 'import spnego, gssapi, krb5' 2>/dev/null; then
  mkdir -p target
  /usr/bin/python3 -m venv "$venv" && "$venv/bin/python" -m pip install -q 'pyspnego[kerberos]' ||
    skip "pyspnego with Kerberos cannot be installed"
fi
cargo test --locked --no-run --test wsman_kerberos --test discovery_kms_dns
test=$(built wsman_kerberos)
dns_test=$(built discovery_kms_dns)

ADDIR=$(mktemp -d)/ad
export ADDIR
rig=tests/rig/samba-ad.sh
trap '"$rig" down || true; rm -rf "${ADDIR%/ad}"' EXIT
# What a run that was killed left.
"$rig" down >/dev/null 2>&1 || true
"$rig" up > "$ADDIR.log" 2>&1 || { tail -n 3 "$ADDIR.log"; skip "Samba does not start here"; }
sed "s/ kdc = .*/ kdc = 10.99.0.90:8888/" "$ADDIR/krb5.conf" > "$ADDIR/proxied.conf"
# $1: krb5.conf; the rest goes to the test.
inside() {
  conf=$1; shift
  ip netns exec vlab timeout -k 10 120 env MAKEEPER_AD=1 MAKEEPER_PYTHON="$venv/bin/python" KRB5_KTNAME="$ADDIR/wsman.keytab" \
    KRB5_CONFIG="$conf" KRB5CCNAME="${cache:-$ADDIR/no-tickets}" ${proxy:+MAKEEPER_KDC_PROXY="$proxy"} \
    ${tickets:+MAKEEPER_TICKETS="$tickets"} ${say:+MAKEEPER_TICKETS_SAY="$say"} "$test" --test-threads=1 "$@"
}
# The KMS hosts that its name server names.
ip netns exec vlab timeout -k 10 60 env MAKEEPER_AD_DNS=10.99.0.1:53 "$dns_test" samba
# The servers found by DNS, then by krb5.conf, where a proxy counts what they are asked.
inside /dev/null
proxy=10.99.0.90:8888 inside "$ADDIR/proxied.conf" a_second_computer

# The tickets of a user, got by MIT Kerberos. $1: where; the rest goes to kinit.
tickets_into() {
  where=$1; shift
  printf '%s\n' 'Passw0rd!Vamt' | ip netns exec vlab env KRB5_CONFIG="${krb5:-$ADDIR/krb5.conf}" kinit -c "$where" "$@" >/dev/null
}
tickets_into "FILE:$ADDIR/user" vamt@LAB.EXAMPLE.TEST
tickets=good cache=FILE:$ADDIR/user inside "$ADDIR/krb5.conf" ticket
tickets=good cache=FILE:$ADDIR/user inside /dev/null the_tickets_of_the_user
tickets=good cache=$ADDIR/user proxy=10.99.0.90:8888 inside "$ADDIR/proxied.conf" a_second_computer
# A collection, and version 3 of the format.
mkdir -m 700 "$ADDIR/collection"
tickets_into "DIR:$ADDIR/collection" vamt@LAB.EXAMPLE.TEST
tickets=good cache=DIR:$ADDIR/collection inside "$ADDIR/krb5.conf" the_tickets_of_the_user
sed 's/\[libdefaults\]/&\n ccache_type = 3/' "$ADDIR/krb5.conf" > "$ADDIR/old.conf"
krb5=$ADDIR/old.conf tickets_into "FILE:$ADDIR/old" vamt@LAB.EXAMPLE.TEST
[ "$(od -An -tx1 -N2 "$ADDIR/old")" = " 05 03" ] || { echo "kinit did not write version 3"; exit 1; }
tickets=good cache=FILE:$ADDIR/old inside "$ADDIR/krb5.conf" the_tickets_of_the_user

# And those that sign nobody in: $1 a part of what is said, $2 the cache.
refused() { tickets=bad say=$1 cache=$2 inside "$ADDIR/krb5.conf" ticket; }
refused "are kept in KEYRING:persistent:0" KEYRING:persistent:0
refused "are kept in KCM:" KCM:
cp "$ADDIR/krb5.conf" "$ADDIR/garbage"; refused "holds no Kerberos tickets" "FILE:$ADDIR/garbage"
krb5=$ADDIR/krb5.conf tickets_into "FILE:$ADDIR/service" -S HTTP/pc001.lab.example.test vamt@LAB.EXAMPLE.TEST
refused "has no ticket-granting ticket of LAB.EXAMPLE.TEST" "FILE:$ADDIR/service"
tickets_into "FILE:$ADDIR/short" -l 1s vamt@LAB.EXAMPLE.TEST
until ! KRB5_CONFIG=$ADDIR/krb5.conf klist -s -c "FILE:$ADDIR/short"; do sleep 0.2; done
refused "expired at" "FILE:$ADDIR/short"
