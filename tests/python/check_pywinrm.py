"""Unmodified pywinrm against a simulated computer: raw SOAP through its sealed NTLM transport.

Reads one JSON object from standard input: host, port, user, password, key, version. Prints one JSON object.
"""

import json
import sys
import uuid
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/"

ENVELOPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:wsman="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
 xmlns:wsen="http://schemas.xmlsoap.org/ws/2004/09/enumeration"><s:Header>
<wsa:To>http://{host}:{port}/wsman</wsa:To>
<wsman:ResourceURI s:mustUnderstand="true">{resource}</wsman:ResourceURI>
<wsa:ReplyTo><wsa:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</wsa:Address></wsa:ReplyTo>
<wsa:Action s:mustUnderstand="true">{action}</wsa:Action>
<wsman:MaxEnvelopeSize s:mustUnderstand="true">153600</wsman:MaxEnvelopeSize>
<wsa:MessageID>uuid:{message}</wsa:MessageID>
<wsman:Locale xml:lang="en-US" s:mustUnderstand="false"/>
<wsman:OperationTimeout>PT60.000S</wsman:OperationTimeout>{selectors}</s:Header><s:Body>{body}</s:Body></s:Envelope>"""

IDENTIFY = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/><s:Body>
<wsmid:Identify/></s:Body></s:Envelope>"""


def protocol(lab, password=None):
    return Protocol(
        endpoint="http://%s:%d/wsman" % (lab["host"], lab["port"]),
        transport="ntlm",
        username=lab["user"],
        password=password or lab["password"],
        message_encryption="always",
        proxy=None,
    )


def local(tag):
    return tag.rsplit("}", 1)[-1]


def find(element, name):
    return next((e for e in element.iter() if local(e.tag) == name), None)


def message(lab, resource, action, body, selectors=""):
    return ENVELOPE.format(
        host=lab["host"],
        port=lab["port"],
        resource=resource,
        action=action,
        message=uuid.uuid4(),
        body=body,
        selectors=selectors,
    )


def install_key(lab, key):
    resource = WMI + "SoftwareLicensingService"
    body = (
        '<p:InstallProductKey_INPUT xmlns:p="%s"><p:ProductKey>%s</p:ProductKey></p:InstallProductKey_INPUT>'
        % (resource, key)
    )
    selectors = (
        '<wsman:SelectorSet><wsman:Selector Name="Version">%s</wsman:Selector></wsman:SelectorSet>' % lab["version"]
    )
    return message(lab, resource, resource + "/InstallProductKey", body, selectors)


def main():
    lab = json.load(sys.stdin)
    out = {}
    session = protocol(lab)
    out["identify"] = find(ET.fromstring(session.send_message(IDENTIFY)), "ProductVendor").text
    wql = "SELECT CSName, Caption FROM Win32_OperatingSystem WHERE BuildNumber <> '0'"
    enumerate_ = (
        "<wsen:Enumerate><wsman:OptimizeEnumeration/><wsman:MaxElements>50</wsman:MaxElements>"
        '<wsman:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">%s</wsman:Filter></wsen:Enumerate>'
        % escape(wql)
    )
    answer = session.send_message(
        message(lab, WMI + "*", "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate", enumerate_)
    )
    items = find(ET.fromstring(answer), "Items")
    out["row"] = {local(p.tag): p.text for p in items[0]}
    out["good_key"] = find(ET.fromstring(session.send_message(install_key(lab, lab["key"]))), "ReturnValue").text
    try:
        session.send_message(install_key(lab, "FKFKF-BCDFG-BCDFG-BCDFG-BCDFG"))
        out["bad_key"] = None
    except Exception as error:  # pywinrm has a class of its own for each kind of fault
        out["bad_key"] = {
            "class": type(error).__name__,
            "text": str(error),
            "data": {k: str(v) for k, v in getattr(error, "__dict__", {}).items()},
        }
    try:
        protocol(lab, password="wrong").send_message(IDENTIFY)
        out["wrong_password"] = "accepted"
    except InvalidCredentialsError as error:
        out["wrong_password"] = str(error)
    # A client that would send readable text after signing in is refused.
    plain = protocol(lab)
    plain.send_message(IDENTIFY)
    plain.transport.encryption = None
    try:
        plain.send_message(IDENTIFY)
        out["unsealed"] = "accepted"
    except WinRMTransportError as error:
        out["unsealed"] = str(error.code)
    json.dump(out, sys.stdout)


main()
