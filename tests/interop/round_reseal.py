"""What cannot be opened: said, sealed again, asked anew. One resident's part is withheld, one is destroyed and sealed
again, and every proof of before goes on to hold."""
import time

import skp_pb2 as pb
import skp_crypto as crypto
import round_facts as facts
from skp_batch import new_id
from skp_crypto import read_message
from skp_wire import now_ms
from skpd_process import BROKER

NAMES = ("read", "unreadable", "refused")


class Case:
    """Three requests in one bundle, of which one is refused and one cannot be opened."""

    def __init__(self):
        self.id, self.requests = new_id(), {name: new_id() for name in NAMES}
        self.line, self.batch, self.receipt, self.kept, self.leaves, self.asked = None, None, None, {}, {}, {}


def ask(scene, story):
    case = scene.case = Case()
    creditor = scene.creditor.me.oin
    case.line = facts.case_line(case.id, list(case.requests.values()), scene.counsellor.me.oin)
    case.batch = scene.counsellor.new_batch()
    case.batch.bundle(BROKER).add(case.line)
    writer = case.batch.bundle(creditor, scene.counsellor.certs_of(creditor))
    for number, name in enumerate(NAMES):
        wrong = {"reference_date": 20260231} if name == "refused" else {}
        line = facts.request_line(case.requests[name], 1_000, urgent=True, **wrong)
        case.leaves[name] = writer.add(line, facts.person(20 + number))
    case.kept = writer.kept
    case.receipt, body, _ = scene.counsellor.send(case.batch.finish(now_ms()))
    story.equals("three of four lines are stored", (body.stored, len(body.refusals)), (3, 1))


def fetch_anew(client):
    """As after a broken connection: what was not collected comes again."""
    client.close()
    client.connect()
    return client.fetch()


def say_unreadable(scene, story):
    case = scene.case
    (delivery,) = [d for d in fetch_anew(scene.creditor) if d.facts("request")]
    names = {request_id: name for name, request_id in case.requests.items()}
    case.asked = {names[fact.request_id]: (delivery, index, fact) for index, fact in delivery.facts("request")}
    story.equals("the refused line is withheld", set(case.asked), {"read", "unreadable"})
    batch = scene.creditor.new_batch()
    answer = facts.answer_line(case.asked["unreadable"], pb.OUTCOME_UNREADABLE)
    counsellor = scene.counsellor.me.oin
    batch.bundle(counsellor, scene.creditor.certs_of(counsellor)).add(answer)
    _, body, _ = scene.creditor.send(batch.finish(now_ms()))
    story.equals("UNREADABLE is an answer", (body.stored, len(body.refusals)), (1, 0))
    def heard(found):
        return any(d.facts("answer") for d in found)
    (found,) = [fact for d in scene.counsellor.receive(heard) for _, fact in d.facts("answer")]
    story.equals("and reaches the counsellor like every other",
                 (found.request_id, found.request_leaf, found.outcome),
                 (case.requests["unreadable"], case.leaves["unreadable"], pb.OUTCOME_UNREADABLE))
    (view,) = scene.counsellor.cases(case.id)
    story.equals("it counts as no answer", [r.state for r in view.requests if r.request_id == found.request_id],
                 [pb.REQUEST_STATE_UNREADABLE])


def seal_again(scene, story, names):
    case, creditor = scene.case, scene.creditor.me.oin
    batch = scene.counsellor.new_batch()
    batch.bundle(BROKER).add(case.line)
    writer = batch.bundle(creditor, scene.counsellor.certs_of(creditor))
    leaves = [writer.add_again(case.requests[name], case.kept[case.requests[name]]) for name in names]
    _, body, _ = scene.counsellor.send(batch.finish(now_ms()))
    story.equals("the very same line in a new bundle is taken", (body.stored, body.without_effect, len(body.refusals)),
                 (1 + len(names), 1, 0))
    story.equals("it keeps its leaf", leaves, [case.leaves[name] for name in names])
    return writer


def open_again(scene, story):
    case, keys = scene.case, scene.creditor.me.opening_keys()
    writer = seal_again(scene, story, ["unreadable"])
    deliveries = {d.head.bundle_id: d for d in fetch_anew(scene.creditor) if d.facts("request")}
    new, old = deliveries[writer.place[3]], case.asked["read"][0]
    again = deliveries[old.head.bundle_id]
    ((index, fact),) = new.facts("request")
    story.says("it opens, and it is whom was asked about",
               new.open_part(index, fact, keys, pb.PersonPart) == facts.person(21)
               and new.leaves[index] == case.leaves["unreadable"])
    story.equals("its part in the old bundle is destroyed, its neighbour's is whole, the refused one stays withheld",
                 [bool(sealed) for sealed in again.bundle.sealed], [True, False, False])
    index, fact = case.asked["read"][1:]
    story.equals("the neighbour still opens", again.open_part(index, fact, keys, pb.PersonPart), facts.person(20))
    story.equals("the old bundle still proves every leaf", again.leaves, old.leaves)
    body, _ = crypto.check_receipt(case.receipt, case.batch.header, BROKER, scene.counsellor.trust, time.time())
    story.equals("and the receipt of before holds", (body.stored, len(body.refusals)), (3, 1))
    for number, bundle in enumerate(case.batch.bundles):
        leaves = [crypto.leaf(line) for line in bundle.lines]
        head = read_message(pb.BundleHead, bundle.head)
        for at, found in enumerate(leaves):
            crypto.check_path(found, at, len(leaves), crypto.path(leaves, at), head.lines_root)
        heads = [crypto.leaf(b.head) for b in case.batch.bundles]
        crypto.check_path(heads[number], number, len(heads), crypto.path(heads, number),
                          read_message(pb.BatchHeader, case.batch.header).root)
    story.says("with every leaf of that batch", True)
    case.asked["new"] = (new, *new.facts("request")[0])
    scene.creditor.collect(deliveries.values())


def answer_the_new(scene, story):
    case, counsellor = scene.case, scene.counsellor.me.oin
    certs = scene.creditor.certs_of(counsellor)
    batch = scene.creditor.new_batch()
    batch.bundle(counsellor, certs).add(facts.answer_line(case.asked["unreadable"], pb.OUTCOME_ZERO_BALANCE))
    _, body, _ = scene.creditor.send(batch.finish(now_ms()))
    story.equals("an answer to its old place is STATE_INVALID", [r.code for r in body.refusals], [411])
    batch = scene.creditor.new_batch()
    writer = batch.bundle(counsellor, certs)
    for name in ("read", "new"):
        writer.add(facts.answer_line(case.asked[name], pb.OUTCOME_ZERO_BALANCE))
    _, body, _ = scene.creditor.send(batch.finish(now_ms()))
    story.equals("to its new place it is taken, from version 1", (body.stored, len(body.refusals)), (2, 0))


def lose_the_key(scene, story):
    """What is sealed for a withdrawn certificate is not delivered: it goes back to be sealed again."""
    case, creditor = scene.case, scene.creditor
    batch = scene.counsellor.new_batch()
    batch.bundle(BROKER).add(case.line)
    writer = batch.bundle(creditor.me.oin, scene.counsellor.certs_of(creditor.me.oin))
    line = facts.request_line(case.requests["refused"], 1_000, urgent=True)
    case.leaves["refused"] = writer.add(line, facts.person(22))
    case.kept.update(writer.kept)
    scene.counsellor.send(batch.finish(now_ms()))
    lost = [crypto.der(cert) for cert in creditor.me.chains["enc"][:1]]
    other = scene.counsellor.me.chains["enc"]
    creditor.publish(2, certs=other, withdrawn=[crypto.sha256(data) for data in lost])
    story.equals("nothing of it is delivered", [d for d in fetch_anew(creditor) if d.facts("request")], [])
    def heard(found):
        return any(e.kind == pb.EVENT_KIND_RESEAL_NEEDED for d in found for _, e in d.facts("event"))
    events = [e for d in scene.counsellor.receive(heard) for _, e in d.facts("event")]
    (event,) = [e for e in events if e.kind == pb.EVENT_KIND_RESEAL_NEEDED]
    story.equals("the counsellor hears which and at whom", (list(event.request_ids), event.other),
                 ([case.requests["refused"]], creditor.me.oin))
    creditor.publish(3)
    seal_again(scene, story, ["refused"])
    (delivery,) = [d for d in fetch_anew(creditor) if d.facts("request")]
    ((index, fact),) = delivery.facts("request")
    story.equals("sealed for the certificate of now it opens",
                 delivery.open_part(index, fact, creditor.me.opening_keys(), pb.PersonPart), facts.person(22))
    creditor.collect([delivery])


CHAPTERS = (ask, say_unreadable, open_again, answer_the_new, lose_the_key)
