"""Does the judge find anything? Mistakes put into a good history, by the kind of violation that they are."""
from model_fold import CASE_COMPLETE, COLLECTED, PUBLISHED


def some(events, kind, n=0, **members):
    found = [e for e in events if e["e"] == kind and all(e.get(k) == v for k, v in members.items())]
    return found[n]


def from_people(events, broker):
    return [e for e in events if e["e"] == "deliver" and e["from"] != broker]


def lose_a_delivery(events, broker):
    position, who = (lambda e: (e["position"], e["who"]))(from_people(events, broker)[-1])
    events[:] = [e for e in events if not (e["e"] == "deliver" and (e["position"], e["who"]) == (position, who))]


def skip_a_position(events, broker):
    who = from_people(events, broker)[0]["who"]
    events[:] = [e for e in events if not (e["e"] == "deliver" and (e["position"], e["who"]) == (2, who))]


def deliver_what_nobody_said(events, broker):
    from_people(events, broker)[0]["bundle"] = "0" * 32


def change_a_line(events, broker):
    from_people(events, broker)[0]["lines"][0]["leaf"] = "0" * 64


def change_a_receipt(events, broker):
    event = some(events, "ok")
    events.insert(events.index(event) + 1, event | {"duplicate": True, "index": 7})


def count_a_line_less(events, broker):
    some(events, "ok")["stored"] -= 1


def break_the_chain(events, broker):
    some(events, "link", 3)["header"] = some(events, "link", 2)["header"]


def see_another_head(events, broker):
    some(events, "ok")["commit"] = "0" * 64


def forge_a_body(events, broker):
    body = some(events, "ok")["body"]
    some(events, "ok")["body"] = body[:-2] + ("00" if body[-2:] != "00" else "01")


def deliver_after_collect(events, broker):
    event = some(events, "deliver")
    events.append(event | {"t": events[-1]["t"] + 1})


def swap_positions(events, broker):
    first = from_people(events, broker)[0]
    other = next(e for e in from_people(events, broker)[1:]
                 if (e["who"], e["from"]) == (first["who"], first["from"]) and e["position"] > first["position"])
    first["position"], other["position"] = other["position"], first["position"]


def not_recognise_a_batch(events, broker):
    event = some(events, "ok")
    events.insert(events.index(event) + 1, event | {"duplicate": False})


def answer_more(events, broker):
    view = next(e for e in events if e["e"] == "case" and any(r[5] for r in e["requests"]))
    next(r for r in view["requests"] if r[5])[5] += 1


def forget_a_case(events, broker):
    events.remove(some(events, "case"))


def told(events, kind):
    return next(line for e in events if e["e"] == "deliver" for line in e["lines"] if line.get("kind") == kind)


def tell_another_term(events, broker):
    told(events, PUBLISHED)["due"] += 1


def tell_complete_of_another(events, broker):
    for event in events:
        for line in event.get("lines", ()):
            if line.get("kind") == CASE_COMPLETE:
                line["case"] = "0" * 32


def not_tell_a_collect(events, broker):
    for event in events:
        for line in event.get("lines", ()):
            if line.get("kind") == COLLECTED:
                line["positions"] = []


def tell_of_mail_of_another(events, broker):
    told(events, COLLECTED)["positions"].append(10**6)


def tell_a_collect_twice(events, broker):
    positions = told(events, COLLECTED)["positions"]
    positions.append(positions[0])


def never_hear_of_a_batch(events, broker):
    batch = some(events, "ok")["batch"]
    events[:] = [e for e in events if not (e["e"] == "ok" and e["batch"] == batch)]


def see_a_problem(events, broker):
    events.insert(1, {"t": 0, "e": "problem", "who": "", "err": "UNSEAL"})


def break_nothing(events, broker):
    events[:] = [e for e in events if e["e"] != "fault"]


MUTATIONS = {
    "lost": [lose_a_delivery, not_tell_a_collect],
    "phantom": [deliver_what_nobody_said],
    "corrupt": [change_a_line],
    "receipt": [change_a_receipt, count_a_line_less],
    "chain": [break_the_chain, see_another_head, forge_a_body],
    "redelivered": [deliver_after_collect],
    "order": [swap_positions, skip_a_position],
    "twice": [not_recognise_a_batch, tell_a_collect_twice],
    "view": [answer_more, forget_a_case],
    "told": [tell_another_term, tell_complete_of_another, tell_of_mail_of_another],
    "unfinished": [never_hear_of_a_batch],
    "problem": [see_a_problem],
    "vacuous": [break_nothing],
}
