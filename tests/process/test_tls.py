#!/usr/bin/python3
"""What the broker's TLS offers: every version, suite, group and signature OpenSSL knows is tried, and only those come
through that the NCSC's guidelines of 2025 call good. Then testssl.sh looks, when it is asked for and there.

usage: test_tls.py BUILD [--nightly] [--seed N]

Guidelines: https://www.ncsc.nl/en/transport-layer-security-tls/security-guidelines-for-transport-layer-security-2025-05
"""
import json
import os
import re
import shutil
import subprocess
import sys

from process_testing import COUNSELLORS, Broker, Test, free_port, need, new_pki

GOOD_SUITES = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
GOOD_GROUPS = {"X25519", "X448", "P-256", "P-384", "P-521", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"}
SUITES = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256",
          "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256")
GROUPS = ("X25519", "X448", "P-256", "P-384", "P-521", "P-224", "secp256k1", "sect283r1", "brainpoolP256r1",
          "ffdhe2048", "ffdhe3072", "ffdhe8192")
SIGNATURES = ("ECDSA+SHA256", "ECDSA+SHA384", "ECDSA+SHA1", "ECDSA+SHA224", "RSA-PSS+SHA256", "RSA+SHA256", "RSA+SHA1",
              "RSA+MD5", "DSA+SHA1")
NEEDED = {"suites": {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}, "groups": {"X25519", "P-256", "P-384"}}
HARMLESS = {"OK", "INFO", "DEBUG"}


class Prober:
    """openssl s_client as somebody who would take anything."""

    def __init__(self, broker, pki):
        name = os.path.join(pki, "participants", COUNSELLORS[0], "tls")
        self.base = ["openssl", "s_client", "-connect", f"127.0.0.1:{broker.port}", "-cert", name + ".pem", "-key",
                     name + ".key", "-cert_chain", name + ".pem", "-CAfile", os.path.join(pki, "ca.pem"), "-alpn",
                     "skp/1", "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]

    def say(self, *options):
        """What s_client tells of the handshake; '' when there was none."""
        done = subprocess.run([*self.base, *options], input=b"", capture_output=True, timeout=30, check=False)
        text = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        return text if re.search(r"Cipher is (?!\(NONE\))", text) else ""

    def which(self, option, values):
        return {value for value in values if self.say("-tls1_3", option, value)}


def versions(test, prober):
    for name in ("tls1", "tls1_1", "tls1_2"):
        test.check(not prober.say(f"-{name}"), f"{name} is let in")
    for cipher in ("ECDHE-ECDSA-AES256-GCM-SHA384", "AES128-SHA", "NULL"):
        test.check(not prober.say("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0"), f"TLS 1.2 with {cipher} is let in")
    text = prober.say()
    test.check("New, TLSv1.3" in text, "who offers everything does not get TLS 1.3")
    test.check("Compression: NONE" in text, "there is compression")
    test.check("Early data was not sent" in text and "Max Early Data: 0" not in text, "there is early data")
    test.check("New Session Ticket" not in text, "there are session tickets")
    test.row("tls_versions", "1.3", "versions that are let in")


def algorithms(test, prober):
    """Each by itself; what the guidelines do not call good stays outside, and what we promise is there."""
    for what, option, values, good in (("suites", "-ciphersuites", SUITES, GOOD_SUITES),
                                       ("groups", "-groups", GROUPS, GOOD_GROUPS)):
        found = prober.which(option, values)
        test.row(None, ", ".join(sorted(found)), f"{what} that are let in")
        test.check(found <= good, f"{what} that are not good: {found - good}")
        test.check(NEEDED[what] <= found, f"{what} that are missing: {NEEDED[what] - found}")
    found = prober.which("-sigalgs", SIGNATURES)
    test.row(None, ", ".join(sorted(found)), "signatures that are let in")
    weak = {name for name in found if re.search("SHA1|SHA224|MD5|DSA[+]SHA1$", name)}
    test.check(found and not weak, f"signatures that are not good: {weak}")


def without_certificate(test, prober):
    """Nobody learns more than that there is TLS 1.3 here."""
    plain = ["openssl", "s_client", *prober.base[2:4], "-alpn", "skp/1", "-ign_eof"]
    done = subprocess.run(plain, input=b"", capture_output=True, timeout=30, check=False)
    test.check(b"certificate required" in done.stderr, "who shows no certificate does not hear that one is required")


def testssl(test, pki):
    """Protocols, ciphers, forward secrecy and known vulnerabilities, each finding above INFO is one too many. It cannot
    be told to offer ALPN skp/1, so it meets the broker's own TLS context in a server that does not insist on that."""
    if not shutil.which("testssl"):
        print("test_tls: SKIPPED: testssl.sh: not installed (Debian package testssl.sh)")
        return
    report, port = os.path.join(test.folder, "testssl.json"), free_port(test.rng)
    server = subprocess.Popen([os.path.join(test.build, "tests/process/raw_server"), pki, str(port), "--any-alpn"],
                              stdout=subprocess.PIPE)
    test.on_exit(lambda: (server.kill(), server.wait()))
    need(server.stdout.readline() == b"ready\n", "the server for testssl.sh is not ready")
    subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "-p", "-s", "-f", "-U", "--jsonfile",
                    report, f"127.0.0.1:{port}"], capture_output=True, stdin=subprocess.DEVNULL, timeout=900, check=False)
    with open(report) as file:
        findings = json.load(file)
    bad = [f"{row['severity']} {row['id']}: {row['finding']}" for row in findings if row["severity"] not in HARMLESS]
    for row in findings:
        if "client" in row["finding"] and "auth" in row["finding"]:
            print(f"  SKIPPED: testssl.sh, {row['id']}: {row['finding']}")
    test.row("testssl_looked", len(findings), "things testssl.sh looked at")
    test.row("testssl_findings", len(bad), "findings above INFO")
    for line in bad:
        print(f"  testssl.sh: {line}")
    test.check(len(findings) > 20, f"testssl.sh looked at {len(findings)} things only: see {report}")
    test.check(any(row["id"] == "TLS1_3" and row["finding"].startswith("offered") for row in findings),
               f"testssl.sh did not find TLS 1.3: see {report}")
    test.check(not bad, "testssl.sh finds: " + "; ".join(bad))


def body(test):
    if test.arguments.nightly and os.environ.get("SKP_TIER") != "nightly":
        print("test_tls: SKIPPED: this is for SKP_TIER=nightly")
        sys.exit(77)
    pki = new_pki(test.build, os.path.join(test.folder, "pki"))
    broker = Broker(test.build, os.path.join(test.folder, "broker"), pki, free_port(test.rng), play="yes",
                    max_handshakes_per_source="200")
    test.on_exit(lambda: broker.process and broker.process.kill())
    broker.start()
    prober = Prober(broker, pki)
    versions(test, prober)
    algorithms(test, prober)
    without_certificate(test, prober)
    if test.arguments.nightly:
        testssl(test, pki)
    test.check(broker.stop() == 0, "the broker does not stop with 0")
    test.check_logs(broker.log_path)


Test("test_tls", [("--nightly", {"action": "store_true", "help": "testssl.sh as well"})]).run(body)
