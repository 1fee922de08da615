"""Unmodified pypsrp against a simulated computer: enumerate with WQL, pull, invoke, faults, a wrong password.

Reads one JSON object from standard input: host, port, user, password, key, version. Prints one JSON object.
"""

import json
import sys
import xml.etree.ElementTree as ET

from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.wsman import NAMESPACES, SelectorSet, WSMan

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/"
WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WSM = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"


def connect(lab, auth, password=None):
    return WSMan(
        lab["host"],
        port=lab["port"],
        ssl=False,
        auth=auth,
        encryption="always",
        username=lab["user"],
        password=password or lab["password"],
        no_proxy=True,
    )


def local(tag):
    return tag.rsplit("}", 1)[-1]


def find(element, name):
    return next((e for e in element.iter() if local(e.tag) == name), None)


def query(wsman, wql, batch):
    """Every row of a WQL query, as dictionaries; None stands for NULL."""
    enumerate_ = ET.Element("{%s}Enumerate" % WSEN)
    ET.SubElement(enumerate_, "{%s}OptimizeEnumeration" % WSM)
    ET.SubElement(enumerate_, "{%s}MaxElements" % WSM).text = str(batch)
    ET.SubElement(enumerate_, "{%s}Filter" % WSM, Dialect=WQL).text = wql
    answer = wsman.enumerate(WMI + "*", enumerate_)
    rows, exchanges = [], 0
    while True:
        exchanges += 1
        items = find(answer, "Items")
        for item in items if items is not None else []:
            row = {}
            for prop in item:
                nil = prop.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"
                row[local(prop.tag)] = None if nil else "".join(prop.itertext())
            rows.append(row)
        if find(answer, "EndOfSequence") is not None:
            return rows, exchanges
        pull = ET.Element("{%s}Pull" % WSEN)
        ET.SubElement(pull, "{%s}EnumerationContext" % WSEN).text = find(answer, "EnumerationContext").text
        ET.SubElement(pull, "{%s}MaxElements" % WSEN).text = str(batch)
        answer = wsman.pull(WMI + "*", pull)


def install_key(wsman, version, key):
    """The ReturnValue, or the fault."""
    resource = WMI + "SoftwareLicensingService"
    selectors = SelectorSet()
    selectors.add_option("Version", version)
    call = ET.Element("{%s}InstallProductKey_INPUT" % resource)
    ET.SubElement(call, "{%s}ProductKey" % resource).text = key
    answer = wsman.invoke(resource + "/InstallProductKey", resource, call, selector_set=selectors)
    return find(answer, "ReturnValue").text


def main():
    lab = json.load(sys.stdin)
    out = {}
    for auth in ("negotiate", "ntlm"):
        with connect(lab, auth) as wsman:
            rows, exchanges = query(wsman, "SELECT * FROM Win32_OperatingSystem", 5)
            out[auth] = rows[0]["CSName"]
    with connect(lab, "negotiate") as wsman:
        rows, exchanges = query(
            wsman, "SELECT Name, ID, PartialProductKey, LicenseStatus FROM SoftwareLicensingProduct", 7
        )
        out["licenses"], out["exchanges"] = len(rows), exchanges
        keyed = "SELECT PartialProductKey, LicenseStatus FROM SoftwareLicensingProduct WHERE PartialProductKey <> null"
        out["before"] = query(wsman, keyed, 50)[0]
        try:
            install_key(wsman, lab["version"], "FKFKF-BCDFG-BCDFG-BCDFG-BCDFG")
            out["bad_key"] = None
        except WSManFaultError as fault:
            out["bad_key"] = {"code": fault.code, "provider_fault": fault.provider_fault, "reason": fault.reason}
        out["good_key"] = install_key(wsman, lab["version"], lab["key"])
        out["after"] = query(wsman, keyed, 50)[0]
        try:
            query(wsman, "SELECT NoSuchProperty FROM SoftwareLicensingProduct", 5)
            out["bad_query"] = None
        except WSManFaultError as fault:
            out["bad_query"] = fault.code
    try:
        with connect(lab, "negotiate", password="wrong") as wsman:
            query(wsman, "SELECT * FROM Win32_OperatingSystem", 5)
        out["wrong_password"] = "accepted"
    except AuthenticationError as error:
        out["wrong_password"] = str(error)
    json.dump(out, sys.stdout)


main()
