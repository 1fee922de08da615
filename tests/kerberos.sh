#!/usr/bin/env bash
# Kerberos against a real domain: puts up a private Samba Active Directory in a network namespace of its own, runs
# tests/wsman_kerberos.rs in there against pyspnego acceptors, and takes everything down. Needs root and Debian's packages;
# where it may not or cannot, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
skip() { echo "SKIPPED: $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip "Kerberos against Samba needs root for a network namespace"
packages="samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools ldap-utils
  libsasl2-modules-gssapi-mit krb5-user dnsutils smbclient iproute2 bc libkrb5-dev gcc python3-dev python3-venv"
missing=; for p in $packages; do dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"; done
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
    skip "packages cannot be installed:$missing"
fi
try=makeeper-try-$$
if ! { ip netns add "$try" && ip netns exec "$try" true; } 2>/dev/null; then
  ip netns del "$try" 2>/dev/null || true
  skip "network namespaces are not allowed here"
fi
ip netns del "$try"

venv=${MAKEEPER_KERBEROS_PYTHON:-$PWD/target/python-kerberos}
if ! "$venv/bin/python" -c 'import spnego, gssapi, krb5' 2>/dev/null; then
  mkdir -p target
  /usr/bin/python3 -m venv "$venv" && "$venv/bin/python" -m pip install -q 'pyspnego[kerberos]' ||
    skip "pyspnego with Kerberos cannot be installed"
fi
cargo test --locked --no-run --test wsman_kerberos
test=$(cargo test --locked --no-run --test wsman_kerberos --message-format=json 2>/dev/null |
  sed -n 's/.*"executable":"\([^"]*wsman_kerberos[^"]*\)".*/\1/p' | tail -n 1)

ADDIR=$(mktemp -d)/ad
export ADDIR
rig=tests/rig/samba-ad.sh
trap '"$rig" down || true; rm -rf "${ADDIR%/ad}"' EXIT
"$rig" up > "$ADDIR.log" 2>&1 || { tail -n 3 "$ADDIR.log"; skip "Samba does not start here"; }
sed "s/ kdc = .*/ kdc = 10.99.0.90:8888/" "$ADDIR/krb5.conf" > "$ADDIR/proxied.conf"
# $1: krb5.conf; the rest goes to the test.
inside() {
  conf=$1; shift
  ip netns exec vlab env MAKEEPER_AD=1 MAKEEPER_PYTHON="$venv/bin/python" KRB5_KTNAME="$ADDIR/wsman.keytab" \
    KRB5_CONFIG="$conf" ${proxy:+MAKEEPER_KDC_PROXY="$proxy"} "$test" --test-threads=1 "$@"
}
# The servers found by DNS, then by krb5.conf, where a proxy counts what they are asked.
inside /dev/null
proxy=10.99.0.90:8888 inside "$ADDIR/proxied.conf" a_second_computer
