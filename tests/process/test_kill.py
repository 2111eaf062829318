#!/usr/bin/python3
"""The broker is killed at random moments under load and started again at once; nothing acknowledged is lost,
nothing takes effect twice.

usage: test_kill.py BUILD [--kills N] [--longest SECONDS] [--nightly] [--seed N]

Four counsellors and four creditors reconnect and resend by themselves. In the end all mailboxes are drained and
check_history.py compares what was acknowledged with what arrived and with the broker's view of the cases.
"""
import os
import sys
import time

from check_history import Checker
from process_testing import BROKER_OIN, Office, Test

IN_STARTUP = 0.1  # this part of the kills does not wait until the broker is ready
AFTER_ACK = 0.6  # and this part waits until something was acknowledged, however busy the machine is


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def kill_often(test, office, kills, longest):
    """Gives the times the broker was up, [from, until] in nanoseconds, and its start-up times in milliseconds."""
    broker, windows, startups, hasty, next_look = office.broker, [], [], 0, 0.0
    up = time.monotonic_ns()
    for _ in range(kills):
        if up and test.rng.random() < AFTER_ACK:
            office.wait_acked(3.0)
        time.sleep(test.rng.uniform(0.0, longest))
        if up:
            windows.append((up, time.monotonic_ns()))
        broker.kill()
        spawned = time.monotonic_ns()
        broker.spawn()
        if test.rng.random() < IN_STARTUP:
            hasty, up = hasty + 1, 0
            time.sleep(test.rng.uniform(0.0, 0.05))
            continue
        broker.wait_ready()
        up = time.monotonic_ns()
        startups.append((up - spawned) / 1e6)
        if time.monotonic() > next_look:
            office.look()
            next_look = time.monotonic() + 1.0
    if not up:
        broker.wait_ready()
    return windows, startups, hasty


def body(test):
    kills = test.arguments.kills
    if test.arguments.nightly:
        if os.environ.get("SKP_TIER") != "nightly":
            print("test_kill: SKIPPED: this is for SKP_TIER=nightly")
            sys.exit(77)
        kills, test.arguments.longest, test.arguments.startup_ms = 10000, 0.15, 1000
    office = Office(test, 4, 4).open()
    office.tell("go")
    started = time.monotonic()
    windows, startups, hasty = kill_often(test, office, kills, test.arguments.longest)
    seconds = time.monotonic() - started
    office.drain(120)
    histories = office.finish()
    test.check(office.broker.stop() == 0, "the broker does not stop with 0")
    office.broker.verify_store()
    test.check_logs(office.broker.log_path)

    checker = Checker(histories, BROKER_OIN).check()
    with_acks = checker.windows_with_acks(windows)
    under_way = checker.under_way([until for _, until in windows])
    test.row("kills", kills, "kills")
    test.row("kills_in_startup", hasty, "of these before the broker was ready")
    test.row("kills_under_way", under_way, "of these while batches were under way")
    test.row("windows_with_acks", with_acks, "times up with acknowledged batches")
    for row in checker.rows():
        test.row(*row)
    test.row("downs", sum(e["e"] == "down" for h in histories.values() for e in h), "connections lost or refused")
    test.row("startup_p50_ms", f"{percentile(startups, 0.5):.0f}", "start-up, median")
    test.row("startup_p99_ms", f"{percentile(startups, 0.99):.0f}", "start-up, 99 of 100")
    test.row("kill_seconds", f"{seconds:.0f}", "seconds of killing")

    test.check(checker.sentence() == "", checker.sentence())
    test.check(with_acks * 3 >= len(windows), "vacuous: too few times up saw an acknowledged batch")
    test.check(under_way * 2 >= len(windows), "vacuous: too few kills while batches were under way")
    test.check(checker.resolved > 0, "vacuous: no batch was stored whose receipt was lost")
    test.check(percentile(startups, 0.99) < test.arguments.startup_ms, "the broker starts too slowly")


Test("test_kill", [
    ("--kills", {"type": int, "default": 100, "help": "how often (100)"}),
    ("--longest", {"type": float, "default": 0.4, "help": "seconds up, at most, after start or first receipt (0.4)"}),
    ("--nightly", {"action": "store_true", "help": "10,000 kills, shorter lives, start-up within a second"}),
    ("--startup-ms", {"type": float, "default": 5000, "help": "limit of the start-up time, 99 of 100 (5000)"}),
]).run(body)
