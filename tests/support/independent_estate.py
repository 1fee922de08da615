#!/usr/bin/env python3
"""Four stateful Windows computers and a batch activation service, written from the public specifications alone.

It shares no code and no habits with MAKeeper: what the specifications leave open is answered differently on each
computer. Prints "NAME PORT" for each, then "ready". The file ESTATE_LOG gets a line for each method called and each activation
question. Ends with its standard input.
"""
import base64
import hashlib
import hmac
import os
import re
import ssl
import struct
import sys
import tempfile
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import spnego
from spnego.channel_bindings import GssChannelBindings

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ENUM = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
CIM = "http://schemas.dmtf.org/wbem/wscim/1/common"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/"
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
OFFICE_2010 = "59a52881-a989-479d-af46-f275c6370663"
REQUEST = "{http://www.microsoft.com/DRM/SL/BatchActivationRequest/1.0}"
SERVICE = "http://www.microsoft.com/BatchActivationService"
MAC_KEY = bytes.fromhex("fe319875fb4884869cf3f1ce99a89064ab571fca470450583024e214628779a0")
PASSWORD = os.environ["ESTATE_PASSWORD"]
LOG, LOG_LOCK = open(os.environ["ESTATE_LOG"], "w", buffering=1, encoding="utf-8"), threading.Lock()

# Invented keys of the 2005 form, which has no checksum; nobody but this file takes them.
MAK, MAK_7, MAK_OFFICE = "FKFKF-WWWWW-MMMMM-KKKKK-22223", "FKFKF-WWWWW-77777-KKKKK-22227", "FKFKF-FFFFF-CCCCC-KKKKK-22222"
BLOCKED = "FKFKF-BXXXX-BBBBB-KKKKK-22226"
BLOCKED_GROUP = "04666"
# Microsoft's published client setup keys.
GVLK_7, GVLK_10 = "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4", "W269N-WFGWX-YVC9B-4J6C9-T83GX"

OLD = """ID Name Description ApplicationID LicenseFamily LicenseStatus LicenseStatusReason GracePeriodRemaining
EvaluationEndDate OfflineInstallationId PartialProductKey ProductKeyID LicenseIsAddon GenuineStatus
KeyManagementServiceMachine KeyManagementServicePort DiscoveredKeyManagementServiceMachineName
DiscoveredKeyManagementServiceMachinePort IsKeyManagementServiceMachine""".split()
NEW = OLD + """ProductKeyChannel VLActivationType VLActivationTypeEnabled ADActivationObjectName ADActivationObjectDN
ADActivationCsvlkPid ADActivationCsvlkSkuId""".split()


def digits(seed, groups, size):
    """Invented digits, each group ending in its check digit."""
    stream = hashlib.shake_256(seed.encode()).digest(groups * size)
    text = ""
    for at in range(0, groups * size, size):
        group = [b % 10 for b in stream[at:at + size - 1]]
        text += "".join(map(str, group)) + str(sum(d * (1 + i % 2) for i, d in enumerate(group)) % 7)
    return text


def seen(*what):
    with LOG_LOCK:
        LOG.write(" ".join(what) + "\n")


class Refusal(Exception):
    def __init__(self, code, words, subcode="w:InternalError", method=False):
        super().__init__(words)
        self.code, self.words, self.subcode, self.method = code, words, subcode, method


class Computer:
    def __init__(self, name, version, skus, **style):
        self.name, self.version, self.skus, self.lock, self.contexts = name, version, skus, threading.RLock(), {}
        self.family = OLD if version < "6.2" and not version.startswith("10") else NEW
        self.style = dict(fault="wmi", returns=None, batch=50, optimize=True, soap="s", mark="--Encrypted Boundary",
                          bom=False, chunked=False, slow=False, late=False, tls=None, lacks=()) | style
        for sku in skus:
            sku.update(status=0, reason=0xC004F014, grace=0, pid=None, iid=None, last5=None)
            if sku["has"]:
                self.carry(sku, sku["has"])
                sku.update(status=5, reason=0xC004F009, grace=0)

    def carry(self, sku, key):
        for other in self.skus:
            if other["app"] == sku["app"]:
                other.update(status=0, reason=0xC004F014, grace=0, pid=None, iid=None, last5=None)
        serial = int(hashlib.sha256(key.encode()).hexdigest()[:6], 16)
        group = BLOCKED_GROUP if key == BLOCKED else sku["group"]
        sku.update(last5=key[-5:], status=2, reason=0x4004F00C, grace=43200,
                   pid=f"03612-{group}-{serial // 10**6:03}-{serial % 10**6:06}-03-1031-{self.version.split('.')[2]}.0000-3242026",
                   iid=digits(self.name + key, 9, 6 if self.family is OLD or sku["app"] == OFFICE_2010 else 7))

    def rows(self, name):
        """The class as the repository spells it, with its rows; nothing where it is absent."""
        known = {c.lower(): c for c in ("SoftwareLicensingService", "SoftwareLicensingProduct", "Win32_OperatingSystem",
                                        "Win32_ComputerSystem", "Win32_NetworkAdapterConfiguration",
                                        "OfficeSoftwareProtectionService", "OfficeSoftwareProtectionProduct")}
        name = known.get(name.lower())
        office = name is not None and name.startswith("Office")
        if name is None or name in self.style["lacks"] or office and all(s["app"] == WINDOWS for s in self.skus):
            return None
        if name.endswith("Product"):
            return name, [self.product(s) for s in self.skus if (s["app"] == OFFICE_2010) == office]
        if name.endswith("Service"):
            return name, [dict(Version="14.0.370.400" if office else self.version, ClientMachineID=str(uuid.uuid4()),
                               KeyManagementServiceMachine=None, KeyManagementServicePort=0, IsKeyManagementServiceMachine=0)]
        if name == "Win32_OperatingSystem":
            return name, [dict(Caption="Microsoft Windows für Prüfer ", Version=".".join(self.version.split(".")[:3]),
                               OperatingSystemSKU=48, MUILanguages=["de-DE", "en-US"])]
        if name == "Win32_ComputerSystem":
            return name, [dict(Name=self.name.upper(), DNSHostName=self.name, Domain="WERKSTATT", PartOfDomain=False,
                               Workgroup="WERKSTATT", Model="<VM> & Söhne")]
        return name, [dict(MACAddress=None, IPEnabled=False), dict(MACAddress="02:00:5E:00:53:01", IPEnabled=True)]

    def product(self, sku):
        row = dict.fromkeys(self.family)
        row.update(ID=sku["id"], Name=sku["name"], Description=f"Windows(R) Operating System, VOLUME_{sku['kind']} channel",
                   ApplicationID=sku["app"], LicenseFamily="Professional", LicenseStatus=sku["status"],
                   LicenseStatusReason=sku["reason"], GracePeriodRemaining=sku["grace"], LicenseIsAddon=False,
                   EvaluationEndDate="1601-01-01T00:00:00+01:00", OfflineInstallationId=sku["iid"],
                   PartialProductKey=sku["last5"], ProductKeyID=sku["pid"], GenuineStatus=0, KeyManagementServicePort=0)
        return {k: v for k, v in row.items() if k in self.family}

    def refuse(self, code, words):
        raise Refusal(code, words, method=True)

    def licensed(self, sku):
        if self.style["late"]:
            sku["pending"] = True
        else:
            sku.update(status=1, reason=0, grace=0)

    def call(self, name, method, selectors, values):
        seen(self.name, method)
        if name == "StdRegProv":
            assert not selectors and values["hDefKey"] == "2147483650"
            return {"ReturnValue": 2}
        found = self.rows(name)
        key = "ID" if name.endswith("Product") else "Version"
        row = [r for r in found[1] if selectors == {key: r[key]}] if found else []
        if not row:
            raise Refusal(0x8033805B, "invalid selectors", "w:InvalidSelectors")
        if method == "InstallProductKey":
            for sku in self.skus:
                if values["ProductKey"] in sku["takes"] and name.startswith("Office") == (sku["app"] == OFFICE_2010):
                    return self.carry(sku, values["ProductKey"])
            self.refuse(0xC004F050, "Der Product Key ist ungültig.")
        if method == "RefreshLicenseStatus":
            for sku in self.skus:
                if sku.pop("pending", None):
                    sku.update(status=1, reason=0, grace=0)
            return None
        sku = next(s for s in self.skus if s["id"] == row[0]["ID"])
        if method == "DepositOfflineConfirmationId":
            if values["InstallationId"] != sku["iid"] or values["ConfirmationId"] != digits("CID" + sku["iid"], 8, 6):
                self.refuse(0xC004F031, "Die Bestätigungs-ID passt nicht.")
            return self.licensed(sku)
        if method == "Activate" and self.style["slow"]:
            # The computer answers before it has done it, as WinRM does after MaxTimeoutms.
            threading.Timer(0.8, self.licensed, [sku]).start()
            raise Refusal(0x80338029, "Zeitüberschreitung", "w:TimedOut")
        if method == "Activate":
            self.refuse(0x80072EE7, "Der Servername konnte nicht aufgelöst werden.")
        raise Refusal(0x8004102F, "invalid method", "a:ActionNotSupported")


def condition(text, names):
    """WHERE of the few forms a client needs: comparisons joined by AND and OR."""
    def one(part):
        found = re.fullmatch(r"\s*(\w+)\s*(<>|=|IS NOT|IS)\s*('[^']*'|\"[^\"]*\"|\w+)\s*", part, re.I)
        if not found or found[1].lower() not in names:
            raise Refusal(0x80041017, "invalid query")
        name, wanted = names[found[1].lower()], found[3].strip("'\"").lower()
        same = lambda row: ("null" if row[name] is None else str(row[name]).lower()) == wanted
        return same if found[2].upper() in ("=", "IS") else lambda row: not same(row)
    either = [[one(p) for p in re.split(r"\bAND\b", alternative, flags=re.I)] for alternative in re.split(r"\bOR\b", text, flags=re.I)]
    return lambda row: any(all(test(row) for test in tests) for tests in either)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.context, self.pc = None, self.server.computer

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", kind="application/soap+xml;charset=UTF-8", offer=None):
        self.send_response(status)
        for value in [offer] if offer else ["Kerberos", "Negotiate"] if status == 401 else []:
            self.send_header("WWW-Authenticate", value)
        self.send_header("Content-Type", kind)
        chunked = self.server.computer is not None and self.pc.style["chunked"] and body
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))))
        self.end_headers()
        for at in range(0, len(body), 999) if chunked else []:
            piece = body[at:at + 999]
            self.wfile.write(b"%X;ext=1\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n" if chunked else body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers.get("Authorization", "").partition(" ")[2]
        if token:
            try:
                if self.context is None or self.context.complete:
                    binding = self.server.binding and GssChannelBindings(application_data=self.server.binding)
                    self.context = spnego.server(protocol="negotiate", channel_bindings=binding)
                answer = self.context.step(base64.b64decode(token))
            except Exception:  # whatever pyspnego thinks of it: refused
                self.context = None
                return self.reply(401)
            status = 200 if self.context.complete else 401
            return self.reply(status, offer="Negotiate " + base64.b64encode(answer).decode() if answer else "Negotiate")
        if self.context is None or not self.context.complete:
            return self.reply(401)
        if not self.pc.style["tls"]:
            head, _, sealed = body.partition(b"application/octet-stream\r\n")
            size = struct.unpack("<I", sealed[:4])[0]
            plain = self.context.unwrap_winrm(sealed[4:4 + size], sealed[4 + size:-len(b"--Encrypted Boundary--\r\n")])
            assert len(plain) == int(re.search(rb"Length=(\d+)", head)[1])
            body = plain
        status, text = self.answer(ElementTree.fromstring(body))
        plain = (b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\r\n" if self.pc.style["bom"] else b"") + text.encode()
        if self.pc.style["tls"]:
            return self.reply(status, plain)
        sealed, mark = self.context.wrap_winrm(plain), self.pc.style["mark"]
        kind = "application/HTTP-SPNEGO-session-encrypted"
        head = (f"{mark}\r\n\tContent-Type: {kind}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;"
                f"Length={len(plain)}\r\n{mark}\r\n\tContent-Type: application/octet-stream\r\n").encode()
        self.reply(status, head + struct.pack("<I", len(sealed.header)) + sealed.header + sealed.data + f"{mark}--\r\n".encode(),
                   f'multipart/encrypted;protocol="{kind}";boundary="Encrypted Boundary"')

    def answer(self, envelope):
        header = {e.tag.split("}")[1]: e for e in envelope.find(f"{{{SOAP}}}Header")}
        action, uri = header["Action"].text, header["ResourceURI"].text
        body = envelope.find(f"{{{SOAP}}}Body")[0]
        selectors = {e.get("Name"): e.text for e in header.get("SelectorSet", ())}
        status = 200
        try:
            assert header["To"].text and int(header["MaxEnvelopeSize"].text) >= 8192
            if action == ENUM + "/Enumerate":
                inner = self.enumerate(uri, body)
            elif action == ENUM + "/Pull":
                inner = self.pull(uri, body.findtext(f"{{{ENUM}}}EnumerationContext"))
            else:
                name, method = uri.rsplit("/", 1)[1], action.removeprefix(uri + "/")
                assert body.tag == f"{{{uri}}}{method}_INPUT"
                inner = self.invoke(uri, name, method, selectors, {e.tag.split("}")[1]: e.text or "" for e in body})
        except Refusal as refusal:
            status, inner = 500, self.fault(refusal)
        s = self.pc.style["soap"]
        q, declared = (s + ":", f"xmlns:{s}='{SOAP}'") if s else ("", f"xmlns='{SOAP}'")
        inner = re.sub(r"(?<=[</>])s:", q, inner)
        return status, (f"<{q}Envelope {declared} xmlns:a='{WSA}' xmlns:n='{ENUM}' xmlns:w='{WSMAN}' xmlns:xsi='{XSI}' xmlns:cim='{CIM}'>"
                        f"<{q}Header><!-- . --><x:Seq xmlns:x='urn:x' {q}mustUnderstand='false'>1</x:Seq><a:RelatesTo>{header['MessageID'].text}</a:RelatesTo>"
                        f"<a:Action>{action}Response</a:Action></{q}Header><{q}Body>{inner}</{q}Body></{q}Envelope>")

    def fault(self, refusal):
        code, subcode, detail = refusal.code, refusal.subcode, ""
        if self.pc.style["fault"] == "wmi" and not 0x80338000 <= code <= 0x80338FFF:
            detail = (f"<m:MSFT_WmiError xmlns:m='{CIMV2}MSFT_WmiError'><m:CIMStatusCode xsi:type='cim:cimUnsignedInt'>1</m:CIMStatusCode>"
                      f"<m:Message>{escape(refusal.words)}</m:Message><m:MessageID>HRESULT 0x{code:08x}</m:MessageID>"
                      f"<m:OwningEntity xsi:nil='true'/></m:MSFT_WmiError>")
        else:
            # WinRM's own words for what WMI said of a query; WMI's code stays with it.
            code, subcode = {0x80041010: (0x80338000, "a:DestinationUnreachable"),
                             0x80041017: (0x8033801A, "n:CannotProcessFilter")}.get(code, (code, subcode))
            detail = f"<f:WSManFault xmlns:f='{FAULT}' Code='{code}' Machine='{self.pc.name}'><f:Message>{escape(refusal.words)} </f:Message></f:WSManFault>"
        return (f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
                f"<s:Reason><s:Text xml:lang='de-DE'>{escape(refusal.words)}</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>")

    @classmethod
    def element(cls, tag, name, value):
        if isinstance(value, list):
            return "".join(cls.element(tag, name, v) for v in value)
        if value is None:
            return f"<{tag} xsi:nil='true'/>"
        text = str(value).lower() if isinstance(value, bool) else escape(str(value))
        return f"<{tag}><cim:Datetime>{text}</cim:Datetime></{tag}>" if name.endswith("Date") else f"<{tag}>{text}</{tag}>"

    def enumerate(self, uri, body):
        assert uri == CIMV2 + "*"
        query = body.find(f"{{{WSMAN}}}Filter").text
        columns, name, where = re.fullmatch(r"SELECT (.+?) FROM (\w+)(?: WHERE (.+))?", query, re.S | re.I).groups()
        with self.pc.lock:
            found = self.pc.rows(name)
            if found is None:
                raise Refusal(0x80041010, "Ungültige Klasse")
            name, rows = found
            names = {p.lower(): p for p in rows[0]}
            asked = [c.strip() for c in columns.split(",")]
            if any(c != "*" and c.lower() not in names for c in asked):
                raise Refusal(0x80041017, "Ungültige Abfrage")
            rows = [row for row in rows if not where or condition(where, names)(row)]
        if asked == ["*"]:
            items = [f"<p:{name} xmlns:p='{CIMV2}{name}' xsi:type='p:{name}_Type'>" + "".join(
                self.element("p:" + k, k, row[k]) for k in sorted(row)) + f"</p:{name}>" for row in rows]
        else:
            items = ["<w:XmlFragment xmlns=''>" + "".join(self.element(k, k, row[k]) for k in sorted(names[c.lower()] for c in asked))
                     + "</w:XmlFragment>" for row in rows]
        if not self.pc.style["optimize"]:
            return f"<n:EnumerateResponse>{self.remember(uri, items)}</n:EnumerateResponse>"
        first, rest = items[:self.pc.style["batch"]], items[self.pc.style["batch"]:]
        return (f"<n:EnumerateResponse>{self.remember(uri, rest) if rest else '<n:EnumerationContext/>'}<w:Items>{''.join(first)}</w:Items>"
                f"{'' if rest else '<w:EndOfSequence/>'}</n:EnumerateResponse>")

    def remember(self, uri, items):
        context = f"uuid:{uuid.uuid4()}&{len(items)}"
        self.pc.contexts[context] = uri, items
        return f"<n:EnumerationContext>{escape(context)}</n:EnumerationContext>"

    def pull(self, uri, context):
        known, items = self.pc.contexts.pop(context)
        assert known == uri
        first, rest = items[:self.pc.style["batch"]], items[self.pc.style["batch"]:]
        end = self.remember(uri, rest) if rest else ""
        return f"<n:PullResponse>{end}<n:Items>{''.join(first)}</n:Items>{'' if rest else '<n:EndOfSequence/>'}</n:PullResponse>"

    def invoke(self, uri, name, method, selectors, values):
        with self.pc.lock:
            try:
                out = self.pc.call(name, method, selectors, values) or {"ReturnValue": 0}
            except Refusal as refusal:
                if not refusal.method or self.pc.style["returns"] != "signed":
                    raise
                out = {"ReturnValue": refusal.code - 2**32}
        inner = "".join(f"<z:{k} xsi:type='cim:cimUnsignedInt'>{v}</z:{k}>" for k, v in out.items())
        return f"<z:{method}_OUTPUT xmlns:z='{uri}'>{inner}</z:{method}_OUTPUT>"


class Activation(BaseHTTPRequestHandler):
    """The batch activation service: checks the digest, counts each key's activations down from 50."""
    protocol_version, used, answers = "HTTP/1.1", {}, 0

    def log_message(self, *_):
        pass

    def do_POST(self):
        envelope = ElementTree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["SOAPAction"].strip('"') == SERVICE + "/BatchActivate"
        message = base64.b64decode(envelope.findtext(f".//{{{SERVICE}}}RequestXml"), validate=True)
        digest = base64.b64encode(hmac.new(MAC_KEY, message, hashlib.sha256).digest()).decode()
        assert digest == envelope.findtext(f".//{{{SERVICE}}}Digest")
        inner = ElementTree.fromstring(message.decode("utf-16-le"))
        kind, told = inner.findtext(REQUEST + "RequestType"), ""
        for request in inner.iter(REQUEST + "Request"):
            pid, iid = request.findtext(REQUEST + "PID"), request.findtext(REQUEST + "IID")
            seen("service", kind, pid)
            pool = pid[6:22]
            told += f"<r:Response><r:Vendor/><r:PID>{pid}</r:PID>"
            if pid[6:11] == BLOCKED_GROUP:
                told += "<r:ErrorInfo><r:ErrorCode>0x67</r:ErrorCode></r:ErrorInfo>"
            elif kind == "1":
                self.used[pool] = self.used.get(pool, 0) + 1
                told += f"<r:CID>{digits('CID' + iid, 8, 6)}</r:CID><r:IID>{iid}</r:IID><r:ActivationRemaining>-1</r:ActivationRemaining>"
            else:
                told += f"<r:ActivationRemaining> {50 - self.used.get(pool, 0)} </r:ActivationRemaining>"
            told += "</r:Response>"
        document = (f"<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<r:ActivationResponse xmlns:r='{REQUEST[1:-1].replace('Request', 'Response')}'>"
                    f"<r:VersionNumber>1.0</r:VersionNumber><r:ResponseType>{kind}</r:ResponseType><r:BatchId>{{{uuid.uuid4()}}}</r:BatchId>"
                    f"<r:Responses>{told}</r:Responses></r:ActivationResponse>")
        Activation.answers += 1
        text = f"<![CDATA[{document}]]>" if Activation.answers % 2 else escape(document)
        body = (f"<?xml version='1.0' encoding='utf-8'?><E:Envelope xmlns:E='http://schemas.xmlsoap.org/soap/envelope/'><E:Body>"
                f"<BatchActivateResponse xmlns='{SERVICE}'><BatchActivateResult><Extra/><ResponseXml>{text}</ResponseXml>"
                f"</BatchActivateResult></BatchActivateResponse></E:Body></E:Envelope>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def sku(name, kind, group, takes, has=None, app=WINDOWS):
    return dict(id=str(uuid.uuid5(uuid.NAMESPACE_URL, name + kind)), name=name, kind=kind, group=group, takes=takes, has=has, app=app)


def windows(mak=MAK, gvlk=GVLK_10):
    return [sku("Windows(R), Professional edition", "KMSCLIENT", "03311", [gvlk], gvlk),
            sku("Windows(R), Professional edition", "MAK", "04217", [mak, BLOCKED])]


COMPUTERS = [
    Computer("alt7", "6.1.7601.17514", windows(MAK_7, GVLK_7), fault="wsman", batch=1, optimize=False, mark="-- Encrypted Boundary"),
    Computer("elf", "10.0.26100.1742", windows(), fault="wsman", slow=True, batch=1, soap="", bom=True, chunked=True,
             lacks=("Win32_NetworkAdapterConfiguration",)),
    Computer("srv19", "10.0.17763.6189", windows() + [sku("Office 14, OfficeProPlus-MAK edition", "MAK", "01700", [MAK_OFFICE], MAK_OFFICE, OFFICE_2010)],
             returns="signed", late=True, soap="env"),
    Computer("sicher", "10.0.19045.4717", windows(), tls=sys.argv[1:3]),
]

if __name__ == "__main__":
    with tempfile.NamedTemporaryFile("w", suffix=".users", encoding="utf-8") as users:
        users.write("".join(f"{domain}:prüfer:{PASSWORD}\n" for domain in ("", "WERKSTATT")))
        users.flush()
        os.environ["NTLM_USER_FILE"] = users.name
        for computer, handler in [*((c, Handler) for c in COMPUTERS), (None, Activation)]:
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            server.daemon_threads, server.computer, server.binding = True, computer, None
            if computer and computer.style["tls"]:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*computer.style["tls"])
                server.socket = context.wrap_socket(server.socket, server_side=True)
                der = ssl.PEM_cert_to_DER_cert(open(computer.style["tls"][0], encoding="ascii").read())
                server.binding = b"tls-server-end-point:" + hashlib.sha256(der).digest()
            threading.Thread(target=server.serve_forever, daemon=True).start()
            print(computer.name if computer else "service", server.server_address[1], flush=True)
        print("ready", flush=True)
        sys.stdin.read()
