#!/usr/bin/env bash
# Discovery in directories that MAKeeper did not write: a private Samba Active Directory in a network namespace of its own, grown
# to 5,000 computers, for tests/directory_samba.rs, and Debian's slapd with 100,000 entries for tests/directory_slapd.rs. Takes
# everything down again. Needs root and Debian's packages; where it may not or cannot, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/rig/common.sh
. tests/rig/common.sh
[ "$(id -u)" = 0 ] || skip "a directory in a network namespace needs root"
need_packages samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools ldap-utils \
  libsasl2-modules-gssapi-mit krb5-user dnsutils smbclient iproute2 bc slapd openssl
need_namespaces

cargo test --locked --no-run --test directory_samba --test directory_slapd
samba_test=$(built directory_samba)
slapd_test=$(built directory_slapd)

MAKEEPER_SLAPD=1 timeout -k 10 180 "$slapd_test" --nocapture

ADDIR=$(mktemp -d)/ad ADNS=makeeper-dir
export ADDIR ADNS
rig=tests/rig/samba-ad.sh
trap '"$rig" down || true; rm -rf "${ADDIR%/ad}"' EXIT
# What a run that was killed left.
"$rig" down >/dev/null 2>&1 || true
"$rig" up > "$ADDIR.log" 2>&1 || { tail -n 3 "$ADDIR.log"; skip "Samba does not start here"; }
ip netns exec "$ADNS" /usr/bin/python3 tests/rig/samba_grow.py "$ADDIR/etc/smb.conf" 5000
# The account that is locked out: three wrong passwords, once that is forbidden.
ip netns exec "$ADNS" samba-tool domain passwordsettings set --account-lockout-threshold=3 -s "$ADDIR/etc/smb.conf" > /dev/null
for _ in 1 2 3 4; do
  LDAPTLS_CACERT="$ADDIR/private/tls/labca.pem" ip netns exec "$ADNS" \
    ldapwhoami -x -H ldaps://dc1.lab.example.test -D 'LAB\locked' -w wrong > /dev/null 2>&1 || true
done
# No more of it: the tests sign in wrongly themselves.
ip netns exec "$ADNS" samba-tool domain passwordsettings set --account-lockout-threshold=0 -s "$ADDIR/etc/smb.conf" > /dev/null
ip netns exec "$ADNS" timeout -k 10 180 env MAKEEPER_DIRECTORY="$ADDIR" KRB5_CONFIG="$ADDIR/krb5.conf" "$samba_test" --test-threads=1 --nocapture
