#!/usr/bin/python3
"""Certificates, CAs and CRLs are renewed under load, once and many times over: no session is dropped, a newcomer of a
new CA comes in, a revoked participant is cut off within seconds of the new CRL being in place and refused with words,
and files that are not right change nothing.

usage: test_reload.py BUILD [--nightly] [--rotations N] [--seed N]
"""
import os
import shutil
import socket
import ssl
import sys
import time

from process_testing import COUNSELLORS, CREDITORS, NEWCOMER, ROLES, Client, Office, Test, make_certs, wait_until

REVOKED = CREDITORS[1]
CUT_S = 5


class Reloading:
    def __init__(self, test):
        self.test = test
        self.trust = os.path.join(test.folder, "trust")
        self.ca, self.crl = os.path.join(self.trust, "ca.pem"), os.path.join(self.trust, "crl.pem")
        self.office = Office(test, 2, 2, ["--open", "4000"], ca_file=self.ca, crl_file=self.crl)
        self.pki, self.broker = self.office.pki, self.office.broker
        self.pkis = [self.pki]
        os.makedirs(self.trust)
        self.write_trust()
        self.office.open().tell("go")

    def write_trust(self):
        """What the broker trusts: the roots and CRLs of all our PKIs."""
        for path, name in ((self.ca, "ca.pem"), (self.crl, "crl.pem")):
            with open(path + ".new", "w") as out:
                for pki in self.pkis:
                    with open(os.path.join(pki, name)) as file:
                        out.write(file.read())
            os.rename(path + ".new", path)

    def reload(self, event="reloaded"):
        """SIGHUP; gives the line of the log that answers it."""
        before = self.broker.log().count(f" {event}")
        self.broker.reload()
        wait_until(f"SIGHUP: {event}", lambda: self.broker.log().count(f" {event}") > before, 10)
        return [line for line in self.broker.log().splitlines() if f" {event}" in line][-1]

    def sessions(self):
        rows = self.broker.admin("sessions")["rows"]
        return {row["peer"]: row["session"] for row in rows if row["state"] == "up"}

    def check_undisturbed(self, before, what, without=()):
        """The same sessions as before, and work goes on in all of them."""
        idle = (NEWCOMER, *without)  # nobody writes to the newcomer
        clients = [client for client in self.office.clients if client.oin in before and client.oin not in idle]
        acks = {client.oin: client.status()["acks"] for client in clients}
        for client in clients:
            wait_until(f"{what}: {client.oin} works on", lambda c=client: c.status()["acks"] > acks[c.oin])
            status = client.status()
            self.test.check(status["downs"] == status["problems"] == 0, f"{what}: {client.oin} has {status}")
        now = self.sessions()
        for oin in before.keys() - set(without):
            self.test.check(now.get(oin) == before[oin], f"{what}: the session of {oin} is another one")

    def shown_certificate(self):
        """What the broker shows to a new connection, as DER."""
        own = f"{self.pki}/participants/{COUNSELLORS[0]}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(f"{self.pki}/ca.pem")
        context.load_cert_chain(f"{own}/tls.pem", f"{own}/tls.key")
        context.set_alpn_protocols(["skp/1"])
        with socket.create_connection(("127.0.0.1", self.broker.port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as stream:
                return stream.getpeercert(binary_form=True)


def first_certificate(path):
    with open(path) as file:
        text = file.read()
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN"):text.index(end) + len(end)])


def renew_own(test, run):
    before, shown = run.sessions(), run.shown_certificate()
    make_certs(run.pki, "--renew", "broker/tls", "--renew", "broker/sign")
    test.check(run.shown_certificate() == shown, "a certificate is used before the reload")
    run.reload()
    test.check(run.shown_certificate() == first_certificate(f"{run.pki}/broker/tls.pem"),
               "new connections do not get the new certificate")
    run.check_undisturbed(before, "renewed certificates")


def refuse_bad_files(test, run):
    """Each of these is refused as a whole: words in the log, and everything stays as it was."""
    before, shown = run.sessions(), run.shown_certificate()
    participant = f"{run.pki}/participants/{COUNSELLORS[0]}"
    for name, path, bad in (("a CRL that is cut off", run.crl, run.crl), ("no certificate", run.ca, "/dev/null"),
                            ("the key of another", f"{run.pki}/broker/tls.key", f"{run.pki}/broker/sign.key"),
                            ("the certificate of a participant", f"{run.pki}/broker/sign.pem",
                             f"{participant}/sign.pem")):
        with open(path, "rb") as file:
            good = file.read()
        with open(bad, "rb") as file:
            content = good[:len(good) // 3] if bad == path else file.read()
        with open(path, "wb") as file:
            file.write(content)
        line = run.reload("reload_failed")
        test.check(path in line, f"{name}: the log does not name {path}: {line}")
        test.row(None, line.split("why=")[1].replace(test.folder, "...")[:100], name)
        with open(path, "wb") as file:
            file.write(good)
        test.check(run.shown_certificate() == shown, f"{name}: another certificate is shown")
    run.check_undisturbed(before, "files that are not right")


def admit_new_ca(test, run):
    """A newcomer whose CA the broker does not know is refused; after the reload it comes in."""
    before = run.sessions()
    other = os.path.join(test.folder, "pki2")
    make_certs(other, NEWCOMER)
    mixed = os.path.join(test.folder, "pki3")  # the newcomer trusts the broker's CA too
    shutil.copytree(os.path.join(other, "participants"), os.path.join(mixed, "participants"))
    for name in ("ca.pem", "crl.pem"):
        with open(os.path.join(mixed, name), "w") as out:
            for pki in (run.pki, other):
                with open(os.path.join(pki, name)) as file:
                    out.write(file.read())
    run.broker.add_participant(NEWCOMER, "creditor")
    ROLES[NEWCOMER] = "creditor"

    def newcomer(folder):
        os.makedirs(os.path.join(test.folder, folder))
        client = Client(test.build, os.path.join(test.folder, folder), mixed, run.broker.port, NEWCOMER, "creditor", 2, 1)
        run.office.clients.append(client)
        return client

    refused = newcomer("refused")
    wait_until("the newcomer is refused", lambda: refused.status()["stopped"])
    down = [event for event in refused.history() if event["e"] == "down"][-1]
    test.row(None, f"{down['err']}: {down['why']}", "a newcomer of an unknown CA")
    test.check(down["err"] == "CERTIFICATE", f"the newcomer is refused with {down}")
    run.office.clients.remove(refused)
    refused.process.kill()
    refused.process.wait()
    run.pkis.append(other)
    run.write_trust()
    run.reload()
    newcomer("admitted").wait_ready()
    run.check_undisturbed(before, "a new CA")


def cut_off_revoked(test, run):
    before = run.sessions()
    revoked = next(client for client in run.office.clients if client.oin == REVOKED)
    old = os.path.join(test.folder, "old")  # with the CRL of before: the client itself sees nothing wrong
    shutil.copytree(run.pki, old)
    make_certs(run.pki, "--revoke", f"{REVOKED}/tls")
    test.check(revoked.status()["downs"] == 0, "a CRL counts before it is in place")
    run.write_trust()
    started = time.monotonic()
    wait_until("the revoked participant is cut off", lambda: REVOKED not in run.sessions(), 30)
    seconds = time.monotonic() - started
    test.row("cut_off_s", f"{seconds:.1f}", "seconds from the new CRL being in place until it was cut off")
    test.check(seconds < CUT_S, f"it was cut off after {seconds:.1f} s")
    wait_until("the revoked participant gives up", lambda: revoked.status()["stopped"], 30)
    downs = [event for event in revoked.history() if event["e"] == "down"]
    for down in downs:
        test.row(None, f"{down['err']}: {down['why']}", "the revoked participant hears")
    test.check("revoked" in downs[0]["why"] and downs[-1]["stopped"], f"the revoked participant heard {downs}")
    run.check_undisturbed(before, "a revoked participant", without=[REVOKED])

    again = os.path.join(test.folder, "again")
    os.makedirs(again)
    late = Client(test.build, again, old, run.broker.port, REVOKED, "creditor", 2, 2)
    run.office.clients.append(late)
    wait_until("a new connection is refused", lambda: late.status()["stopped"])
    down = [event for event in late.history() if event["e"] == "down"][-1]
    test.row(None, f"{down['err']}: {down['why']}", "and when it comes back")
    test.check(down["err"] == "CERTIFICATE" and "revoked" in down["why"], f"a revoked certificate is refused with {down}")


def come_back(test, run):
    """With a renewed certificate it is welcome again; the CRL still names the old one."""
    make_certs(run.pki, "--renew", f"{REVOKED}/tls")
    run.write_trust()
    run.reload()
    folder = os.path.join(test.folder, "back")
    os.makedirs(folder)
    client = Client(test.build, folder, run.pki, run.broker.port, REVOKED, "creditor", 2, 3)
    run.office.clients.append(client)
    client.wait_ready()
    test.check(REVOKED in run.sessions(), "the renewed certificate is not accepted")


def rotate(test, run):
    """New certificates, another CA beside ours or not, a new CRL, again and again, with all sessions as they were."""
    before, acks, rotations = run.sessions(), run.office.total("acks"), test.arguments.rotations
    spare = os.path.join(test.folder, "spare")
    make_certs(spare)
    for number in range(rotations):
        if number % 3 == 0:
            make_certs(run.pki, "--renew", "broker/tls", "--renew", "broker/sign")
        elif number % 3 == 1:
            run.pkis = [pki for pki in run.pkis if pki != spare] if spare in run.pkis else [*run.pkis, spare]
        else:
            make_certs(run.pki)
        run.write_trust()
        run.reload()
    run.check_undisturbed(before, f"{rotations} rotations")
    test.row("rotations", rotations, "rotations of certificates, CA and CRL without a drop")
    test.row("rotation_acks", run.office.total("acks") - acks, "batches acknowledged meanwhile")


def body(test):
    if test.arguments.nightly:
        if os.environ.get("SKP_TIER") != "nightly":
            print("test_reload: SKIPPED: this is for SKP_TIER=nightly")
            sys.exit(77)
        test.arguments.rotations = 100
    run = Reloading(test)
    wait_until("there is load", lambda: run.office.total("acks") > 20)
    renew_own(test, run)
    rotate(test, run)
    refuse_bad_files(test, run)
    admit_new_ca(test, run)
    cut_off_revoked(test, run)
    come_back(test, run)
    run.office.tell("stop")
    test.row("acks", run.office.total("acks"), "batches acknowledged meanwhile")
    test.check(run.broker.stop() == 0, "the broker does not stop with 0")
    test.check_logs(run.broker.log_path)


Test("test_reload", [
    ("--nightly", {"action": "store_true", "help": "100 rotations"}),
    ("--rotations", {"type": int, "default": 10, "help": "how many (10)"}),
]).run(body)
