#!/usr/bin/python3
"""Who comes in with which certificate: for each that must not, the alert or error the peer gets, whether it waits for it
or talks on, and the sentence in the log; and beside them those that must come in.

usage: test_certificates.py BUILD [--only WORDS] [--seed N]
"""
import os
import ssl
import time

from bad_certs import (SERVER, UNKNOWN_CRITICAL, Forger, PssAuthority, raw_oin, small_key)
from bad_scene import COUNSELLOR, REVOKED, Judge, Scene, pb
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from process_testing import Test, need, wait_until
from skp_wire import Session

OIN = [COUNSELLOR]
COME_IN = "comes in"


def make_cases(forger, pki, extra):
    """(what, files, what the peer gets, words in the log). Alerts are named as OpenSSL's error strings name them."""
    people = os.path.join(pki, "participants")

    def known(oin, use):
        name = os.path.join(people, oin, use)
        return name + ".pem", name + ".key"

    namesake = forger.authority("namesake", subject=forger.sub[0].subject)
    stranger = forger.authority("stranger")
    low, deep = forger.authority("below", forger.sub), [forger.authority("d0", forger.root)]
    for level in range(1, 5):
        deep.append(forger.authority(f"d{level}", deep[-1]))
    utf8, bmp = _ASN1Type.UTF8String, _ASN1Type.BMPString
    nul = raw_oin(COUNSELLOR[:19] + "\0", _ASN1Type.PrintableString)
    bad = "SSLV3_ALERT_BAD_CERTIFICATE"
    unknown_ca = "TLSV1_ALERT_UNKNOWN_CA"
    no_oin = ("IDENTITY_INVALID", "certificate names no valid OIN")
    return (
        ("a good one", known(COUNSELLOR, "tls"), COME_IN, ""),
        ("a good one made by hand", forger.make("good", OIN), COME_IN, ""),
        ("RSA-PSS throughout, as PKIoverheid G4", extra["pss"].files, COME_IN, ""),
        ("none", (None, None), "TLSV13_ALERT_CERTIFICATE_REQUIRED", "no certificate sent"),
        ("expired", forger.make("expired", OIN, days=(-30, -1)), "SSLV3_ALERT_CERTIFICATE_EXPIRED", "has expired"),
        ("not yet valid", forger.make("early", OIN, days=(1, 30)), bad, "not yet valid"),
        ("of a CA that is not trusted", forger.make("stranger", OIN, issuer=stranger), unknown_ca, "not trusted"),
        ("of a CA with the name of ours", forger.make("namesake", OIN, issuer=namesake),
         unknown_ca, "not trusted"),
        ("self-signed", forger.self_signed("self", COUNSELLOR), unknown_ca, "not trusted"),
        ("without OIN", forger.make("nameless", []), *no_oin),
        ("an OIN of 19 characters", forger.make("short", [COUNSELLOR[:19]]), *no_oin),
        ("an OIN of 21 characters", forger.make("long", [COUNSELLOR + "0"]), *no_oin),
        ("an OIN with NUL", forger.make("nul", [], attributes=[nul]), *no_oin),
        ("an OIN with a space", forger.make("space", [COUNSELLOR[:19] + " "]), *no_oin),
        ("an OIN in small letters", forger.make("small", ["0000009900000000100a"]), *no_oin),
        ("two OINs", forger.make("double", [COUNSELLOR, "00000099000000002001"]), *no_oin),
        ("the same OIN twice", forger.make("twice", [COUNSELLOR, COUNSELLOR]), *no_oin),
        ("the OIN in the common name", forger.make("common", [], attributes=[
            x509.NameAttribute(NameOID.COMMON_NAME, COUNSELLOR)]), *no_oin),
        ("the OIN as BMPString", forger.make("bmp", [], attributes=[raw_oin(COUNSELLOR, bmp)]), *no_oin),
        ("the OIN as UTF8String", forger.make("utf8", [], attributes=[raw_oin(COUNSELLOR, utf8)]), *no_oin),
        ("for servers only", forger.make("server", OIN, use=SERVER), "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
         "not for a TLS client"),
        ("for signing", known(COUNSELLOR, "sign"), "IDENTITY_INVALID", "not for a TLS client"),
        ("for sealing", known(COUNSELLOR, "enc"), "IDENTITY_INVALID", "not for a TLS client"),
        ("a CA's own", forger.make("ca", OIN, ca=True), "IDENTITY_INVALID", "not for a TLS client"),
        ("below a CA that may have none below it",
         forger.make("pathlen", OIN, issuer=low, chain=[forger.sub[0]]), unknown_ca, "not trusted"),
        ("signed with SHA-1", forger.make("sha1", OIN, md=hashes.SHA1()), bad, "too weak"),
        ("RSA-1024", forger.make("rsa1024", OIN, key=small_key(1024)), bad, "too weak"),
        ("RSA-2048", forger.make("rsa2048", OIN, key=small_key(2048)), bad, "too weak"),
        ("an unknown critical extension", forger.make("critical", OIN, more=[(UNKNOWN_CRITICAL, True)]),
         "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "not trusted"),
        ("the same, not critical", forger.make("uncritical", OIN, more=[(UNKNOWN_CRITICAL, False)]), COME_IN, ""),
        ("revoked", known(REVOKED, "tls"), "SSLV3_ALERT_CERTIFICATE_REVOKED", "revoked"),
        ("of a CA whose CRL has expired", forger.make("stale", OIN, issuer=extra["stale"]),
         "SSLV3_ALERT_CERTIFICATE_EXPIRED", "no current CRL"),
        ("of a CA whose CRL another signed", forger.make("wrong", OIN, issuer=extra["wrong"]),
         "TLSV1_ALERT_DECRYPT_ERROR", "no current CRL"),
        ("of a CA without CRL", forger.make("missing", OIN, issuer=extra["missing"]), unknown_ca, "no current CRL"),
        ("of a CA with a current CRL", forger.make("current", OIN, issuer=extra["current"]), COME_IN, ""),
        ("a chain of six", forger.make("deep", OIN, issuer=deep[-1], chain=[ca[0] for ca in reversed(deep[:-1])]),
         unknown_ca, "not trusted"),
        ("100 KB", forger.make("large", OIN, more=[(x509.UnrecognizedExtension(
            UNKNOWN_CRITICAL.oid, bytes(100_000)), False)]), "SSLV3_ALERT_ILLEGAL_PARAMETER", "32 KiB"),
        ("outside the names its CA may give", forger.make("outside", OIN, issuer=extra["narrow"]),
         "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "not trusted"))


def trusted_besides(forger, test):
    """CAs the broker trusts beside its own, with what is wrong about their CRLs: (by name, ca.pem, crl.pem)."""
    only_other = x509.NameConstraints([x509.DNSName("allowed.test")], None)
    extra = {name: forger.authority(f"{name} CRL") for name in ("stale", "wrong", "missing", "current")}
    extra["narrow"] = forger.authority("narrow", more=[(only_other, True)])
    extra["pss"] = PssAuthority(test.folder, COUNSELLOR)
    crls = [forger.crl(extra["stale"], (-30, -1)), forger.crl(extra["wrong"], key=extra["current"][1]),
            forger.crl(extra["current"]), forger.crl(extra["narrow"]), extra["pss"].crls]
    cas = [forger.pem(extra[name]) for name in ("stale", "wrong", "missing", "current", "narrow")] + [extra["pss"].root]
    return extra, "".join(cas), "".join(crls)


class Door:
    """A broker, and what happens at it."""

    def __init__(self, test):
        self.test, self.story, self.knocks = test, Judge(), 0
        self.scene = Scene(test, self.story)
        self.broker = self.scene.broker
        forger = Forger(self.scene.pki, test.folder)
        self.extra, cas, crls = trusted_besides(forger, test)
        for name, more in (("ca.pem", cas), ("crl.pem", crls)):
            with open(os.path.join(self.scene.pki, name), "a") as file:
                file.write(more)
        self.scene.open()
        self.cases = make_cases(forger, self.scene.pki, self.extra)

    def context(self, pem, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # ours is not the side that judges
        context.load_verify_locations(os.path.join(self.scene.pki, "ca.pem"))
        context.set_alpn_protocols(["skp/1"])
        if pem:
            context.load_cert_chain(pem, key)
        return context

    def knock(self, files, talks):
        """What a peer with these files gets; talks: it says Hello and more before it listens, as clients do."""
        try:
            session = Session(self.scene.address, self.context(*files), 20)
            if talks:
                session.send(pb.Hello(versions=[1]))
                for _ in range(20):
                    session.send(pb.Ping(nonce=1))
                    time.sleep(0.002)
            error = hear_error_or_welcome(session, talks)
            session.close()
            return error
        except ssl.SSLError as error:
            return error.reason or "closed"
        except ConnectionError as error:
            return f"closed: {type(error).__name__}"

    def make_room(self):
        """A log that says 20 times in 10 seconds what is the same says it no more; a new broker does."""
        self.knocks += 1
        if self.knocks % 18 == 0:
            self.test.check(self.broker.stop() == 0, "the broker does not stop with 0")
            self.broker.start()

    def judge(self, what, files, expected, words):
        for talks in (False, True):
            self.make_room()
            before = len(self.broker.log())
            found = self.knock(files, talks)
            how = "talking" if talks else "waiting"
            self.story.equals(f"{what}: what the peer hears, {how}", found, expected)
            if not words:
                continue
            wait_until(f"{what}: the log says why", lambda: "handshake_failed" in self.broker.log()[before:], 10)
            line = next(row for row in self.broker.log()[before:].splitlines() if "handshake_failed" in row)
            self.story.says(f"{what}: the log says '{words}': {line}", words in line)
        self.test.row(None, f"{expected}{': ' + line.split('why=')[1] if words else ''}", what)


def hear_error_or_welcome(session, talks):
    if not talks:
        session.tls.settimeout(0.5)
        try:
            return name_of(session.wait(pb.Error))
        except TimeoutError:  # nobody objects: in
            session.tls.settimeout(20)
            session.send(pb.Hello(versions=[1]))
    return name_of(session.wait(pb.Welcome, pb.Error))


def name_of(message):
    return COME_IN if isinstance(message, pb.Welcome) else message.name


def body(test):
    door = Door(test)
    for case in door.cases:
        if test.arguments.only is None or test.arguments.only in case[0]:
            door.judge(*case)
    bad = sum(case[2] != COME_IN for case in door.cases)
    test.row("certificates_refused", bad, "kinds of certificates that do not come in")
    test.check(door.story.ends() == 0, "see the lines that say FAILED")
    text = door.broker.log()
    need("TEST none" not in text and "CN=" not in text, "the log repeats what stands in a certificate")
    test.check(door.broker.stop() == 0, "the broker does not stop with 0")
    test.check_logs(door.broker.log_path)


Test("test_certificates", [("--only", {"help": "cases whose words hold this"})]).run(body)
