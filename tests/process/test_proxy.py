#!/usr/bin/python3
"""Clients on libskp work through a network that does everything a network may: slow, narrow, byte by byte, cut at any
byte, reset, gone silent one way. Nothing acknowledged is lost, nothing takes effect twice.

usage: test_proxy.py BUILD [--nightly] [--seconds S] [--seed N]

Between two counsellors, two creditors and the broker stands tests/fault's proxy, one after the other with each kind of
fault. In the end it lets everything pass, all mailboxes are drained, and check_history.py compares what was
acknowledged with what arrived and with the broker's view of the cases.
"""
import os
import subprocess
import sys
import time

from check_history import Checker
from process_testing import BROKER_OIN, Office, Test, free_port, need, wait_until

# What, options of fault_proxy, whether connections must have died of it. Cuts fall into TLS handshakes as well as
# into batches: a batch is about 3,000 bytes, a handshake 5,000.
NETWORKS = (("slow", ("--delay", "1-20"), False),
            ("narrow", ("--rate", "40000"), False),
            ("byte by byte", ("--split", "1"), False),
            ("cut off", ("--cut", "1000-60000", "--split", "700"), True),
            ("reset", ("--reset", "1000-60000", "--delay", "0-5"), True),
            ("silent to the broker", ("--stall-up", "4000-30000"), True),
            ("silent to the client", ("--stall-down", "6000-30000"), True),
            ("all of it", ("--delay", "0-5", "--rate", "200000", "--split", "300", "--reset", "20000-200000",
                           "--stall-down", "30000-300000"), False))


class Proxy:
    """One fault_proxy; it listens from the start."""

    def __init__(self, test, listen, to, faults):
        self.process = subprocess.Popen(
            [os.path.join(test.build, "tests/process/fault_proxy"), "--listen", str(listen), "--to", str(to), "--seed",
             str(test.rng.getrandbits(32)), *faults], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        test.on_exit(self.process.kill)
        need(self.process.stdout.readline() == "ready\n", "the proxy does not listen")

    def tell(self, word):
        """pass, faults or status; gives its counts."""
        self.process.stdin.write(word + "\n")
        return {name: int(value) for name, value in (pair.split("=") for pair in self.process.stdout.readline().split())}

    def end(self):
        counts = self.tell("status")
        self.process.stdin.close()
        need(self.process.wait(10) == 0, "the proxy does not end with 0")
        return counts


def weather(test, office, port, what, faults, deadly):
    """One kind of network for a while; connections of before were cut when its proxy came."""
    proxy = Proxy(test, port, office.broker.port, faults)
    acks, end = office.total("acks"), time.monotonic() + test.arguments.seconds
    while time.monotonic() < end:
        office.look()
        time.sleep(0.1)
    wait_until(f"{what}: something is acknowledged", lambda: office.total("acks") > acks, 90)
    if deadly:
        wait_until(f"{what}: a connection dies of it", lambda: _ended(proxy.tell("status")) > 0, 60)
    counts = proxy.end()
    counts["acks"] = office.total("acks") - acks
    test.row(None, f"{counts['acks']} batches, {counts['connections']} connections, {counts['cuts']} cut, "
             f"{counts['resets']} reset, {counts['stalls']} stalled", what)
    need(counts["bytes_up"] > 0 and counts["bytes_down"] > 0, f"vacuous: {what}: nothing went through")
    return counts


def _ended(counts):
    return counts["cuts"] + counts["resets"] + counts["stalls"]


def body(test):
    if test.arguments.nightly:
        if os.environ.get("SKP_TIER") != "nightly":
            print("test_proxy: SKIPPED: this is for SKP_TIER=nightly")
            sys.exit(77)
        test.arguments.seconds = 60.0
    # Short times, so that who has gone silent is noticed within the test.
    office = Office(test, 2, 2, idle_timeout="2s", stall_timeout="2s", frame_timeout="2s", handshake_timeout="2s",
                    hello_timeout="2s")
    office.client_port = free_port(test.rng)
    first = Proxy(test, office.client_port, office.broker.port, ())
    office.open().tell("go")
    wait_until("there is load", lambda: office.total("acks") > 20)
    first.end()
    totals = {"cuts": 0, "resets": 0, "stalls": 0, "connections": 0}
    for network in NETWORKS:
        counts = weather(test, office, office.client_port, *network)
        totals = {name: value + counts[name] for name, value in totals.items()}
    last = Proxy(test, office.client_port, office.broker.port, ())
    office.drain(120)
    histories = office.finish()
    last.end()
    test.check(office.broker.stop() == 0, "the broker does not stop with 0")
    office.broker.verify_store()
    test.check_logs(office.broker.log_path)

    checker = Checker(histories, BROKER_OIN).check()
    for row in checker.rows():
        test.row(*row)
    for name, value in totals.items():
        test.row(f"proxy_{name}", value, f"{name} in all")
    test.check(checker.sentence() == "", checker.sentence())
    test.check(all(totals.values()), f"vacuous: a kind of fault never happened: {totals}")


Test("test_proxy", [
    ("--nightly", {"action": "store_true", "help": "a minute of each"}),
    ("--seconds", {"type": float, "default": 0.6, "help": "of each kind of network (0.6)"}),
]).run(body)
