"""What "update license status" asks, asked by pypsrp in a pool of threads.

Reads an order from standard input: user, password, threads, computers ([host, port]). Prints wall and CPU time in seconds.
"""

import json
import resource
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

from pypsrp.exceptions import WSManFaultError
from pypsrp.wsman import WSMan

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*"
WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WSM = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
PRODUCT = ("ID, ApplicationID, Name, Description, LicenseFamily, LicenseIsAddon, PartialProductKey, ProductKeyID, "
           "OfflineInstallationId, LicenseStatus, GracePeriodRemaining, LicenseStatusReason")
QUERIES = [
    "SELECT Version, ClientMachineID FROM SoftwareLicensingService",
    f"SELECT {PRODUCT} FROM SoftwareLicensingProduct WHERE PartialProductKey <> null",
    "SELECT Version, ClientMachineID FROM OfficeSoftwareProtectionService",
    "SELECT Caption, Version, OperatingSystemSKU FROM Win32_OperatingSystem",
    "SELECT Name, DNSHostName, Domain, PartOfDomain, Workgroup FROM Win32_ComputerSystem",
    "SELECT MACAddress FROM Win32_NetworkAdapterConfiguration WHERE IPEnabled = TRUE",
]
ORDER = json.load(sys.stdin)


def local(tag):
    return tag.rsplit("}", 1)[-1]


def find(element, name):
    return next((e for e in element.iter() if local(e.tag) == name), None)


def query(wsman, wql):
    enumerate_ = ET.Element("{%s}Enumerate" % WSEN)
    ET.SubElement(enumerate_, "{%s}OptimizeEnumeration" % WSM)
    ET.SubElement(enumerate_, "{%s}MaxElements" % WSM).text = "50"
    ET.SubElement(enumerate_, "{%s}Filter" % WSM, Dialect=WQL).text = wql
    answer = wsman.enumerate(WMI, enumerate_)
    rows = []
    while True:
        items = find(answer, "Items")
        for item in items if items is not None else []:
            rows.append({local(prop.tag): "".join(prop.itertext()) for prop in item})
        if find(answer, "EndOfSequence") is not None:
            return rows
        pull = ET.Element("{%s}Pull" % WSEN)
        ET.SubElement(pull, "{%s}EnumerationContext" % WSEN).text = find(answer, "EnumerationContext").text
        answer = wsman.pull(WMI, pull)


def ask(computer):
    host, port = computer
    try:
        with WSMan(host, port=port, ssl=False, auth="negotiate", encryption="always", username=ORDER["user"],
                   password=ORDER["password"], no_proxy=True) as wsman:
            rows = 0
            for wql in QUERIES:
                try:
                    rows += len(query(wsman, wql))
                except WSManFaultError:  # no Office service there
                    pass
            return rows > 0
    except Exception as error:
        print(repr(error), file=sys.stderr)
        return False


began = time.monotonic()
with ThreadPoolExecutor(ORDER["threads"]) as pool:
    answers = list(pool.map(ask, ORDER["computers"]))
wall = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"succeeded": sum(answers), "wall": wall, "cpu": usage.ru_utime + usage.ru_stime}))
