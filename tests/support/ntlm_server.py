#!/usr/bin/env python3
"""A WS-Management service whose sign-in and sealing are pyspnego's: something MAKeeper did not write.

Prints its port, then one line for each request: whether it carried a token, was sealed, was plain or was empty.
"""
import argparse
import base64
import hashlib
import os
import re
import socketserver
import ssl
import struct
import sys
import tempfile
from http.server import BaseHTTPRequestHandler
from xml.etree import ElementTree

import spnego
from spnego._ntlm_raw.crypto import ntowfv1
from spnego.channel_bindings import GssChannelBindings

NT_HASH = ntowfv1("$NTLM$:not-a-hash").hex()
ACCOUNTS = (f"LAB:alice:Lab-Passw0rd\n:Jürgen:Größe-1!\n:bob@lab.example:Lab-Passw0rd\n"
            f"LAB\\hash:1000:{'0' * 32}:{NT_HASH}:[U]:LCT-1589398321\n")
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
FAULT = """<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:InternalError</s:Value></s:Subcode></s:Code>
<s:Reason><s:Text xml:lang="en-US">The service cannot process the request.</s:Text></s:Reason><s:Detail>
<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="2150859010" Machine="pc"><f:Message>
<f:ProviderFault provider="WMI Provider"><f:WSManFault Code="%d"><f:Message>%s</f:Message></f:WSManFault></f:ProviderFault>
</f:Message></f:WSManFault></s:Detail></s:Fault>"""


def product(number, fragment):
    values = f"<Name>Product {number} Größe</Name><ProductKeyID xsi:nil='true'/><IP>1</IP><IP>2</IP>"
    if fragment:
        return f"<w:XmlFragment>{values}</w:XmlFragment>"
    typed = re.sub(r"<(/?)", r"<\1p:", values)
    return f"<p:X xmlns:p='urn:x'>{typed}</p:X>"


def answer(request, mode):
    """The canned answer to an envelope, and its HTTP status."""
    action = re.search(r"Action[^>]*>([^<]*)<", request)
    action = action.group(1).rsplit("/", 1)[1] if action else "Identify"
    relates = re.search(r"MessageID>([^<]*)<", request)
    relates = relates.group(1) if relates else ""
    if mode == "wrong-reply":
        relates = "uuid:00000000-0000-0000-0000-000000000000"
    status = 200
    if action == "Identify":
        body = ("<i:IdentifyResponse xmlns:i='urn:whatever'><i:ProductVendor>pyspnego</i:ProductVendor>"
                "<i:ProductVersion>1</i:ProductVersion></i:IdentifyResponse>")
    elif action == "Enumerate" and "Missing" in request:
        status, body = 500, FAULT % (0x80041010, "Invalid class ")
    elif action == "Enumerate" and mode == "small" and "MaxElements>1<" not in request:
        status, body = 500, FAULT.replace("w:InternalError", "w:EncodingLimit") % (2150859010, "too large")
    elif action == "Enumerate" and mode == "unsaid":  # neither an end nor a way on
        body = f"<n:EnumerateResponse><w:Items>{product(1, True)}</w:Items></n:EnumerateResponse>"
    elif action == "Enumerate" and mode == "nested":  # a context of elements, in a namespace declared around it
        body = (f"<n:EnumerateResponse xmlns:x='urn:x'><n:EnumerationContext><x:Id>1 &amp; 2</x:Id></n:EnumerationContext>"
                f"<w:Items>{product(1, True)}{product(2, True)}</w:Items></n:EnumerateResponse>")
    elif action == "Enumerate" and mode == "odd":  # ignores OptimizeEnumeration
        body = "<n:EnumerateResponse><n:EnumerationContext>uuid:1</n:EnumerationContext></n:EnumerateResponse>"
    elif action == "Enumerate":
        body = (f"<n:EnumerateResponse><n:EnumerationContext>uuid:1</n:EnumerationContext>"
                f"<w:Items>{product(1, True)}{product(2, True)}</w:Items></n:EnumerateResponse>")
    elif action == "Pull" and mode == "nested":
        context = ElementTree.fromstring(request).find(f".//{{{WSEN}}}EnumerationContext")
        assert [(e.tag, e.text) for e in context] == [("{urn:x}Id", "1 & 2")], request
        body = f"<n:PullResponse><n:Items>{product(3, False)}</n:Items><n:EndOfSequence/></n:PullResponse>"
    elif action == "Pull" and mode == "gap" and not answer.pulls:  # nothing yet, and nothing said
        answer.pulls += 1
        body = "<n:PullResponse><n:Items/></n:PullResponse>"
    elif action == "Pull" and mode in ("keep-context", "no-end"):  # the context of the Pull stays good
        answer.pulls += 1
        if answer.pulls < 3:
            body = f"<n:PullResponse><n:Items>{product(2 + answer.pulls, False)}</n:Items></n:PullResponse>"
        elif mode == "no-end":
            status, body = 500, FAULT.replace("w:InternalError", "n:InvalidEnumerationContext") % (2150858843, "gone")
        else:
            body = "<n:PullResponse><w:EndOfSequence/></n:PullResponse>"
    elif action == "Pull":
        assert "EnumerationContext>uuid:1<" in request
        body = f"<n:PullResponse><n:Items>{product(3, False)}</n:Items><n:EndOfSequence/></n:PullResponse>"
    elif action == "InstallProductKey" and "FKFKF" not in request:
        status, body = 500, FAULT % (0xC004F050, "The key is invalid.")
    else:
        value = {"RefreshLicenseStatus": "soon", "ReArmWindows": "-1073418124"}.get(action, "0")
        body = f"<m:{action}_OUTPUT xmlns:m='urn:m'><m:ReturnValue>{value}</m:ReturnValue></m:{action}_OUTPUT>"
    return status, (
        f"<?xml version='1.0'?><s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' xmlns:w='{WSMAN}' "
        f"xmlns:n='{WSEN}' xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing' "
        f"xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><s:Header><a:RelatesTo>{relates}</a:RelatesTo></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>")


answer.pulls = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served = 0

    def setup(self):
        super().setup()
        self.context = None

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        kind = "empty" if not body else "sealed" if b"Encrypted Boundary" in body else "plain"
        print(f"REQUEST {scheme or 'none'} {kind} {self.headers['Host']}", flush=True)
        if scheme.lower() == "basic":
            right = base64.b64decode(token).decode() == "LAB\\alice:Lab-Passw0rd"
            return self.envelope(body.decode()) if right else self.challenge()
        if token and ARGS.schemes.lower().find(scheme.lower()) >= 0:
            return self.sign_in(scheme, base64.b64decode(token))
        if self.context is None or not self.context.complete:
            return self.challenge()
        if ARGS.tls:
            return self.envelope(body.decode())
        size = body.index(b"octet-stream\r\n") + 14
        (length,) = struct.unpack("<I", body[size:size + 4])
        end = body.rindex(b"--Encrypted Boundary--")
        plain = self.context.unwrap_winrm(body[size + 4:size + 4 + length], body[size + 4 + length:end])
        assert f"Length={len(plain)}\r".encode() in body
        self.envelope(plain.decode())

    def challenge(self, scheme=None, token=None):
        if scheme and token:
            offers = [f"{scheme} {base64.b64encode(token).decode()}"]
        else:
            offers = ARGS.schemes.split(",")
        headers = [("www-authenticate", ", ".join(offers))] if ARGS.mode == "odd" else [
            ("WWW-Authenticate", offer) for offer in offers]
        self.reply(401, headers, b"" if token else b"<html>401 - Unauthorized</html>", "text/html")

    def sign_in(self, scheme, token):
        if ARGS.mode == "no-tokens" or ARGS.mode == "spnego-only" and token.startswith(b"NTLMSSP"):
            print("REFUSED raw token", flush=True)
            return self.challenge()
        if self.context is None:
            self.context = spnego.server(protocol=ARGS.protocol)
        binding = None
        if ARGS.tls:
            der = ssl.PEM_cert_to_DER_cert(open(ARGS.tls + ".pem").read())
            der = b"another certificate" if ARGS.mode == "relayed" else der
            binding = GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())
        try:
            out = self.context.step(token, channel_bindings=binding)
        except Exception as error:  # a wrong password, or a token of the other form
            print(f"REFUSED {type(error).__name__}", flush=True)
            self.context = None
            return self.challenge()
        if not self.context.complete:
            return self.challenge(scheme, out)
        print(f"USER {self.context.client_principal}", flush=True)
        headers = [("WWW-Authenticate", f"{scheme} {base64.b64encode(out).decode()}")] if out else []
        self.reply(200, headers, b"", "application/soap+xml")

    def envelope(self, request):
        status, text = answer(request, ARGS.mode)
        plain = text.encode("utf-16" if ARGS.mode == "odd" else "utf-8")
        content_type = "application/soap+xml;charset=UTF-8"
        Handler.served += 1
        if ARGS.mode == "drop-once" and Handler.served == 2:
            self.close_connection = True
            return
        if ARGS.mode == "close-midway":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf")
            self.close_connection = True
            return
        if ARGS.mode == "close-each":
            self.close_connection = True
        if ARGS.mode == "silent" or ARGS.mode == "silent-once" and Handler.served == 1:
            self.rfile.read(1)
            return
        if ARGS.mode == "html":
            return self.reply(200, [], b"<html><h1>Proxy error</h1></html>", "text/html")
        if not ARGS.tls and ARGS.mode != "plaintext":
            plain = self.seal(plain)
            content_type = ('multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";'
                            'boundary="Encrypted Boundary"')
        self.reply(status, [("Connection", "close")] * self.close_connection, plain, content_type)

    def seal(self, plain):
        sealed = self.context.wrap_winrm(plain)
        data = bytearray(sealed.data)
        if ARGS.mode == "tampered":
            data[len(data) // 2] ^= 1
        length = len(plain) + (1 if ARGS.mode == "wrong-length" else 0)
        mark = "-- Encrypted Boundary" if ARGS.mode == "odd" else "--Encrypted Boundary"
        return (f"{mark}\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
                f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n"
                f"{mark}\r\n\tContent-Type: application/octet-stream\r\n").encode() + struct.pack(
                    "<I", len(sealed.header)) + sealed.header + bytes(data) + f"{mark}--\r\n".encode()

    def reply(self, status, headers, body, content_type):
        self.send_response(status)
        for name, value in [*headers, ("content-type", content_type)]:
            self.send_header(name, value)
        if ARGS.mode == "odd":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for start in range(0, len(body), 700):
                piece = body[start:start + 700]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        print("ERROR", repr(sys.exc_info()[1]), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", choices=["ntlm", "negotiate", "kerberos"], default="negotiate")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--mode", default="normal")
    parser.add_argument("--schemes", default="Negotiate")
    parser.add_argument("--tls", default="", help="certificate and key without .pem and .key")
    ARGS = parser.parse_args()
    with tempfile.NamedTemporaryFile("w", suffix=".accounts", encoding="utf-8") as accounts:
        accounts.write(ACCOUNTS)
        accounts.flush()
        os.environ["NTLM_USER_FILE"] = accounts.name
        server = Server((ARGS.address, 0), Handler)
        if ARGS.tls:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(ARGS.tls + ".pem", ARGS.tls + ".key")
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        print("PORT", server.server_address[1], flush=True)
        server.serve_forever()
