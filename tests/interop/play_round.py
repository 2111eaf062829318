#!/usr/bin/python3
"""A round of saldochecks between a counsellor and a creditor who share no code with the broker: everything is
written, checked and opened by the Python beside this file, from proto/PROTOCOL.md and proto/skp.proto alone.

usage: play_round.py SKPD CERTS_MAKE     (with skp_pb2.py, made by protoc, on PYTHONPATH)
"""
import base64
import sys
import time
import traceback

import skp_pb2 as pb
import skp_crypto as crypto
import round_facts as facts
import round_refusals
import round_reseal
from round_story import Story
from skp_batch import new_id
from skp_client import Client, Participant
from skp_crypto import read_message
from skp_wire import now_ms
from skpd_process import BROKER, Broker

COUNSELLOR, CREDITOR = "00000099000000001000", "00000099000000003000"
MUNICIPALITY = COUNSELLOR


class Scene:
    """What the chapters hand on to each other."""

    def __init__(self, broker):
        self.broker = broker
        self.counsellor = Client(Participant(broker.pki, COUNSELLOR), broker.address)
        self.creditor = Client(Participant(broker.pki, CREDITOR), broker.address)
        self.cases = [new_id() for _ in range(3)]
        self.requests = {name: new_id() for name in ("in the round", "urgent", "with a mistake", "on paper")}
        self.sent, self.receipt, self.leaves, self.asked = None, None, {}, {}
        self.agreement_id, self.certs, self.case_line = None, None, None
        self.completed = 0  # CASE_COMPLETE events that came before they were waited for


def open_house(scene, story):
    broker = scene.broker
    broker.control("participant.add", oin=COUNSELLOR, name="TEST Kredietbank", roles=["counsellor"])
    broker.control("participant.add", oin=CREDITOR, name="TEST Energie", roles=["creditor"],
                   claim_kinds=["energy"], search_names=["Energie"])
    welcome = scene.counsellor.connect()
    story.says("Welcome names the broker, version 1 and who the certificate says we are",
               (welcome.broker, welcome.version, welcome.participant) == (BROKER, 1, COUNSELLOR)
               and list(welcome.roles) == [pb.ROLE_COUNSELLOR])
    story.equals("the limits of Welcome are those of PROTOCOL.md",
                 (welcome.limits.frame_bytes, welcome.limits.bundle_lines, welcome.limits.batch_bundles,
                  welcome.limits.batch_lines, welcome.limits.batch_bytes, welcome.limits.batch_age_days),
                 (262144, 256, 2048, 8192, 8 << 20, 60))
    story.says("a store for play says so", welcome.play)
    story.equals("the creditor comes in too", list(scene.creditor.connect().roles), [pb.ROLE_CREDITOR])
    (entry,) = scene.counsellor.directory(CREDITOR)
    story.says("without a record the creditor is in the directory, but not connected",
               entry.name == "TEST Energie" and not entry.records)


def publish_and_agree(scene, story):
    story.equals("the counsellor publishes a mailbox record", scene.counsellor.publish(1).version, 1)
    story.equals("the creditor publishes one for an RSA key", scene.creditor.publish(1).version, 1)
    scene.certs = scene.counsellor.certs_of(CREDITOR)
    story.equals("the record's signature, chain, CRL, purpose and OIN hold without the broker's word",
                 [crypto.thumbprint(cert) for cert in scene.certs], list(scene.creditor.me.opening_keys()))
    scene.agreement_id, file = facts.agreement_file(scene.creditor.me, scene.counsellor.me)
    scene.broker.control("agreement.admit", file_base64=base64.b64encode(file).decode())
    (entry,) = scene.creditor.directory(COUNSELLOR)
    story.equals("the agreement that both signed is in force between them",
                 [(a.agreement_id, a.version) for a in entry.agreements], [(scene.agreement_id, 1)])


def register_cases(scene, story):
    """Three cases, four requests; one request has a mistake that must not hurt the others."""
    batch = scene.counsellor.new_batch()
    house = batch.bundle(BROKER)
    r = scene.requests
    house.add(facts.case_line(scene.cases[0], [r["in the round"]], MUNICIPALITY))
    house.add(facts.case_line(scene.cases[1], [r["urgent"]], MUNICIPALITY))
    scene.case_line = facts.case_line(scene.cases[2], [r["with a mistake"], r["on paper"]], MUNICIPALITY)
    house.add(scene.case_line)
    house.add(facts.off_network_line(r["on paper"]))
    asked = batch.bundle(CREDITOR, scene.certs)
    wrong = facts.request_line(r["with a mistake"], 9_900, reference_date=20260231)
    scene.leaves["in the round"] = asked.add(facts.request_line(r["in the round"], 12_345), facts.person(1))
    asked.add(wrong, facts.person(3))
    scene.leaves["urgent"] = asked.add(facts.request_line(r["urgent"], 50_000, urgent=True), facts.person(2))
    scene.sent = batch.finish(now_ms())
    scene.receipt, body, commit = scene.counsellor.send(batch)
    story.equals("the receipt leads by its path to a commit that the broker signed", commit.broker, BROKER)
    story.equals("six lines are stored and one is refused", (body.stored, len(body.refusals)), (6, 1))
    refusal = body.refusals[0]
    story.equals("the refusal names bundle, line, item, path and code of the one bad line",
                 (refusal.bundle, refusal.line, refusal.item_id, refusal.path, refusal.code),
                 (1, 1, r["with a mistake"], "request.reference_date", 216))
    story.says("its code is explained once, with a remedy",
               [(t.code, t.name) for t in body.texts] == [(216, "DATE_INVALID")] and body.texts[0].remedy)
    story.equals("the commit's taken root is over header and signature of this batch",
                 commit.taken_root, batch.taken_leaf())
    states = {view.case_id: view.state for view in scene.counsellor.cases()}
    story.equals("a case with a refused request is INCOMPLETE, the others are INVENTORY",
                 [states[case] for case in scene.cases],
                 [pb.CASE_STATE_INVENTORY, pb.CASE_STATE_INVENTORY, pb.CASE_STATE_INCOMPLETE])


def send_again(scene, story):
    """The same bytes, on a new connection, as after a lost receipt."""
    scene.counsellor.close()
    scene.counsellor.connect()
    receipt, _, _ = scene.counsellor.send(scene.sent)
    story.says("the same batch again gives the original receipt, marked as duplicate",
               receipt.duplicate and not scene.receipt.duplicate
               and (receipt.body, receipt.commit, receipt.jws, list(receipt.path))
               == (scene.receipt.body, scene.receipt.commit, scene.receipt.jws, list(scene.receipt.path)))
    views = {view.case_id: view for view in scene.counsellor.cases()}
    story.equals("and has no effect: still three cases", set(views), set(scene.cases))


def mend_the_line(scene, story):
    batch = scene.counsellor.new_batch()
    batch.bundle(BROKER).add(scene.case_line)
    writer = batch.bundle(CREDITOR, scene.certs)
    request_id = scene.requests["with a mistake"]
    scene.leaves["with a mistake"] = writer.add(facts.request_line(request_id, 9_900), facts.person(3))
    _, body, _ = scene.counsellor.send(batch.finish(now_ms()))
    (view,) = scene.counsellor.cases(scene.cases[2])
    story.equals("the mended line, with its case said again, is stored under a new batch id",
                 (body.stored, body.without_effect, len(body.refusals)), (2, 1, 0))
    story.equals("and the case has all that it declared", view.state, pb.CASE_STATE_INVENTORY)
    states = {v.request_id: v.state for view in scene.counsellor.cases() for v in view.requests}
    story.equals("requests under the agreement wait for the round, the urgent one has left, the letter is on paper",
                 [states[scene.requests[name]] for name in ("in the round", "with a mistake", "urgent", "on paper")],
                 [pb.REQUEST_STATE_WAITING_FOR_ROUND, pb.REQUEST_STATE_WAITING_FOR_ROUND,
                     pb.REQUEST_STATE_REQUESTED, pb.REQUEST_STATE_OFF_NETWORK])


def open_requests(scene, story, deliveries):
    """Every request in these deliveries: proven, opened, remembered for its answer."""
    names = {request_id: name for name, request_id in scene.requests.items()}
    numbers = {"in the round": 1, "urgent": 2, "with a mistake": 3}
    for delivery in deliveries:
        for index, fact in delivery.facts("request"):
            name = names[fact.request_id]
            part = delivery.open_part(index, fact, scene.creditor.me.opening_keys(), pb.PersonPart)
            story.says(f"the creditor opens the person of the request {name}, and it is whom was asked about",
                       part == facts.person(numbers[name]) and delivery.leaves[index] == scene.leaves[name])
            scene.asked[name] = (delivery, index, fact)


def take_the_urgent_one(scene, story):
    (delivery,) = scene.creditor.fetch()
    story.says("the urgent request arrives alone; the other lines are withheld, and the proof is whole",
               [i for i, _ in delivery.facts("request")] == [2]
               and [gap.line for gap in delivery.bundle.withheld] == [0, 1])
    open_requests(scene, story, [delivery])
    scene.creditor.close()
    scene.creditor.connect()
    (again,) = scene.creditor.fetch()
    story.equals("what is not collected is delivered again, and says so",
                 (again.position, again.attempt, again.leaves), (delivery.position, 2, delivery.leaves))
    answer = scene.creditor.collect([again])
    story.equals("it is collected with the creditor's signature", (answer.collected, list(answer.unknown)), (1, []))
    story.says("collecting it twice does no harm", scene.creditor.collect([again]).collected in (0, 1))


def play_the_round(scene, story):
    scene.broker.pass_working_days(3)
    def enough(found):
        return any(d.facts("overview") for d in found) and sum(len(d.facts("request")) for d in found) == 2
    deliveries = scene.creditor.receive(enough)
    (overview,) = [fact for d in deliveries for _, fact in d.facts("overview")]
    story.says("the round opens: one overview, signed by the broker, counts all that is open",
               overview.last and overview.total_items == len(overview.items)
               and {item.request_id for item in overview.items}
               >= {scene.requests["in the round"], scene.requests["with a mistake"]})
    story.equals("overview and requests come in one due date",
                 len({item.due_date for item in overview.items
                      if item.request_id != scene.requests["urgent"]} | {overview.due_date}), 1)
    open_requests(scene, story, deliveries)
    first = next(d for d in deliveries if d.head.bundle_id == scene.asked["urgent"][0].head.bundle_id)
    story.says("the bundle of before comes again with its other line, the refused one stays withheld",
               [gap.line for gap in first.bundle.withheld] in ([1], [1, 2]))
    answer = scene.creditor.collect(deliveries)
    story.equals("all of the round is collected", answer.collected, len(deliveries))


def answer_all(scene, story):
    asked = scene.asked
    batch = scene.creditor.new_batch()
    certs = scene.creditor.certs_of(COUNSELLOR)
    writer = batch.bundle(COUNSELLOR, certs)
    part = pb.AnswerPart(client_number_creditor="00777", contact=pb.Contact(name="Afdeling Proef"))
    writer.add(facts.answer_line(asked["in the round"], pb.OUTCOME_CLAIMS, total_cents=12_000,
                                 claims=facts.claims_of(asked["in the round"], 12_000),
                                 consent=pb.CONSENT_PRE_AGREED, agreement_id=scene.agreement_id,
                                 agreement_version=1), part)
    writer.add(facts.answer_line(asked["urgent"], pb.OUTCOME_CLAIMS, total_cents=50_000,
                                 claims=facts.claims_of(asked["urgent"], 50_000),
                                 consent=pb.CONSENT_NEEDS_OFFER), part)
    writer.add(facts.answer_line(asked["with a mistake"], pb.OUTCOME_ZERO_BALANCE,
                                 request_leaf=scene.leaves["urgent"]))
    _, body, _ = scene.creditor.send(batch.finish(now_ms()))
    story.says("an answer that names another request's leaf is refused, the others are stored",
               body.stored == 2 and [(x.line, x.code) for x in body.refusals] == [(2, 410)])
    batch = scene.creditor.new_batch()
    batch.bundle(COUNSELLOR, certs).add(facts.answer_line(asked["with a mistake"], pb.OUTCOME_ZERO_BALANCE))
    _, body, _ = scene.creditor.send(batch.finish(now_ms()))
    story.equals("with the right leaf it is stored", (body.stored, len(body.refusals)), (1, 0))


def read_answers(scene, story):
    scene.counsellor.listen()
    def enough(found):
        kinds = [e.kind for d in found for _, e in d.facts("event")]
        return (sum(len(d.facts("answer")) for d in found) == 3
                and kinds.count(pb.EVENT_KIND_COLLECTED) >= 2 and pb.EVENT_KIND_OVERDUE in kinds)
    deliveries = scene.counsellor.receive(enough)
    leaves = {scene.requests[name]: leaf for name, leaf in scene.leaves.items()}
    answers = [(d, i, fact) for d in deliveries for i, fact in d.facts("answer")]
    story.says("three answers arrive, each about the very line that was asked",
               len(answers) == 3 and all(leaves[fact.request_id] == fact.request_leaf for _, _, fact in answers))
    opened = [d.open_part(i, fact, scene.counsellor.me.opening_keys(), pb.AnswerPart)
              for d, i, fact in answers if fact.commitment]
    story.equals("the two sealed answers open for the counsellor",
                 [part.client_number_creditor for part in opened], ["00777", "00777"])
    events = [event for d in deliveries for _, event in d.facts("event")]
    proofs = [event for event in events if event.kind == pb.EVENT_KIND_COLLECTED]
    signers = {crypto.check_collected(event, scene.counsellor.trust, time.time()) for event in proofs}
    story.equals("each COLLECTED event carries the creditor's own signature", signers, {CREDITOR})
    items = {item.head_hash for event in proofs for item in event.collected}
    story.says("and names the bundle that was sent", crypto.sha256(scene.sent.bundles[1].head) in items)
    overdue = [request_id for event in events if event.kind == pb.EVENT_KIND_OVERDUE
               for request_id in event.request_ids]
    story.equals("and that the urgent one was overdue, once", overdue, [scene.requests["urgent"]])
    scene.completed = sum(event.kind == pb.EVENT_KIND_CASE_COMPLETE for event in events)
    published = {request_id for event in events if event.kind == pb.EVENT_KIND_PUBLISHED
                 for request_id in event.request_ids}
    story.says("the counsellor was told when each request reached the creditor",
               published >= {scene.requests[name] for name in scene.leaves})
    scene.counsellor.collect(deliveries)


def finish_cases(scene, story):
    batch = scene.counsellor.new_batch()
    batch.bundle(BROKER).add(facts.recorded_line(scene.requests["on paper"], scene.cases[2], 70_000))
    _, body, _ = scene.counsellor.send(batch.finish(now_ms()))
    story.equals("the letter's answer is recorded", body.stored, 1)
    def enough(found):
        kinds = [e.kind for d in found for _, e in d.facts("event")]
        return kinds.count(pb.EVENT_KIND_CASE_COMPLETE) + scene.completed >= 3
    scene.counsellor.receive(enough)
    views = {view.case_id: view for view in scene.counsellor.cases()}
    story.equals("all three cases are COMPLETE",
                 [views[case].state for case in scene.cases], [pb.CASE_STATE_COMPLETE] * 3)
    states = {v.request_id: (v.state, v.total_cents) for case in scene.cases for v in views[case].requests}
    story.equals("with the balances that were answered, the urgent one after its term", states, {
        scene.requests["in the round"]: (pb.REQUEST_STATE_ANSWERED, 12_000),
        scene.requests["urgent"]: (pb.REQUEST_STATE_ANSWERED_LATE, 50_000),
        scene.requests["with a mistake"]: (pb.REQUEST_STATE_ANSWERED, 0),
        scene.requests["on paper"]: (pb.REQUEST_STATE_RECORDED, 70_000)})


def look_back(scene, story):
    links = crypto.check_links(scene.counsellor.commits | scene.creditor.commits)
    story.says(f"{links} commits name the commit before them", links >= 1)
    scene.counsellor.close()
    scene.creditor.close()
    story.equals("the broker stops when asked, without complaint", scene.broker.stop(), 0)
    story.equals("the store verifies from the first byte to the last", scene.broker.verify_store(), 0)
    scene.broker.start()
    scene.counsellor.connect()
    receipt, _, _ = scene.counsellor.send(scene.sent)
    story.says("after a restart the broker holds the head we kept, and gives the same receipt",
               receipt.duplicate and receipt.body == scene.receipt.body)
    scene.counsellor.close()


CHAPTERS = (open_house, publish_and_agree, register_cases, send_again, *round_refusals.BATCHES, mend_the_line,
            take_the_urgent_one, play_the_round, answer_all, read_answers, *round_refusals.ANSWERS, finish_cases,
            *round_reseal.CHAPTERS,
            *round_refusals.SESSIONS, look_back)


def main():
    skpd, certs_make = sys.argv[1:]
    broker = Broker(skpd, certs_make, [COUNSELLOR, "--rsa", CREDITOR, round_refusals.STRANGER])
    story = Story()
    try:
        broker.start()
        scene = Scene(broker)
        for chapter in CHAPTERS:
            chapter(scene, story)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        story.says("the round comes to its end", False)
    story.equals("the broker stops at the end, without complaint", broker.stop(), 0)
    if story.failed:
        print(broker.last_words())
    broker.remove()
    return story.ends()


if __name__ == "__main__":
    sys.exit(main())
