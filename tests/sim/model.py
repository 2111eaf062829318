#!/usr/bin/python3
"""The judge of a simulation: what must be so, whatever broke meanwhile.

usage: model.py HISTORY                 reads one history of `sim`, prints totals and what is wrong
       model.py --self-test HISTORY     shows on a good history that each kind of violation is found

Written from proto/PROTOCOL.md and the table of states in broker/domain/request.h, not from the broker's code. The
acknowledged batches, in the order of the broker's chain, are folded into cases, requests and mailboxes; every receipt,
delivery, event and view must be what the fold says.

A history is JSON lines: t = virtual microseconds, e = the event, who = a participant or "":
  world, agreement           who takes part, what was agreed
  invoke                     batch, header (hash), root, bundles: to, bundle, lines (fact, leaf and what it says)
  ok                         a receipt: sequence, index, commit (hash), body, path, refused, at (business), duplicate
  info, fail, again          outcome open; refused as a whole; an acknowledged batch goes once more
  deliver, collect, collected, release
  up, head, down, start, end, later, problem           sessions, heads seen in Welcome, processes, errors
  fault, heal, broker        what was broken and when
  rest                       the end: everything collected, at this business time
  case, link                 the views of counsellors, and every link of the chain, at the end
"""
import bisect
import collections
import json
import sys

from model_fold import (
    ANSWERED, CASE_COMPLETE, COLLECTED, COMPLETE, INCOMPLETE, INVENTORY, LATE, OVERDUE, PUBLISHED, RECORDED,
    ROUND_CLOSED, SLACK_MS, TOLD_OVERDUE, TO_DECIDE, WAITING, Agreement, Fold, Request, hash_of, merkle_root,
    number_of, one, overdue_at, read_message)
from model_mistakes import MUTATIONS

WORDS = {
    "lost": "acknowledged and not delivered or not told",
    "phantom": "delivered and never said, or to somebody else",
    "corrupt": "delivered with other content",
    "receipt": "a receipt that is not what the fold says, or changed",
    "chain": "the chain of the broker does not add up",
    "redelivered": "delivered after its collect was confirmed",
    "order": "order of a lane broken, or positions missing",
    "twice": "took effect or was told twice",
    "view": "cases are not what the fold says",
    "told": "an event that is not true",
    "unfinished": "without outcome at the end",
    "problem": "problems a client saw",
    "vacuous": "nothing was tested",
}


# ---------------------------------------------------------------- the judge

class Batch:
    def __init__(self, event):
        self.who, self.id, self.t, self.bundles = event["who"], event["batch"], event["t"], event["bundles"]
        self.root, self.header = event["root"], event["header"]
        self.oks, self.verdicts = [], None

    def lines(self):
        return sum(len(bundle["lines"]) for bundle in self.bundles)


class Judge:
    def __init__(self, events):
        self.events = events
        self.violations = {kind: [] for kind in WORDS}
        self.of = collections.defaultdict(list)
        for event in events:
            self.of[event["e"]].append(event)
        self.world = self.of["world"][0]
        self.broker = self.world["broker"]
        self.agreements = {event["creditor"]: Agreement(event) for event in self.of["agreement"]}
        self.batches, self.reused, self.bundles = {}, collections.Counter(), {}
        self.first, self.collected = {}, collections.defaultdict(dict)
        self.resolved = self.redeliveries = 0

    def fault(self, kind, sentence):
        self.violations[kind].append(sentence)

    def check(self):
        self.read_batches()
        self.read_chain()
        self.read_mail()
        self.run_fold()
        self.check_mail()
        self.check_told()
        self.check_views()
        self.check_vacuous()
        return self

    # ------------------------------------------------------------ what was said

    def read_batches(self):
        failed = collections.Counter()
        for event in self.events:
            kind, key = event["e"], (event["who"], event.get("batch"))
            if kind == "invoke":
                if key in self.batches:
                    self.reused[key] += 1  # other bytes under a used id
                else:
                    batch = self.batches[key] = Batch(event)
                    self.bundles.update({bundle["bundle"]: (batch, bundle) for bundle in batch.bundles})
            elif kind == "ok":
                self.read_ok(key, event)
            elif kind == "fail":
                failed[key] += 1
                if key not in self.reused or event["err"] != "ID_REUSED":
                    self.fault("receipt", f"{key} was refused: {event['err']}")
            elif kind == "problem":
                self.fault("problem", f"{event}")
        for key, batch in self.batches.items():
            if not batch.oks:
                self.fault("unfinished", f"batch {key} has no receipt")
        for key in self.reused:
            if failed[key] < 1:
                self.fault("twice", f"batch {key}: other bytes under the same id were not refused")

    def read_ok(self, key, event):
        batch = self.batches.get(key)
        if batch is None:
            self.fault("phantom", f"a receipt for {key}, which was never said")
            return
        if batch.oks:
            before = batch.oks[0]
            same = all(before[name] == event[name] for name in ("body", "commit", "index", "path"))
            if not same:
                self.fault("receipt", f"batch {key}: another receipt than the first time")
            if not event["duplicate"]:
                self.fault("twice", f"batch {key}: sent again and not recognised")
        else:
            self.resolved += event["duplicate"]
        batch.oks.append(event)

    # ------------------------------------------------------------ the chain

    def read_chain(self):
        links, previous, receipts = {}, bytes(32), 0
        for number, event in enumerate(sorted(self.of["link"], key=lambda e: e["sequence"]), 1):
            header = bytes.fromhex(event["header"])
            fields = read_message(header)
            if event["sequence"] != number or one(fields, 4) != number or one(fields, 5) != previous:
                self.fault("chain", f"link {event['sequence']} does not follow link {number - 1}")
            previous = hash_of(header)
            links[number] = (previous.hex(), fields)
            receipts += one(fields, 7)
        for event in self.of["head"] + self.of["ok"]:
            if links.get(event["sequence"], ("",))[0] != event["commit"]:
                self.fault("chain", f"{event['who']} saw a link {event['sequence']} that is not in the chain")
        known = sum(1 for batch in self.batches.values() if batch.oks)
        if receipts != known:
            self.fault("twice", f"the chain holds {receipts} receipts, {known} batches have one")
        for batch in self.batches.values():
            if batch.oks:
                self.check_receipt(batch, batch.oks[0], links)

    def check_receipt(self, batch, event, links):
        body = bytes.fromhex(event["body"])
        fields = read_message(body)
        about = (one(fields, 2, b"").decode(), one(fields, 3, b"").hex(), one(fields, 4, b"").hex())
        if about != (batch.who, batch.id, batch.root):
            self.fault("receipt", f"batch {batch.id}: the receipt is about {about}")
        _, header = links.get(event["sequence"], ("", collections.defaultdict(list)))
        root = merkle_root(hash_of(b"\0", body), event["index"], one(header, 7), map(bytes.fromhex, event["path"]))
        if root is None or root != one(header, 6):
            self.fault("chain", f"batch {batch.id}: its receipt is not under its link")

    # ------------------------------------------------------------ mail

    def read_mail(self):
        """Deliveries and collects, each as it came; what they show is looked at after the fold."""
        asked, lanes, self.shown = {}, {}, collections.defaultdict(dict)
        self.told, self.publications = [], {}
        for event in self.events:
            kind, who = event["e"], event["who"]
            if kind == "deliver":
                self.read_delivery(event, lanes)
            elif kind == "collect":
                asked[who, event["tag"]] = event["positions"]
            elif kind == "collected":
                for position in set(asked.pop((who, event["tag"]), ())) - set(event["unknown"]):
                    self.collected[who].setdefault(position, event["t"])

    def read_delivery(self, event, lanes):
        who, position, sender = event["who"], event["position"], event["from"]
        if self.collected[who].get(position, event["t"]) < event["t"]:
            self.fault("redelivered", f"{who}: position {position}")
        content = (event["bundle"], [(line["leaf"], line["fact"]) for line in event["lines"]])
        if self.shown[who].setdefault(position, content) != content:
            self.fault("corrupt", f"{who}: position {position} shows something else than before")
        if (who, position) in self.first:
            self.redeliveries += 1
            return
        self.first[who, position] = event
        if lanes.get((who, sender), 0) > position:
            self.fault("order", f"{who}: position {position} after {lanes[who, sender]} of {sender}")
        lanes[who, sender] = position
        if sender == self.broker:
            self.read_told(who, event)

    def read_told(self, who, event):
        for line in event["lines"]:
            if line["fact"] == "withheld":
                continue
            self.told.append((who, line))
            if line["fact"] == "event" and line["kind"] == PUBLISHED:
                for request in line["requests"]:
                    self.publications.setdefault(request, line)

    # ------------------------------------------------------------ receipts against the fold

    def run_fold(self):
        self.fold = Fold(self.broker, self.agreements, self.publications)
        known = [batch for batch in self.batches.values() if batch.oks]
        for batch in sorted(known, key=lambda b: (b.oks[0]["sequence"], b.oks[0]["index"])):
            event = batch.oks[0]
            batch.verdicts = self.fold.batch(batch.who, batch.bundles, event["at"])
            refused, same = [], 0
            for b, verdicts in enumerate(batch.verdicts):
                same += verdicts.count("same")
                refused += [[b, n, v] for n, v in enumerate(verdicts) if v not in ("taken", "same")]
            stored = batch.lines() - len(refused)
            if sorted(event["refused"]) != refused or (event["stored"], event["same"]) != (stored, same):
                self.fault("receipt", f"batch {batch.id} of {batch.who}: {event['refused']} refused, {event['stored']} "
                                      f"stored, {event['same']} without effect; should be {refused}, {stored}, {same}")

    # ------------------------------------------------------------ deliveries against the fold

    def check_mail(self):
        visible = collections.Counter()
        for (who, position), event in self.first.items():
            if event["from"] != self.broker:
                self.check_content(who, event, visible)
        for bundle, (batch, said) in self.bundles.items():
            if said["to"] == self.broker or batch.verdicts is None:
                continue
            verdicts = batch.verdicts[batch.bundles.index(said)]
            for n, verdict in enumerate(verdicts):
                request = self.fold.places.get((bundle, n))
                wanted = verdict == "taken" and (request is None or request.due is not None)
                if visible[bundle, n] != wanted:
                    kind = "lost" if visible[bundle, n] < wanted else "twice"
                    self.fault(kind, f"line {n} of bundle {bundle} came {visible[bundle, n]} times: {verdict}")
        for who, positions in self.shown.items():
            missing = set(range(1, max(positions) + 1)) - set(positions)
            if missing:
                self.fault("order", f"{who}: {len(missing)} positions missing, first {min(missing)}")
        self.check_real_time()

    def check_content(self, who, event, visible):
        batch, said = self.bundles.get(event["bundle"], (None, None))
        if batch is None or (batch.who, batch.id, said["to"]) != (event["from"], event["batch"], who):
            self.fault("phantom", f"{who}: bundle {event['bundle']} from {event['from']}")
            return
        if [line["leaf"] for line in event["lines"]] != [line["leaf"] for line in said["lines"]]:
            self.fault("corrupt", f"{who}: bundle {event['bundle']} has other lines than were said")
        for n, line in enumerate(event["lines"]):
            visible[event["bundle"], n] += line["fact"] != "withheld"

    def check_real_time(self):
        """What was acknowledged before something else was said stands before it in the lane."""
        lanes = collections.defaultdict(list)
        for (who, position), event in self.first.items():
            batch, _ = self.bundles.get(event["bundle"], (None, None))
            waited = batch and any(request.waits for n in range(len(event["lines"]))
                                   if (request := self.fold.places.get((event["bundle"], n))))
            if batch and batch.oks and not waited:
                lanes[batch.who, who].append((batch.oks[0]["t"], batch.t, position))
        for lane, entries in lanes.items():
            entries.sort()
            acked, highest = [entry[0] for entry in entries], []
            for entry in entries:
                highest.append(max(entry[2], highest[-1] if highest else 0))
            for _, invoked, position in entries:
                earlier = bisect.bisect_left(acked, invoked)
                if earlier and highest[earlier - 1] > position:
                    self.fault("order", f"{lane[0]} to {lane[1]}: position {position} was said later than it stands")

    # ------------------------------------------------------------ what the broker told

    def check_told(self):
        self.end = self.of["rest"][0]["business"] if self.of["rest"] else 0
        counts, rounds, closed = collections.Counter(), collections.defaultdict(list), collections.Counter()
        overdue, collected = collections.defaultdict(dict), set()
        for who, line in self.told:
            if line["fact"] == "overview":
                rounds[who, line["round"]].append(line)
            elif line["kind"] == PUBLISHED:
                self.check_published(who, line, counts)
            elif line["kind"] == TOLD_OVERDUE:
                for request in line["requests"]:
                    counts["overdue", who, request] += 1
                    overdue[request][who] = line
            elif line["kind"] == CASE_COMPLETE:
                counts["complete", who, line["case"]] += 1
            elif line["kind"] == COLLECTED:
                for position in line["positions"]:  # a statement said again may tell the rest of itself
                    counts["collected", who, line["other"], position] += 1
                    collected.add((who, line["other"], position))
            elif line["kind"] == ROUND_CLOSED:
                closed[who, line["round"]] += 1
        for key, count in counts.items():
            if count > 1 and key[0] != "complete":
                self.fault("twice", f"{key} was told {count} times")
        for request in self.fold.requests.values():
            self.check_request_told(request, counts, overdue[request.id])
        for (counsellor, name), case in self.fold.cases.items():
            count = counts["complete", counsellor, name]
            least = 1 if case.is_complete() else 0
            if not least <= count <= case.completions or (case.updates == 0 and count != least):
                self.fault("told", f"case {name} was told complete {count} times, {case.completions} times it was")
        for kind, who, name in [key for key in counts if key[0] == "complete"]:
            if (who, name) not in self.fold.cases:
                self.fault("told", f"{who} was told complete of case {name}, which is not its own")
        self.check_collected_told(collected)
        self.check_rounds(rounds, closed)

    def check_published(self, who, line, counts):
        for name in line["requests"]:
            counts["published", name] += 1
            request = self.fold.requests.get(name)
            if request is None or request.counsellor != who or request.creditor != line["other"]:
                self.fault("told", f"{who} was told of request {name}, which is not its own")
            elif request.due is None or number_of(request.due) != line["due"]:
                self.fault("told", f"request {name}: due {line['due']}, not {request.due}")
            elif request.waits != bool(line["round"]):
                self.fault("told", f"request {name}: round {line['round']!r}, waits {request.waits}")

    def check_request_told(self, request, counts, overdue):
        told = counts["published", request.id]
        if request.waits:
            # The wall clock may have gone back over an opening that has been.
            opening = self.agreements[request.creditor].next_opening(request.registered + SLACK_MS)[1]
            if not told and self.end > opening + SLACK_MS:
                self.fault("lost", f"request {request.id} waits for a round that opened at {opening}")
            elif told and not request.registered - SLACK_MS <= request.published <= opening + SLACK_MS:
                self.fault("told", f"request {request.id} was published at {request.published}, opening {opening}")
        elif told != 1:
            self.fault("lost", f"request {request.id} was told published {told} times")
        if request.due is None:
            return
        sides = [counts["overdue", side, request.id] for side in (request.counsellor, request.creditor)]
        at, answered = overdue_at(request.due), request.first_answer
        must = self.end > at + SLACK_MS and (answered is None or answered > at + SLACK_MS)
        may = self.end > at - SLACK_MS and (answered is None or answered > at - SLACK_MS)
        if sides[0] != sides[1] or sides[0] > may or sides[0] < must:
            self.fault("told", f"request {request.id}: told overdue {sides}, due {request.due}, answered {answered}")
        for line in overdue.values():
            if line["at"] < at or line["due"] != number_of(request.due):
                self.fault("told", f"request {request.id}: overdue too early, at {line['at']}")

    def check_collected_told(self, collected):
        """Each sender, and nobody else, hears that its mail was collected."""
        for sender, who, position in collected:
            if self.first.get((who, position), {}).get("from") != sender:
                self.fault("told", f"{sender} was told that {who} collected {position} of somebody else")
        for (who, position), event in self.first.items():
            if event["from"] != self.broker and (event["from"], who, position) not in collected:
                self.fault("lost", f"{event['from']} was not told that {who} collected {position}")

    def check_rounds(self, rounds, closed):
        for key, lines in rounds.items():
            lines.sort(key=lambda line: line["part"])
            items = [item for line in lines for item in line["items"]]
            parts = [line["part"] for line in lines]
            last = [line["part"] for line in lines if line["last"]]
            if parts != list(range(1, len(parts) + 1)) or last != parts[-1:]:
                self.fault("told", f"overview {key} has parts {parts}")
            if lines[-1]["total"] != len(items) or len(set(items)) != len(items):
                self.fault("told", f"overview {key}: {len(items)} items, {lines[-1]['total']} told")
            for name, line in self.publications.items():
                if line["round"] == key[1] and name not in items:
                    self.fault("lost", f"overview {key} does not show {name}")
        for key, count in closed.items():
            if count > 1 or key not in rounds:
                self.fault("twice", f"round {key} was closed {count} times, overviews {len(rounds[key])}")

    # ------------------------------------------------------------ views

    def check_views(self):
        shown = {}
        for event in self.of["case"]:
            if (event["who"], event["case"]) in shown:
                self.fault("view", f"case {event['case']} is shown twice")
            shown[event["who"], event["case"]] = event
        for key in shown.keys() ^ self.fold.cases.keys():
            self.fault("view", f"case {key} is {'unknown' if key in shown else 'missing'}")
        for key in shown.keys() & self.fold.cases.keys():
            self.check_view(shown[key], self.fold.cases[key])

    def view_of(self, name, request):
        if request is None:
            return [name, "", 0, 0, 0, 0, 0, False]
        due = number_of(request.due) if request.due else 0
        creditor = getattr(request, "creditor", "")
        collected = isinstance(request, Request) and request.due is not None
        said = [request.outcome, request.consent, request.total]
        return [name, creditor, request.state(self.end)] + said + [due, collected]

    def check_view(self, event, case):
        wanted = sorted(self.view_of(name, request) for name, request in case.requests.items())
        states = [view[2] for view in wanted]
        if 0 in states:
            state = INCOMPLETE
        else:
            state = COMPLETE if all(s in (ANSWERED, LATE, RECORDED) for s in states) else INVENTORY
        decide = sum(view[2] in (ANSWERED, LATE, RECORDED) and view[3] in TO_DECIDE for view in wanted)
        found = (event["state"], event["declared"], event["to_decide"], sorted(event["requests"]))
        if found != (state, len(wanted), decide, wanted):
            self.fault("view", f"case {event['case']}: {found} is not {(state, len(wanted), decide, wanted)}")

    # ------------------------------------------------------------ did anything happen?

    def check_vacuous(self):
        acks = sorted(batch.oks[0]["t"] for batch in self.batches.values() if batch.oks)
        faults = [event["t"] for event in self.of["fault"]]
        self.acks, self.faults = len(acks), len(faults)
        ends = faults[1:] + [self.of["heal"][0]["t"] if self.of["heal"] else 0]
        self.windows = sum(bisect.bisect_left(acks, end) > bisect.bisect_left(acks, start)
                           for start, end in zip(faults, ends))
        if not acks:
            self.fault("vacuous", "nothing was acknowledged")
        if not self.world["calm"] and not self.windows:
            self.fault("vacuous", f"{len(faults)} faults, nothing was acknowledged between them")
        if not self.of["rest"]:
            self.fault("unfinished", "the history has no end")

    def totals(self):
        """What a table adds up over runs."""
        taken = collections.Counter(verdict for batch in self.batches.values() for verdicts in batch.verdicts or ()
                                    for verdict in verdicts)
        states = collections.Counter(request.state(self.end) for request in self.fold.requests.values())
        return {"acks": self.acks, "resolved": self.resolved, "faults": self.faults, "windows": self.windows,
                "deliveries": len(self.first), "redeliveries": self.redeliveries, "cases": len(self.fold.cases),
                "requests": len(self.fold.requests), "answered": states[ANSWERED], "late": states[LATE],
                "overdue": states[OVERDUE], "waiting": states[WAITING], "lines_taken": taken.pop("taken", 0),
                "lines_same": taken.pop("same", 0), "lines_refused": sum(taken.values())}

    def kinds(self):
        """Counters of faults and refusals by name."""
        faults = collections.Counter(event["kind"] for event in self.of["fault"])
        refusals = collections.Counter(refused[2] for event in self.of["ok"] for refused in event["refused"])
        refusals.update(event["err"] for event in self.of["fail"])
        return faults, refusals

    def sentence(self):
        """"" or what is wrong, with the first examples of each kind."""
        return "\n".join(f"{kind} ({WORDS[kind]}): {len(found)}\n    " + "\n    ".join(found[:3])
                         for kind, found in self.violations.items() if found)


def judge(path):
    with open(path) as file:
        return Judge([json.loads(line) for line in file]).check()


def self_test(path):
    with open(path) as file:
        text = file.read().splitlines()
    good = Judge([json.loads(line) for line in text]).check()
    missed = [f"the good history: {good.sentence()}"] if good.sentence() else []
    for kind, mutations in MUTATIONS.items():
        for mutate in mutations:
            events = [json.loads(line) for line in text]
            mutate(events, good.broker)
            if not Judge(events).check().violations[kind]:
                missed.append(f"{mutate.__name__}: no '{kind}'")
    if set(MUTATIONS) != set(WORDS):
        missed.append("a kind of violation has no mutation")
    count = sum(map(len, MUTATIONS.values()))
    print("\n".join(missed + [f"model: {'FAILED' if missed else 'ok'}, {count - len(missed)} of {count} found"]))
    return 1 if missed else 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--self-test":
        return self_test(sys.argv[2])
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    judged = judge(sys.argv[1])
    print(" ".join(f"{key}={value}" for key, value in judged.totals().items()))
    print(judged.sentence() or "model: ok")
    return 1 if judged.sentence() else 0


if __name__ == "__main__":
    sys.exit(main())
