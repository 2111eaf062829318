#!/usr/bin/python3
"""SIGTERM under load: everybody hears GoingAway, every batch that was stored has its receipt before the connection
closes, the broker leaves with 0, and the clients find the next one by themselves.

usage: test_stop.py BUILD [--rounds N] [--seed N]
"""
import time

from check_history import Checker
from process_testing import BROKER_OIN, Office, Test, wait_until


def stop_and_start(test, office):
    """Gives when it stopped and how long that took."""
    wait_until("all clients are connected", lambda: office.sessions() == len(office.clients))
    before = office.total("acks")
    wait_until("there is load", lambda: office.total("acks") >= before + 20)
    time.sleep(test.rng.uniform(0.0, 0.3))
    stopped = time.monotonic_ns()
    code = office.broker.stop()
    seconds = (time.monotonic_ns() - stopped) / 1e9
    test.check(code == 0, f"the broker leaves with {code}:\n{office.broker.log_tail()}")
    office.broker.start()
    return stopped, seconds


def first_down(events, since):
    return next((event for event in events if event["e"] == "down" and event["t"] >= since), None)


def body(test):
    office = Office(test, 2, 2).open()
    office.tell("go")
    stops = [stop_and_start(test, office) for _ in range(test.arguments.rounds)]
    wait_until("all clients are back", lambda: office.sessions() == len(office.clients))
    office.drain()
    histories = office.finish()
    test.check(office.broker.stop() == 0, "an idle broker does not stop with 0")
    office.broker.verify_store()
    test.check_logs(office.broker.log_path)

    checker = Checker(histories, BROKER_OIN).check()
    test.check(checker.sentence() == "", checker.sentence())
    for oin, events in histories.items():
        for stopped, _ in stops:
            down = first_down(events, stopped)
            test.check(down is not None and down["err"] == "GOING_AWAY", f"{oin} was told {down}, not GOING_AWAY")
    under_way = checker.under_way([stopped for stopped, _ in stops])
    test.row("stops", len(stops), "graceful stops")
    test.row("stops_under_way", under_way, "of these while batches were under way")
    for row in checker.rows()[:3]:
        test.row(*row)
    test.row("longest_stop_s", f"{max(seconds for _, seconds in stops):.1f}", "longest stop, seconds")
    test.check(checker.resolved == 0, f"{checker.resolved} batches were stored without their receipt being heard")
    test.check(under_way > 0, "vacuous: no batch was ever under way")


Test("test_stop", [("--rounds", {"type": int, "default": 4, "help": "how often (4)"})]).run(body)
