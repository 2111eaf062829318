#!/usr/bin/python3
"""A disk that loses what it confirmed is found out: the broker starts on a shorter store, the first client that comes
back holds a newer head of the chain, and the broker refuses to serve anybody and leaves.

usage: test_data_loss.py BUILD [--seed N]

This is also what the kill test would look like if acknowledged batches were lost.
"""
import os
import time

from process_testing import Office, Test, wait_until

DATA = 65  # the service manager does not start it again: a person must restore first


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

    broker.spawn()
    code = broker.process.wait(30)
    broker.process = None
    test.check(code == DATA, f"the broker leaves with {code}, not {DATA}:\n{broker.log_tail()}")
    said = [line for line in broker.log().splitlines() if "engine_failed" in line]
    test.check(said and "restore the newest backup" in said[-1], f"the broker does not say why:\n{broker.log_tail()}")
    test.row(None, said[-1].split("why=")[1], "the broker says")

    time.sleep(0.2)
    stopped = [client for client in office.clients if client.status()["stopped"]]
    test.check(stopped, "no client was told")
    for client in stopped:
        down = [event for event in client.history() if event["e"] == "down"][-1]
        test.check(down["err"] == "DATA_LOSS", f"{client.oin} was told {down}")
        test.met({607})
    test.row("clients_told", len(stopped), "clients that heard DATA_LOSS")


Test("test_data_loss").run(body)
