#!/usr/bin/python3
"""The broker cannot read who the resident is: after a whole round, name, address, client number and BSN of the
resident are nowhere in its files, its log or its memory.

usage: test_canary.py BUILD [--seed N]

The search is shown to work: it finds the same words in the counsellor's own memory, and finds in the broker's
files and memory what was planted there.
"""
import os
import subprocess

from memory_search import Search
from process_testing import BROKER_OIN, COUNSELLORS, CREDITORS, Office, Test, wait_until

BSN = "999990019"


def sign_agreement(test, office):
    done = subprocess.run([os.path.join(test.build, "tests/process/sign_agreement"), office.pki, CREDITORS[0],
                           COUNSELLORS[0]], capture_output=True, text=True)
    test.check(done.returncode == 0, f"sign_agreement: {done.stderr}")
    return done.stdout.strip()


def steer_to_next_round(office):
    """The business clock of a store for play, to the same hour one working day later, past each deadline."""
    wait_until("the clock moves on", lambda: office.broker.admin("clock.advance", working_days=1) and
               office.broker.admin("round.list")["rows"], 20, pause=0.2)
    wait_until("the round is published", lambda: office.broker.admin("status")["waiting_for_round"] == 0, 20)


def search(test, broker, texts, moment):
    hunt = Search(texts)
    for what, found in (("files", hunt.folder(broker.folder)), ("memory", hunt.process(broker.process.pid))):
        test.check(not found, f"{moment}, in the broker's {what}: {sorted(set(found))}")
    test.row(None, f"{hunt.bytes >> 20} MiB, not found", f"files and memory of the broker, {moment}")


def prove_search(test, office, texts):
    """What is there is found: the canary where it belongs, and a planted word in the broker."""
    counsellor = Search(texts).process(office.clients[0].process.pid)
    for text in texts:
        test.check(text in {found for found, _ in counsellor}, f"{text} is not found in the counsellor's memory")
    planted = f"Geplante{test.rng.getrandbits(40):x}"
    office.broker.admin("participant.add", oin="00000099000000009000", name=planted, roles=["creditor"])
    memory = Search([planted]).process(office.broker.process.pid)
    files = Search([planted]).folder(office.broker.folder)
    test.check(memory, "a planted word is not found in the broker's memory")
    test.check(any(place.startswith(office.broker.store_path) for _, place in files),
               "a planted word is not found in the broker's store")
    test.row(None, f"{len(memory)} in memory, {len(files)} in files", "planted in the broker, and found")


def check_round(test, histories):
    """The round was a whole one: waited, overview, opened by the creditor, answered, opened by the counsellor."""
    lines = {oin: [line for event in events if event["e"] == "deliver" for line in event["lines"]]
             for oin, events in histories.items()}
    problems = [event for events in histories.values() for event in events if event["e"] == "problem"]
    test.check(not problems, f"problems: {problems}")
    test.check(any(line.get("overview") == 1 for line in lines[CREDITORS[0]]), "no overview with one request")
    test.check(any("request" in line for line in lines[CREDITORS[0]]), "no request was delivered")
    test.check(any("answer" in line for line in lines[COUNSELLORS[0]]), "no answer was delivered")
    cases = [event for event in histories[COUNSELLORS[0]] if event["e"] == "case"]
    test.check([case["state"] for case in cases] == [3], f"the case is not complete: {cases}")


def body(test):
    canary = f"Kanarie{test.rng.getrandbits(40):x}"
    texts = [canary, BSN]
    office = Office(test, 1, 1, ["--canary", canary, "--batches", "1"], play="yes", core_dumps="yes",
                    log_level="debug").open()
    office.broker.admin("agreement.admit", file_base64=sign_agreement(test, office))
    office.tell("go")
    wait_until("the request waits for its round", lambda: office.broker.admin("status")["waiting_for_round"] == 1)
    search(test, office.broker, texts, "while it waits")
    steer_to_next_round(office)
    wait_until("the answer is there", lambda: office.clients[1].status()["acks"] == 1)
    office.drain()
    search(test, office.broker, texts, "after the round")
    prove_search(test, office, texts)
    check_round(test, office.finish())
    test.check(office.broker.stop() == 0, "the broker does not stop with 0")
    search_files = Search(texts).folder(office.broker.folder)
    test.check(not search_files, f"after the end: {search_files}")
    test.check(BROKER_OIN in office.broker.log(), "the log was not searched: it does not even name the broker")
    test.check_logs(office.broker.log_path)


Test("test_canary").run(body)
