#!/usr/bin/python3
"""samba_grow.py SMB_CONF COUNT - grows the directory of samba-ad.sh, through Samba's own library: to COUNT computers, with an
organizational unit of 1,500 others, a group-managed service account, and accounts that may not sign in for every reason."""
import sys
import time

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

lp = LoadParm()
lp.load(sys.argv[1])
db = SamDB(session_info=system_session(), lp=lp)
base = str(db.domain_dn())


def ticks(seconds):
    return str(int((seconds + 11644473600) * 10_000_000))


def force(dn, attribute, value, control="provision:0"):
    message = ldb.Message.from_dict(db, {"dn": dn, attribute: value}, ldb.FLAG_MOD_REPLACE)
    db.modify(message, [control])


now = time.time()
have = len(db.search(base, expression="(objectCategory=computer)", attrs=["cn"]))
db.transaction_start()
db.create_ou(f"OU=Grown,{base}")
for i in range(int(sys.argv[2]) - have):
    name = f"GROWN{i:05d}"
    db.add({
        "dn": f"CN={name},OU=Grown,{base}",
        "objectClass": "computer",
        "sAMAccountName": f"{name}$",
        "userAccountControl": "4096",
        "dNSHostName": f"{name.lower()}.lab.example.test",
        "operatingSystem": "Windows 11 Enterprise",
        "operatingSystemVersion": "10.0 (22631)",
    })
db.add({
    "dn": f"CN=田中-PC,OU=Workstations,{base}",
    "objectClass": "computer",
    "sAMAccountName": "TANAKA-PC$",
    "userAccountControl": "4096",
    "operatingSystem": "Windows 10 Pro",
})
db.create_ou(f"OU=Many,{base}")
for i in range(1500):
    db.create_ou(f"OU=Branch {i:04d},OU=Many,{base}")
db.add({
    "dn": f"CN=gmsa1,CN=Managed Service Accounts,{base}",
    "objectClass": "msDS-GroupManagedServiceAccount",
    "sAMAccountName": "gmsa1$",
    "userAccountControl": "4096",
    "msDS-ManagedPasswordInterval": "30",
    "dNSHostName": "gmsa1.lab.example.test",
})
db.transaction_commit()

for name, password in [
    ("disabled", "Passw0rd!Off"),
    ("expired", "Passw0rd!Exp"),
    ("oldpassword", "Passw0rd!Old"),
    ("mustchange", "Passw0rd!New"),
    ("locked", "Passw0rd!Loc"),
]:
    db.newuser(name, password)
users = f"CN=Users,{base}"
force(f"CN=disabled,{users}", "userAccountControl", "514")
force(f"CN=expired,{users}", "accountExpires", ticks(now - 86400))
# Past the module that sets this time itself (DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID): its password is 400 days old.
force(f"CN=oldpassword,{users}", "pwdLastSet", ticks(now - 400 * 86400), "local_oid:1.3.6.1.4.1.7165.4.3.12:0")
force(f"CN=mustchange,{users}", "pwdLastSet", "0")
print(len(db.search(base, expression="(objectCategory=computer)", attrs=["cn"])), "computers after", round(time.time() - now), "s")
