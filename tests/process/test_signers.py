#!/usr/bin/python3
"""Signing certificates that end while what they signed still waits: expired, all of it is believed and opened later;
revoked, mail stays where it is, and everybody hears why and what to do. With skp on both sides.

usage: test_signers.py BUILD [--seed N]
"""
import glob
import os
import shutil
import time

from bad_certs import Forger
from process_testing import Failure, Test, make_certs, wait_until
from skp_office import COUNSELLOR, CREDITOR
from skp_round import Round, rows_of

SOME, SIGNER_REVOKED = 1, 314
BROKER_OIN = "00000099000000000001"
LIVES_S = (10, 20, 40)  # how long certificates live that must end; longer when a busy machine was too slow


class Signers:
    """The signing certificates of everybody: the lasting ones of the test's PKI, and short-lived ones in their place."""

    def __init__(self, test, run):
        self.run, self.forger = run, Forger(run.office.pki, test.folder)
        pki = run.office.pki
        self.places = {BROKER_OIN: f"{pki}/broker/sign", COUNSELLOR: f"{pki}/participants/{COUNSELLOR}/sign",
                       CREDITOR: f"{pki}/participants/{CREDITOR}/sign"}
        for place in self.places.values():
            for end in (".pem", ".key"):
                shutil.copy(place + end, place + end + ".lasting")

    def reload_broker(self):
        broker = self.run.office.broker
        before = broker.log().count(" reloaded")
        broker.reload()
        wait_until("the broker reloads", lambda: broker.log().count(" reloaded") > before, 10)

    def shorten(self, life_s):
        """Everybody signs with a certificate that ends in so many seconds; when."""
        ends = int(time.time()) + life_s
        for oin, place in self.places.items():
            files = self.forger.make(f"short-{oin}-{life_s}", [oin], use=None, days=(-1, (ends - time.time()) / 86400))
            for path, end in zip(files, (".pem", ".key")):
                shutil.copy(path, place + end)
        self.reload_broker()
        return ends

    def restore(self):
        for place in self.places.values():
            for end in (".pem", ".key"):
                shutil.copy(place + end + ".lasting", place + end)
        self.reload_broker()


def leave_mail(run, signers):
    """The counsellor and the creditor said something with certificates that have ended now; the dossiers."""
    for life_s in LIVES_S:
        ends = signers.shorten(life_s)
        fetched, waiting = f"F{life_s}", f"W{life_s}"
        try:
            run.register(fetched)
            rows, _ = run.collect()
            run.check_read(rows, fetched)
            run.register(waiting)
            break
        except Failure:
            if time.time() < ends or life_s == LIVES_S[-1]:
                raise
            signers.restore()
    time.sleep(max(0.0, ends + 1 - time.time()))
    return fetched, waiting


def expired_while_it_waited(test, run):
    signers = Signers(test, run)
    _, waiting = leave_mail(run, signers)
    refused = run.office.skp(COUNSELLOR, "counsellor", "watch", "--once", "--language", "en")
    test.check(refused.code != 0 and "certificate has expired" in refused.err, f"said with what has ended: {refused.err}")
    signers.restore()
    rows, said = run.collect()
    run.check_read(rows, waiting)
    test.check(said["not_collected"] == 0, f"left in the mailbox: {said}")
    done = run.watch()
    test.check("bewijs van ophalen" not in done.err, f"the creditor's signature is not believed: {done.err}")
    run.answer_all(rows)
    run.watch()
    run.check_same()
    for oin in (COUNSELLOR, CREDITOR):
        check_receipts(run, oin)
    test.row("expired", 3, "signers whose certificate ended in between: mail opened, proof of collecting and receipts hold")


def check_receipts(run, oin):
    folder = run.office.path(f"bewijzen-{oin}")
    run.office.skp(oin, "receipts", "--out", folder).must()
    for path in glob.glob(f"{folder}/*.receipt"):
        run.office.skp(oin, "verify-receipt", path).must()


def waiting_of(run, oin):
    rows = run.office.broker.admin("mailbox.list")["rows"]
    return sum(row["waiting"] for row in rows if row["participant"] == oin)


def revoke_counsellor(run):
    """From now on; the counsellor has a new certificate, and another office of its own that did not hear of it."""
    pki = run.office.pki
    shutil.copy(f"{pki}/crl.pem", run.office.path("old-crl.pem"))
    before = set(glob.glob(f"{pki}/participants/{COUNSELLOR}/sign-*.pem"))
    make_certs(pki, "--revoke", f"{COUNSELLOR}/sign", "--renew", f"{COUNSELLOR}/sign")
    (old,) = set(glob.glob(f"{pki}/participants/{COUNSELLOR}/sign-*.pem")) - before
    with open(run.office.path(f"{COUNSELLOR}.conf")) as file:
        text = file.read()
    place = f"{pki}/participants/{COUNSELLOR}/sign"
    run.office.write("behind.conf", text.replace(f"{place}.pem", old).replace(f"{place}.key", old[:-4] + ".key")
                     .replace(f"{pki}/crl.pem", run.office.path("old-crl.pem")))


def revoked_while_it_waited(test, run):
    run.register("R1")
    revoke_counsellor(run)
    Signers(test, run).reload_broker()
    behind = run.office.program("skp", "--config", run.office.path("behind.conf"), "counsellor", "register",
                                run.write_dossiers("R0"), "--result", run.office.path("resultaat.csv")).must(SOME)
    rows = rows_of(run.office.path("resultaat.csv"))
    test.check([row["Code"] for row in rows] == ["SIGNER_REVOKED"], f"said by a revoked signer: {rows} {behind.err}")
    test.met({SIGNER_REVOKED})
    rows, said = run.collect(SOME)
    left = waiting_of(run, CREDITOR)  # and not the broker's own word that the counsellor collected before
    test.check((rows, left, said["collected"]) == ([], 1, 1), f"mail of a revoked signer: {rows}, {left} left, {said}")
    for words in ("SIGNER_REVOKED", "was revoked", "call the sender", "Bel wie ondertekende"):
        test.check(words in run.said.err, f"the creditor does not hear '{words}': {run.said.err}")
    for published in (1, 0):  # a record is believed as long as the certificate that signed it
        said = run.office.skp(COUNSELLOR, "cert", "publish", "--json").must().json()
        test.check(said["published"] == published, f"the record of a revoked signer: {said}")
    run.register("R2")
    rows, _ = run.collect(SOME)
    run.check_read(rows, "R2")
    test.check(waiting_of(run, CREDITOR) == 1, "what is not believed does not wait any more")
    test.row("revoked", 1, "mail of a revoked signer stayed, was told, and stopped nothing behind it")


def body(test):
    run = Round(test)
    expired_while_it_waited(test, run)
    revoked_while_it_waited(test, run)
    test.check(run.office.broker.stop() == 0, "skpd does not stop")
    run.office.broker.verify_store()
    test.check_logs(run.office.broker.log_path)


Test("test_signers").run(body)
