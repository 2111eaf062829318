"""What the broker must hold after the acknowledged batches: the calendar, the proofs and the fold, by PROTOCOL.md."""
import collections
import datetime
import functools
import hashlib
import zoneinfo

AMSTERDAM = zoneinfo.ZoneInfo("Europe/Amsterdam")
WAITING, REQUESTED, OVERDUE, ANSWERED, LATE, OFF_NETWORK, RECORDED = 2, 3, 4, 5, 6, 7, 8
INCOMPLETE, INVENTORY, COMPLETE = 1, 2, 3
CLAIMS, PRE_AGREED = 1, 1
TO_DECIDE = (2, 3, 5, 6)
PUBLISHED, COLLECTED, TOLD_OVERDUE, ROUND_CLOSED, CASE_COMPLETE = 1, 2, 3, 4, 5
DEFAULT_TERM, URGENT_TERM, LONGEST_WAIT = 10, 1, 5
SLACK_MS = 5 * 60 * 1000  # the wall clock jumps a minute either way, and a broker may be down for a while


# ---------------------------------------------------------------- calendar, from the law

def easter(year):
    a, b, c = year % 19, year // 100, year % 100
    d, e, f = b // 4, b % 4, (b + 8) // 25
    h = (19 * a + b - d - (b - f + 1) // 3 + 15) % 30
    i = (32 + 2 * e + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * i) // 451
    month, day = divmod(h + i - 7 * m + 114, 31)
    return datetime.date(year, month, day + 1)


@functools.cache
def holidays(year):
    """Algemene termijnenwet, article 3."""
    sunday, days, king = easter(year), datetime.timedelta, datetime.date(year, 4, 27)
    fixed = {datetime.date(year, month, day) for month, day in ((1, 1), (5, 5), (12, 25), (12, 26))}
    return fixed | {sunday - days(2), sunday + days(1), sunday + days(39), sunday + days(50),
                    king if king.weekday() < 6 else king - days(1)}


def is_working_day(day):
    return day.weekday() < 5 and day not in holidays(day.year)


def add_working_days(day, count):
    while count > 0:
        day += datetime.timedelta(1)
        count -= is_working_day(day)
    return day


def date_of(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, AMSTERDAM).date()


def ms_of(day, minute):
    at = datetime.datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=AMSTERDAM)
    return int(at.timestamp() * 1000)


def number_of(day):
    return day.year * 10000 + day.month * 100 + day.day


def end_of(day):
    """24:00 of that day."""
    return ms_of(day + datetime.timedelta(1), 0)


def overdue_at(day):
    return ms_of(add_working_days(day, 1), 7 * 60)


# ---------------------------------------------------------------- bytes

def read_message(data):
    """Fields of a protobuf message by number: numbers and bytes, in lists."""
    fields, at = collections.defaultdict(list), 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            fields[tag >> 3].append(varint())
        elif tag & 7 == 2:
            length = varint()
            fields[tag >> 3].append(data[at:at + length])
            at += length
        else:
            raise ValueError(f"wire type {tag & 7}")
    return fields


def one(fields, number, default=0):
    return fields[number][0] if fields[number] else default


def hash_of(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def merkle_root(leaf, index, count, path):
    """RFC 9162, section 2.1.3.2."""
    node, last, rest = leaf, count - 1, list(path)
    if index >= count:
        return None
    for sibling in rest:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = hash_of(b"\1", sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hash_of(b"\1", node, sibling)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


# ---------------------------------------------------------------- the fold

class Agreement:
    def __init__(self, event):
        self.id, self.creditor, self.covenant = event["id"], event["creditor"], event["covenant"]
        self.term, self.weekdays, self.minute = event["term"], event["weekdays"], event["minute"]

    def next_opening(self, now):
        """The date and moment after `now`; None: no schedule."""
        day = date_of(now)
        for _ in range(400 if self.weekdays else 0):
            if self.weekdays >> day.weekday() & 1 and is_working_day(day) and ms_of(day, self.minute) > now:
                return day, ms_of(day, self.minute)
            day += datetime.timedelta(1)
        return None

    def waits(self, now):
        opening = self.next_opening(now)
        if opening is None:
            return False
        day, wait = date_of(now), 0
        while day < opening[0]:
            day += datetime.timedelta(1)
            wait += is_working_day(day)
        return wait <= LONGEST_WAIT


class Request:
    def __init__(self, request, counsellor, creditor, leaf, place, line, now):
        self.id, self.counsellor, self.creditor, self.leaf = request, counsellor, creditor, leaf
        self.place, self.urgent, self.registered = place, line["urgent"], now
        self.waits, self.due, self.published = False, None, None
        self.version, self.answer_leaf = 0, None
        self.outcome, self.consent, self.total = 0, 0, 0
        self.first_answer = None  # business time

    def state(self, end):
        """As everybody sees it at business time `end`."""
        if self.first_answer is not None:
            return ANSWERED if self.first_answer < end_of(self.due) else LATE
        if self.due is None:
            return WAITING
        return OVERDUE if end >= overdue_at(self.due) else REQUESTED


class Letter:
    """A request that goes on paper."""
    def __init__(self, request, leaf):
        self.id, self.leaf, self.version = request, leaf, 0
        self.outcome, self.consent, self.total, self.due = 0, 0, 0, None

    def state(self, end):
        return RECORDED if self.version else OFF_NETWORK


class Case:
    def __init__(self, line):
        self.leaf, self.version, self.persons = line["leaf"], line["version"], line["persons"]
        self.requests = dict.fromkeys(line["requests"])  # id -> Request, Letter or None: not taken yet
        self.completions, self.was_complete, self.updates = 0, False, 0

    def is_complete(self):
        return all(r is not None and (r.version > 0) for r in self.requests.values())

    def note(self):
        complete = self.is_complete()
        self.completions += complete and not self.was_complete
        self.was_complete = complete


class Fold:
    """What the broker holds after the acknowledged batches, line by line."""

    def __init__(self, broker, agreements, publications):
        self.broker, self.agreements, self.publications = broker, agreements, publications
        self.cases, self.requests, self.places = {}, {}, {}

    def batch(self, sender, bundles, now):
        """Gives for each line of each bundle "taken", "same" or the name of the refusal."""
        verdicts = [[None] * len(bundle["lines"]) for bundle in bundles]
        declared = {}
        for own in (True, False):
            for b, bundle in enumerate(bundles):
                if (bundle["to"] != self.broker) == own:
                    continue
                for cases in ((True, False) if own else (False,)):
                    for n, line in enumerate(bundle["lines"]):
                        if (line["fact"] == "case") == cases:
                            verdicts[b][n] = self.line(sender, bundle, n, line, declared, now)
        return verdicts

    def line(self, sender, bundle, n, line, declared, now):
        fact = line["fact"]
        if fact == "case":
            return self.case(sender, line, declared)
        if fact == "off_network":
            return self.take(line, declared, lambda: Letter(line["id"], line["leaf"]))
        if fact == "recorded":
            return self.recorded(sender, line)
        if fact == "request":
            return self.request(sender, bundle, n, line, declared, now)
        return self.answer(sender, bundle["to"], line, now)

    def case(self, sender, line, declared):
        present, verdict = self.cases.get((sender, line["id"])), "taken"
        if present is None:
            present = self.cases[sender, line["id"]] = Case(line)
        elif present.leaf == line["leaf"]:
            verdict = "same"
        else:
            dropped = [r for name, r in present.requests.items() if name not in line["requests"] and r is not None]
            if line["version"] != present.version + 1 or line["persons"] != present.persons or dropped:
                return "CASE_CHANGED"
            present.leaf, present.version = line["leaf"], line["version"]
            present.requests = {name: present.requests.get(name) for name in line["requests"]}
            present.updates += 1
            present.note()
        for name in present.requests:
            declared[name] = present
        return verdict

    def take(self, line, declared, make):
        case = declared.get(line["id"])
        if case is None:
            return "REQUEST_NOT_DECLARED"
        present = case.requests[line["id"]]
        if present is not None:
            return "same" if present.leaf == line["leaf"] else "ID_REUSED"
        case.requests[line["id"]] = make()
        case.note()
        return "taken"

    def request(self, sender, bundle, n, line, declared, now):
        request = Request(line["id"], sender, bundle["to"], line["leaf"], (bundle["bundle"], n), line, now)
        verdict = self.take(line, declared, lambda: request)
        if verdict != "taken":
            return verdict
        request.case = declared[line["id"]]
        self.requests[line["id"]] = self.places[request.place] = request
        agreement = self.agreements.get(bundle["to"])
        if not request.urgent and agreement and agreement.waits(now):
            request.waits = True
            told = self.publications.get(line["id"])
            if told:
                request.published = told["at"]
                request.due = add_working_days(date_of(told["at"]), agreement.term)
        else:
            term = URGENT_TERM if request.urgent else agreement.term if agreement else DEFAULT_TERM
            request.published, request.due = now, add_working_days(date_of(now), term)
        return "taken"

    def recorded(self, sender, line):
        case = self.cases.get((sender, line["case"]))
        if case is None:
            return "CASE_UNKNOWN"
        if line["id"] not in case.requests:
            return "REQUEST_UNKNOWN"
        letter = case.requests[line["id"]]
        if not isinstance(letter, Letter):
            return "STATE_INVALID"
        said = (line["outcome"], line["consent"], line["total"])
        if letter.version == line["version"] and said == (letter.outcome, letter.consent, letter.total):
            return "same"
        if line["version"] <= letter.version:
            return "STALE"
        if line["version"] > letter.version + 1:
            return "STATE_INVALID"
        letter.version, (letter.outcome, letter.consent, letter.total) = line["version"], said
        case.note()
        return "taken"

    def answer(self, sender, counsellor, line, now):
        request = self.places.get((line["in"], line["line"]))
        if not request or (request.id, request.creditor, request.counsellor) != (line["id"], sender, counsellor):
            return "REQUEST_UNKNOWN"
        if line["about"] != request.leaf:
            return "LEAF_MISMATCH"
        if line["version"] == request.version and line["leaf"] == request.answer_leaf:
            return "same"
        if request.due is None:
            return "STATE_INVALID"
        if line["version"] <= request.version:
            return "STALE"
        if line["version"] > request.version + 1:
            return "STATE_INVALID"
        agreement = self.agreements.get(sender)
        named = agreement and (line["agreement"], line["agreement_version"]) == (agreement.id, 1)
        consent = line["consent"]
        if consent == 0 and line["outcome"] == CLAIMS and named and agreement.covenant:
            consent = PRE_AGREED
        if line["agreement"] and not named:
            return "AGREEMENT_UNKNOWN"
        if request.version == 0:
            request.first_answer = now
        request.version, request.answer_leaf = line["version"], line["leaf"]
        request.outcome, request.consent, request.total = line["outcome"], consent, line["total"]
        request.case.note()
        return "taken"
