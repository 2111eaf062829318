#!/usr/bin/python3
"""A disk that loses what it confirmed is found out. The watermark refuses the start on a shorter store; where that is
gone too, the first client that comes back holds a newer head of the chain, and the broker refuses to serve anybody,
leaves, and does not start again. An operator who has nothing newer gives up what was lost, by its number: the broker
serves again, shows it for ever, and tells the clients that were promised more.

usage: test_data_loss.py BUILD [--seed N]

This is also what the kill test would look like if acknowledged batches were lost.
"""
import contextlib
import os
import re
import sqlite3
import subprocess
import time

import skp_pb2 as pb
from process_testing import Office, Test, wait_until

DATA = 65  # the service manager does not start it again: a person must restore first


def refused(test, broker, sentence):
    """Starts a broker that must leave; what its log says last of why."""
    broker.spawn()
    code = broker.process.wait(30)
    broker.process = None
    test.check(code == DATA, f"the broker leaves with {code}, not {DATA}:\n{broker.log_tail()}")
    said = [line for line in broker.log().splitlines() if "engine_failed" in line or "engine_unusable" in line]
    test.check(said and sentence in said[-1], f"the broker does not say why:\n{broker.log_tail()}")
    return said[-1].split("why=")[1]


def accept(broker, lost):
    """The exit code of skpd --accept-data-loss."""
    with open(broker.log_path, "ab") as log:
        return subprocess.run([broker.binary, "--config", broker.config_path, "--accept-data-loss", str(lost)],
                              stdout=log, stderr=log, timeout=60, check=False).returncode


def newest_head(test, client):
    """The number of the commit that the client was shown last; 0: none. Saved within a second."""
    try:
        with open(os.path.join(test.folder, f"{client.oin}.head"), "rb") as file:
            head = pb.ChainHead.FromString(file.read())
    except FileNotFoundError:
        return 0
    return pb.CommitHeader.FromString(head.commit).sequence


def verify(test, broker):
    """One bit of one row flips; skpd --verify-store names it, with what it means and what to do."""
    broker.verify_store()
    with contextlib.closing(sqlite3.connect(broker.store_path)) as store:
        value = store.execute("SELECT value FROM entry LIMIT 1").fetchone()[0]
    with open(broker.store_path, "r+b") as file:
        place = file.read().index(value) + len(value) // 2
        file.seek(place)
        file.write(bytes([value[len(value) // 2] ^ 1]))
    done = subprocess.run([broker.binary, "--config", broker.config_path, "--verify-store"], capture_output=True,
                          text=True, timeout=60, check=False)
    test.check(done.returncode == DATA, "a damaged store passes for whole")
    said = [line for line in done.stderr.splitlines() if "store_damaged" in line and "table=entry" in line]
    words = ("an entry of mailbox", "position", "means=", "remedy=")
    test.check(said and all(word in said[-1] for word in words), f"the row is not named:\n{done.stderr}")
    test.row(None, said[-1].split("row=")[1], "verify says")


def body(test):
    office = Office(test, 2, 2).open()
    broker = office.broker
    office.tell("go")
    wait_until("there is load", lambda: office.total("acks") > 40)
    broker.kill()
    log = broker.store_path + "-wal"
    size = os.path.getsize(log)
    os.truncate(log, size // 2)
    test.row("cut_bytes", size - size // 2, "bytes cut off the log of the store")

    test.row(None, refused(test, broker, "was confirmed and this store does not have it"), "the start says")

    os.remove(broker.store_path + "-watermark")
    test.row(None, refused(test, broker, "restore the newest backup"), "what a client's head shows")

    time.sleep(0.2)
    stopped = [client for client in office.clients if client.status()["stopped"]]
    test.check(stopped, "no client was told")
    for client in stopped:
        down = [event for event in client.history() if event["e"] == "down"][-1]
        test.check(down["err"] == "DATA_LOSS", f"{client.oin} was told {down}")
        test.met({607})
    test.row("clients_told", len(stopped), "clients that heard DATA_LOSS")

    said = refused(test, broker, "was confirmed and this store does not have it")
    lost, kept = map(int, re.search(r"commit (\d+) was confirmed.* ends with commit (\d+)", said).groups())
    promised_more = [client for client in office.clients if client not in stopped and newest_head(test, client) > kept]
    test.check(accept(broker, lost + 1) == DATA, "a loss is accepted by another number than its own")
    test.check(accept(broker, lost) == 0, f"the loss of commit {lost} is not accepted:\n{broker.log_tail()}")
    test.check(accept(broker, lost) == 0, "accepting once more is no harm")
    broker.start()
    shown = broker.admin("status")["data_loss"]
    test.check(shown and shown["confirmed_up_to"] == lost, f"status shows {shown}")
    test.check("skp_data_loss_accepted 1" in broker.admin("metrics")["text"], "the metrics do not show it")
    for client in promised_more:
        wait_until("a client hears that its head was given up", lambda c=client: any(
            event["e"] == "down" and event.get("err") == "CHAIN_UNKNOWN" for event in c.history()))
    test.row(None, len(promised_more), "clients whose head was given up")
    test.row("given_up", lost, "the last confirmed commit, given up")
    broker.stop()
    verify(test, broker)


Test("test_data_loss").run(body)
