#!/usr/bin/python3
"""What must hold between the histories of load clients, whatever happened to the broker meanwhile.

usage: check_history.py FILE.history ...     one file per client, complete, after all mailboxes were drained
       check_history.py --self-test          shows that each kind of violation is found

A history is JSON lines: t = monotonic nanoseconds, e = one of
  start      client, role
  invoke     batch, kind, bundles: to, bundle, head, lines; a line is a case with its requests, a request, or an
             answer with its total; "refused": it breaks a rule on purpose, "again": said before, word for word
  ok         batch, stored, same, refused, duplicate, receipt (hash of the body), first (of this batch)
  info       outcome unknown; fail: refused as a whole; problem: the client found something wrong by itself
  deliver    position, attempt, from, batch, bundle, head, lines
  collect    tag, positions; collected: tag, unknown
  up, down   the session
  case       at the end: state, declared, requests: id, creditor, state, outcome, total, collected
"""
import bisect
import collections
import json
import os
import sys

COMPLETE, ANSWERED, CLAIMS = 3, 5, 1

WORDS = {
    "lost": "acknowledged and not delivered",
    "phantom": "delivered and never said, or to somebody else",
    "corrupt": "delivered with other bytes",
    "unstable": "receipt changed, or counts are wrong",
    "redelivered": "delivered after its collect was confirmed",
    "disorder": "order of a lane broken",
    "gap": "positions missing",
    "untimely": "said later, stands earlier",
    "double": "effect twice",
    "fold": "cases differ from the fold of what was accepted",
    "unfinished": "without outcome at the end",
    "problem": "problems a client saw",
}


class Batch:
    def __init__(self, sender, event):
        self.sender, self.invoked, self.kind = sender, event["t"], event["kind"]
        self.bundles = event["bundles"]
        self.acked, self.receipt, self.counts = None, None, None
        lines = [line for bundle in self.bundles for line in bundle["lines"]]
        refused = sum(1 for line in lines if line.get("refused"))
        again = sum(1 for line in lines if line.get("again"))
        self.expected = (len(lines) - refused, again, refused)


def item_of(line):
    """What a line is about, comparable between sender and recipient."""
    for kind in ("request", "answer"):
        if kind in line:
            return (kind, line[kind], line.get("total"))
    return ("case", line["case"], None)


def effective(bundle):
    return sorted(item_of(line) for line in bundle["lines"] if not line.get("refused") and not line.get("again"))


class Checker:
    """Feed the histories, then ask for `violations`: sentences by kind."""

    def __init__(self, histories, broker):
        self.histories, self.broker = histories, broker
        self.violations = {kind: [] for kind in WORDS}
        self.batches, self.bundles = {}, {}
        self.first = {}  # (recipient, bundle) -> first delivery
        self.positions = collections.defaultdict(dict)  # recipient -> position -> bundle
        self.collected = collections.defaultdict(set)  # recipient -> positions confirmed
        self.acks, self.resolved, self.deliveries, self.again = [], 0, 0, 0

    def fault(self, kind, sentence):
        self.violations[kind].append(sentence)

    def check(self):
        for oin, events in self.histories.items():
            self.read_sent(oin, events)
        for oin, events in self.histories.items():
            self.read_received(oin, events)
        self.check_durable()
        self.check_positions()
        self.check_real_time()
        self.check_told()
        self.check_cases()
        self.acks.sort()
        return self

    # ---------------------------------------------------------------- what was sent

    def read_sent(self, oin, events):
        for event in events:
            kind = event["e"]
            if kind == "invoke":
                batch = self.batches[event["batch"]] = Batch(oin, event)
                for bundle in batch.bundles:
                    self.bundles[bundle["bundle"]] = (batch, bundle)
            elif kind == "ok":
                self.read_ok(oin, event)
            elif kind in ("info", "fail"):
                self.fault("unfinished", f"{oin}: batch {event['batch']}: {kind} {event['err']}")
            elif kind == "problem":
                self.fault("problem", f"{oin}: {event}")
        if events[-1]["e"] != "end":
            self.fault("unfinished", f"{oin}: the history has no end")

    def read_ok(self, oin, event):
        batch = self.batches.get(event["batch"])
        counts = (event["stored"], event["same"], event["refused"])
        if batch is None or batch.sender != oin:
            self.fault("phantom", f"{oin}: a receipt for batch {event['batch']}, which was never sent")
            return
        if counts != batch.expected:
            self.fault("unstable", f"batch {event['batch']}: stored, same, refused {counts}, not {batch.expected}")
        if batch.acked is None:
            batch.acked, batch.receipt = event["t"], event["receipt"]
            self.acks.append(event["t"])
            self.resolved += event["duplicate"]
        else:
            self.again += 1
            if event["receipt"] != batch.receipt:
                self.fault("unstable", f"batch {event['batch']}: another receipt than the first time")
            if not event["duplicate"]:
                self.fault("double", f"batch {event['batch']}: sent again and not recognised")

    # ---------------------------------------------------------------- what was received

    def read_received(self, oin, events):
        asked, lanes = {}, {}
        for event in events:
            kind = event["e"]
            if kind == "deliver":
                self.read_delivery(oin, event, lanes)
            elif kind == "collect":
                asked[event["tag"]] = event["positions"]
            elif kind == "collected":
                positions = asked.pop(event["tag"], [])
                self.collected[oin] |= set(positions) - set(event["unknown"])
        for tag in asked:
            self.fault("unfinished", f"{oin}: collect {tag} has no answer")

    def read_delivery(self, oin, event, lanes):
        position, bundle = event["position"], event["bundle"]
        self.deliveries += 1
        if position in self.collected[oin]:
            self.fault("redelivered", f"{oin}: position {position}")
        if self.positions[oin].setdefault(position, bundle) != bundle:
            self.fault("corrupt", f"{oin}: position {position} holds another bundle than before")
        if (oin, bundle) in self.first:
            if self.first[oin, bundle]["position"] != position:
                self.fault("double", f"{oin}: bundle {bundle} at two positions")
            return
        self.first[oin, bundle] = event
        if lanes.get(event["from"], 0) > position:
            self.fault("disorder", f"{oin}: position {position} after {lanes[event['from']]} of {event['from']}")
        lanes[event["from"]] = max(position, lanes.get(event["from"], 0))
        if event["from"] != self.broker:
            self.check_content(oin, event)

    def check_content(self, oin, event):
        batch, bundle = self.bundles.get(event["bundle"], (None, None))
        if batch is None or batch.sender != event["from"] or bundle["to"] != oin:
            self.fault("phantom", f"{oin}: bundle {event['bundle']} from {event['from']}")
        elif bundle["head"] != event["head"] or self.batches.get(event["batch"]) is not batch:
            self.fault("corrupt", f"{oin}: bundle {event['bundle']} has another head")
        elif sorted(map(item_of, event["lines"])) != effective(bundle):
            self.fault("corrupt", f"{oin}: bundle {event['bundle']} shows other lines than were accepted")

    # ---------------------------------------------------------------- between the two

    def check_durable(self):
        for name, batch in self.batches.items():
            if batch.acked is None:
                self.fault("unfinished", f"batch {name} of {batch.sender} has no outcome")
                continue
            for bundle in batch.bundles:
                key = (bundle["to"], bundle["bundle"])
                if bundle["to"] != self.broker and effective(bundle) and key not in self.first:
                    self.fault("lost", f"bundle {key[1]} from {batch.sender} to {key[0]}")

    def check_positions(self):
        for oin, positions in self.positions.items():
            missing = set(range(1, max(positions) + 1)) - set(positions)
            if missing:
                self.fault("gap", f"{oin}: {len(missing)} positions, first {min(missing)} of {max(positions)}")

    def check_real_time(self):
        """What was acknowledged before something else was said stands before it in the lane."""
        lanes = collections.defaultdict(list)
        for batch in self.batches.values():
            for bundle in batch.bundles:
                event = self.first.get((bundle["to"], bundle["bundle"]))
                if event and batch.acked:
                    lanes[batch.sender, bundle["to"]].append((batch.acked, batch.invoked, event["position"]))
        for lane, entries in lanes.items():
            entries.sort()
            acked, highest = [entry[0] for entry in entries], []
            for entry in entries:
                highest.append(max(entry[2], highest[-1] if highest else 0))
            for _, invoked, position in entries:
                earlier = bisect.bisect_left(acked, invoked)
                if earlier and highest[earlier - 1] > position:
                    self.fault("untimely", f"{lane[0]} to {lane[1]}: position {position}")

    def check_told(self):
        """Each event once: published per request, complete per case; collected for each collected bundle."""
        published, complete, told = collections.Counter(), collections.Counter(), collections.defaultdict(set)
        for (oin, _), event in self.first.items():
            for line in event["lines"]:
                kind = line.get("event", "")
                if kind.endswith("PUBLISHED"):
                    published.update(line["requests"])
                elif kind.endswith("CASE_COMPLETE"):
                    complete[line["case"]] += 1
                elif kind.endswith("COLLECTED"):
                    told[oin, line["other"]] |= set(line["positions"])
        cases, requests = self.accepted()
        for name, counted, wanted in (("published", published, requests), ("complete", complete, cases)):
            for item in wanted.keys() | counted.keys():
                if counted[item] != (item in wanted):
                    self.fault("double", f"{item} was told {name} {counted[item]} times")
        senders = {(oin, event["position"]): event["from"] for (oin, _), event in self.first.items()}
        for (sender, oin), positions in told.items():
            for position in positions:
                if senders.get((oin, position)) != sender:
                    self.fault("phantom", f"{sender} was told that {oin} collected {position} of somebody else")
        for (oin, bundle), event in self.first.items():
            position, sender = event["position"], event["from"]
            if sender != self.broker and position in self.collected[oin] and position not in told[sender, oin]:
                self.fault("lost", f"{sender} was not told that {oin} collected {position}")

    def accepted(self):
        """The fold of what was acknowledged: cases with their requests, requests with their creditor."""
        cases, requests = {}, {}
        for batch in self.batches.values():
            if batch.acked is None or batch.kind != "cases":
                continue
            for bundle in batch.bundles:
                for line in bundle["lines"]:
                    if "case" in line:
                        cases[line["case"]] = (batch.sender, line["requests"])
                    elif not line.get("refused"):
                        requests[line["request"]] = bundle["to"]
        return cases, requests

    def check_cases(self):
        cases, requests = self.accepted()
        totals, answers = {}, collections.Counter()
        for event in self.first.values():
            for line in event["lines"]:
                if "answer" in line:
                    totals[line["answer"]] = line["total"]
                    answers[line["answer"]] += 1
        for request, count in answers.items():
            if count != 1:
                self.fault("double", f"request {request} has {count} answers")
        for oin, events in self.histories.items():
            shown = {event["case"]: event for event in events if event["e"] == "case"}
            expected = {case for case, (owner, _) in cases.items() if owner == oin}
            if len(shown) != sum(1 for event in events if event["e"] == "case"):
                self.fault("fold", f"{oin}: a case is shown twice")
            for case in shown.keys() ^ expected:
                self.fault("fold", f"{oin}: case {case} is {'unknown' if case in shown else 'missing'}")
            for case in shown.keys() & expected:
                self.check_case(case, shown[case], cases[case][1], requests, totals)

    def check_case(self, case, shown, declared, requests, totals):
        view = sorted(map(tuple, shown["requests"]))
        fold = sorted((r, requests.get(r), ANSWERED, CLAIMS, totals.get(r), True) for r in declared)
        if shown["state"] != COMPLETE or shown["declared"] != len(declared) or view != fold:
            self.fault("fold", f"case {case}: {shown} is not {fold}")

    # ---------------------------------------------------------------- kills

    def windows_with_acks(self, windows):
        """In how many of these (from, until) at least one batch was acknowledged."""
        return sum(1 for since, until in windows
                   if bisect.bisect_left(self.acks, until) > bisect.bisect_left(self.acks, since))

    def under_way(self, moments):
        """At how many of these moments at least one batch was said and not acknowledged."""
        began = sorted(batch.invoked for batch in self.batches.values())
        return sum(1 for moment in moments
                   if bisect.bisect_left(began, moment) > bisect.bisect_left(self.acks, moment))

    def rows(self):
        """(key, value, words) for a table."""
        return [("acks", len(self.acks), "batches acknowledged"),
                ("resolved", self.resolved, "of these stored before the connection broke"),
                ("sent_again", self.again, "acknowledged batches sent again"),
                ("deliveries", self.deliveries, "deliveries"),
                ("delivered_twice", self.deliveries - len(self.first), "of these before their collect"),
                ] + [(kind, len(self.violations[kind]), words) for kind, words in WORDS.items()]

    def sentence(self):
        """"" or what is wrong, with the first examples of each kind."""
        lines = [f"{kind} ({WORDS[kind]}): {len(found)}\n    " + "\n    ".join(found[:5])
                 for kind, found in self.violations.items() if found]
        if not self.acks:
            lines.append("vacuous: nothing was acknowledged")
        return "\n".join(lines)


# ---------------------------------------------------------------- does the checker find anything?

BROKER, COUNSELLOR, CREDITOR = "00000099000000000001", "00000099000000001000", "00000099000000002000"


def example():
    """Two cases of one counsellor, answered by one creditor; one line refused, one batch sent again, one answer
    said again, one delivery repeated before its collect."""
    def batch(t, name, kind, *bundles):
        return {"t": t, "e": "invoke", "batch": name, "kind": kind, "bundles": [
            {"to": to, "bundle": f"{name}{to}", "head": f"head-{name}{to}", "lines": lines} for to, lines in bundles]}

    def ok(t, name, counts, duplicate=False, first=True):
        return {"t": t, "e": "ok", "batch": name, "stored": counts[0], "same": counts[1], "refused": counts[2],
                "duplicate": duplicate, "first": first, "receipt": f"receipt-{name}"}

    def deliver(t, position, sender, name, to, lines):
        return {"t": t, "e": "deliver", "position": position, "attempt": 1, "from": sender, "batch": name,
                "bundle": f"{name}{to}", "head": f"head-{name}{to}", "lines": lines}

    def collect(t, tag, *positions):
        return [{"t": t, "e": "collect", "tag": tag, "positions": list(positions)},
                {"t": t + 1, "e": "collected", "tag": tag, "unknown": []}]

    def event(kind, requests=(), case=None, positions=()):
        return {"event": f"EVENT_KIND_{kind}", "other": CREDITOR if kind == "COLLECTED" else "",
                "requests": list(requests), "case": case, "positions": list(positions)}

    def view(t, case, request):
        return {"t": t, "e": "case", "case": case, "state": COMPLETE, "declared": 1,
                "requests": [[request, CREDITOR, ANSWERED, CLAIMS, 7, True]]}

    answer = {"answer": "r1", "total": 7}, {"answer": "r2", "total": 7}
    counsellor = [
        {"t": 1, "e": "start"},
        batch(10, "b1", "cases", (BROKER, [{"case": "c1", "requests": ["r1"]}]),
              (CREDITOR, [{"request": "r1"}, {"request": "rx", "refused": True}])),
        ok(20, "b1", (2, 0, 1)),
        batch(30, "b2", "cases", (BROKER, [{"case": "c2", "requests": ["r2"]}]), (CREDITOR, [{"request": "r2"}])),
        ok(40, "b2", (2, 0, 0), duplicate=True),
        ok(50, "b1", (2, 0, 1), duplicate=True, first=False),
        deliver(60, 1, BROKER, "s1", COUNSELLOR, [event("PUBLISHED", ["r1"]), event("PUBLISHED", ["r2"])]),
        deliver(61, 2, BROKER, "s2", COUNSELLOR, [event("COLLECTED", positions=[1, 2])]),
        deliver(100, 3, CREDITOR, "a1", COUNSELLOR, [answer[0]]),
        deliver(101, 4, CREDITOR, "a2", COUNSELLOR, [answer[1]]),
        deliver(102, 5, BROKER, "s3", COUNSELLOR, [event("CASE_COMPLETE", case="c1"),
                                                   event("CASE_COMPLETE", case="c2")]),
        *collect(110, 1, 1, 2, 3, 4, 5),
        view(120, "c1", "r1"), view(121, "c2", "r2"), {"t": 130, "e": "end"}]
    creditor = [
        {"t": 1, "e": "start"},
        deliver(25, 1, COUNSELLOR, "b1", CREDITOR, [{"request": "r1"}]),
        deliver(45, 1, COUNSELLOR, "b1", CREDITOR, [{"request": "r1"}]),
        deliver(46, 2, COUNSELLOR, "b2", CREDITOR, [{"request": "r2"}]),
        *collect(50, 1, 1, 2),
        batch(70, "a1", "answers", (COUNSELLOR, [answer[0]])), ok(80, "a1", (1, 0, 0)),
        batch(81, "a2", "answers", (COUNSELLOR, [answer[1]])), ok(90, "a2", (1, 0, 0)),
        batch(91, "a3", "answers", (COUNSELLOR, [answer[0] | {"again": True}])), ok(92, "a3", (1, 1, 0)),
        deliver(115, 3, BROKER, "s4", CREDITOR, [event("COLLECTED", positions=[3, 4])
                                                 | {"other": COUNSELLOR}]),
        *collect(116, 2, 3), {"t": 130, "e": "end"}]
    return json.loads(json.dumps({COUNSELLOR: counsellor, CREDITOR: creditor}))  # nothing is shared


def find(events, kind, **members):
    return next(event for event in events if event["e"] == kind and all(event[k] == v for k, v in members.items()))


def lose_a_delivery(c, d):
    d[:] = [e for e in d if not (e["e"] == "deliver" and e["position"] == 2)]


def lose_a_collected_event(c, d):
    find(c, "deliver", position=2)["lines"][0]["positions"] = [1]


def tell_of_mail_of_another(c, d):
    find(c, "deliver", position=2)["lines"][0]["positions"] = [1, 2, 3]


def deliver_what_nobody_said(c, d):
    d.append(find(d, "deliver", position=2) | {"position": 4, "bundle": "nobody"})


def deliver_to_another(c, d):
    find(c, "invoke", batch="b2")["bundles"][1]["to"] = BROKER


def change_a_head(c, d):
    find(d, "deliver", position=2)["head"] = "other"


def change_an_amount(c, d):
    find(c, "deliver", position=3)["lines"][0]["total"] = 8


def deliver_a_refused_line(c, d):
    for event in d:
        if event["e"] == "deliver" and event["position"] == 1:
            event["lines"] = event["lines"] + [{"request": "rx"}]


def change_a_receipt(c, d):
    find(c, "ok", batch="b1", first=False)["receipt"] = "other"


def store_a_line_less(c, d):
    find(d, "ok", batch="a2")["stored"] = 0


def deliver_after_collect(c, d):
    d.insert(-1, find(d, "deliver", position=2) | {"t": 60, "attempt": 2})


def swap_first_deliveries(c, d):
    i, j = (c.index(find(c, "deliver", position=p)) for p in (3, 4))
    c[i], c[j] = c[j], c[i]


def skip_a_position(c, d):
    find(c, "deliver", position=5)["position"] = 6
    find(c, "collect", tag=1)["positions"][-1] = 6


def stand_before_what_was_acknowledged_earlier(c, d):
    for p, q in ((3, 40), (4, 3), (40, 4)):
        find(c, "deliver", position=p)["position"] = q


def forget_that_a_batch_was_there(c, d):
    find(c, "ok", batch="b1", first=False)["duplicate"] = False


def publish_twice(c, d):
    find(c, "deliver", position=1)["lines"][1]["requests"] = ["r1", "r2"]


def complete_twice(c, d):
    find(c, "deliver", position=5)["lines"][1]["case"] = "c1"


def answer_twice(c, d):
    find(c, "deliver", position=4)["lines"][0]["answer"] = "r1"


def place_a_bundle_twice(c, d):
    d.insert(-1, find(d, "deliver", position=2) | {"t": 117, "position": 4})


def drop_a_case(c, d):
    c.remove(find(c, "case", case="c2"))


def leave_a_case_open(c, d):
    find(c, "case", case="c1")["requests"][0][2] = 3


def never_hear_of_a_batch(c, d):
    d.remove(find(d, "ok", batch="a2"))


def never_hear_of_a_collect(c, d):
    d.remove(find(d, "collected", tag=2))


def see_a_problem(c, d):
    d.insert(1, {"t": 2, "e": "problem", "err": "UNSEAL"})


MUTATIONS = {
    "lost": [lose_a_delivery, lose_a_collected_event],
    "phantom": [deliver_what_nobody_said, deliver_to_another, tell_of_mail_of_another],
    "corrupt": [change_a_head, change_an_amount, deliver_a_refused_line],
    "unstable": [change_a_receipt, store_a_line_less],
    "redelivered": [deliver_after_collect],
    "disorder": [swap_first_deliveries],
    "gap": [skip_a_position],
    "untimely": [stand_before_what_was_acknowledged_earlier],
    "double": [forget_that_a_batch_was_there, publish_twice, complete_twice, answer_twice, place_a_bundle_twice],
    "fold": [drop_a_case, leave_a_case_open],
    "unfinished": [never_hear_of_a_batch, never_hear_of_a_collect],
    "problem": [see_a_problem],
}


def self_test():
    good = Checker(example(), BROKER).check()
    missed = [f"the good history: {good.sentence()}"] if good.sentence() else []
    for kind, mutations in MUTATIONS.items():
        for mutate in mutations:
            histories = example()
            mutate(histories[COUNSELLOR], histories[CREDITOR])
            checker = Checker(histories, BROKER).check()
            if not checker.violations[kind]:
                missed.append(f"{mutate.__name__}: no '{kind}', but: {checker.sentence() or 'all well'}")
    if not Checker({COUNSELLOR: [{"t": 1, "e": "end"}]}, BROKER).check().sentence():
        missed.append("an empty history is not vacuous")
    if set(MUTATIONS) != set(WORDS):
        missed.append("a kind of violation has no mutation")
    print("\n".join(missed))
    count = sum(map(len, MUTATIONS.values()))
    print(f"check_history: {'FAILED' if missed else 'ok'}, {count - len(missed)} of {count} violations found")
    return 1 if missed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if not sys.argv[1:]:
        sys.exit(__doc__)
    histories = {}
    for path in sys.argv[1:]:
        with open(path) as file:
            histories[os.path.basename(path).split(".")[0]] = [json.loads(line) for line in file]
    checker = Checker(histories, BROKER).check()
    for key, value, words in checker.rows():
        print(f"{key}={value}  # {words}")
    print(checker.sentence() or "check_history: ok")
    return 1 if checker.sentence() else 0


if __name__ == "__main__":
    sys.exit(main())
