"""A small post office for tests of the command line: one counsellor, two creditors, their settings, an agreement."""
import json
import os
import subprocess

from process_testing import COUNSELLORS, CREDITORS, SOURCE, Broker, Failure, free_port, new_pki

COUNSELLOR, CREDITOR, OTHER_CREDITOR = COUNSELLORS[0], CREDITORS[1], CREDITORS[2]
CREDITOR_NAME, OTHER_NAME = "Zorgverzekeraar De Linde (test)", "Woonstichting De Poort (test)"
EXAMPLE = os.path.join(SOURCE, "clients/example")

SETTINGS = """host = localhost
port = {port}
broker_oin = 00000099000000000001
ca = {pki}/ca.pem
crl = {pki}/crl.pem
tls_cert = {certs}/tls.pem
tls_key = {certs}/tls.key
sign_cert = {certs}/sign.pem
sign_key = {certs}/sign.key
enc_cert = {certs}/enc.pem
enc_key = {certs}/enc.key
state = {folder}/{oin}
contact_name = Testloket
wait = 10s
"""

AGREEMENT = f"""creditor = {CREDITOR}
counsellors = {COUNSELLOR}
valid_from = 01-01-2020
term_working_days = 10
"""


class Done:
    """What a program said, and how it left."""

    def __init__(self, words, done):
        self.words, self.code, self.out, self.err = words, done.returncode, done.stdout, done.stderr

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise Failure(f"{self.words}: no JSON ({error}): {self.out!r} {self.err}") from None

    def must(self, *codes):
        if self.code not in (codes or (0,)):
            raise Failure(f"{self.words}: left with {self.code}: {self.out}{self.err}")
        return self


class SkpOffice:
    def __init__(self, test):
        self.test, self.folder = test, test.folder
        self.pki = new_pki(test.build, os.path.join(test.folder, "pki"))
        self.broker = Broker(test.build, os.path.join(test.folder, "broker"), self.pki, free_port(test.rng), play="yes")
        test.on_exit(lambda: self.broker.process and self.broker.process.kill())

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, encoding="utf-8"):
        with open(self.path(name), "wb") as file:
            file.write(text.encode(encoding))
        return self.path(name)

    def binary(self, name):
        return os.path.join(self.test.build, {"skpd": "broker"}.get(name, "clients"), name)

    def program(self, name, *words):
        environment = os.environ | {"SKP_CONFIG": "/nowhere/skp.conf", "SKPD_SOCKET": self.broker.control_path}
        done = subprocess.run([self.binary(name), *words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, cwd=self.folder, env=environment)
        return Done(" ".join((name, *words)), done)

    def skp(self, oin, *words):
        return self.program("skp", "--config", self.path(f"{oin}.conf"), *words)

    def ctl(self, *words):
        return self.program("skpctl", *words)

    def configure(self, oin):
        certs = f"{self.pki}/participants/{oin}"
        self.write(f"{oin}.conf", SETTINGS.format(port=self.broker.port, pki=self.pki, certs=certs, oin=oin,
                                                  folder=self.folder))

    def open(self):
        """Everybody is connected; the first creditor has an agreement, whose round opens by hand."""
        self.broker.start()
        self.ctl("clock", "advance", "--to", "2026-11-02T09:00").must()
        for oin, name, role in ((COUNSELLOR, "Gemeente Proefstad (test)", "counsellor"),
                                (CREDITOR, CREDITOR_NAME, "creditor"), (OTHER_CREDITOR, OTHER_NAME, "creditor")):
            self.broker.admin("participant.add", oin=oin, name=name, roles=[role], bsn_entitled=True)
            self.configure(oin)
            self.skp(oin, "cert", "publish").must()
        self.write("agreement.conf", AGREEMENT)
        self.skp(CREDITOR, "agreement", "draft", "--from", "agreement.conf", "--out", "agreement.skp").must()
        for oin in (CREDITOR, COUNSELLOR):
            self.skp(oin, "agreement", "sign", "agreement.skp").must()
        self.ctl("agreement", "admit", "agreement.skp").must()
        return self

    def example(self, name):
        """A file of clients/example, at our own counsellor."""
        with open(os.path.join(EXAMPLE, name), encoding="utf-8-sig") as file:
            return file.read().replace("00000099100000153000", COUNSELLOR)
