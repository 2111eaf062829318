"""Cases 55 to 66: said again, said late, said twice at once, said about somebody else's."""
import threading

from bad_scene import BROKER, COUNSELLOR, CREDITOR, OTHER_COUNSELLOR, facts, new_id, now_ms, pb
from bad_wire import whole_batch


def _case_batch(client, batch_id=None):
    batch = client.new_batch()
    batch.batch_id = batch_id or batch.batch_id
    batch.bundle(BROKER).add(facts.case_line(new_id(), [new_id()], client.me.oin))
    return batch.finish(now_ms())


def again(scene):
    """55 to 57, 66: the same batch gets its receipt, other bytes under its id do not, others' ids are apart."""
    story, counsellor = scene.story, scene.counsellor
    batch = _case_batch(counsellor)
    first, _, _ = counsellor.send(batch)
    second, _, _ = counsellor.send(batch)
    story.says("55: the same bytes again get the original receipt", second.duplicate and not first.duplicate
               and (first.body, first.commit, first.jws) == (second.body, second.commit, second.jws))
    scene.fresh(counsellor)
    third, _, _ = counsellor.send(batch)
    story.says("66: also over another connection", third.duplicate and third.body == first.body)
    whole_batch(scene, "56: other bytes under the same id", _case_batch(counsellor, batch.batch_id), "ID_REUSED",
                "header.batch_id")
    _, body, _ = scene.other_counsellor.send(_case_batch(scene.other_counsellor, batch.batch_id))
    story.equals("57: the same id of another sender is another batch", (body.stored, len(body.refusals)), (1, 0))


def many_at_once(scene):
    """The same batch sent from three sessions at once is stored once."""
    story = scene.story
    batch = _case_batch(scene.counsellor)
    clients = [scene.client(COUNSELLOR) for _ in range(3)]
    bodies, waits = [], []

    def send(client):
        for _ in range(20):
            client.send_frames(batch)
            message = client.session.wait(pb.Receipt, pb.Error)
            if isinstance(message, pb.Receipt):
                bodies.append((message.body, message.duplicate))
                return
            waits.append(message.name)

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    story.equals("65: three receipts, one text, one of them the first",
                 (len(bodies), len({body for body, _ in bodies}), [again for _, again in bodies].count(False)),
                 (3, 1, 1))
    story.says("who came too early heard BUSY and nothing else", set(waits) <= {"BUSY"})
    for client in clients:
        client.close()


def items_again(scene):
    """Items that were said before: the same has no effect, another text is refused by its own code."""
    story, counsellor = scene.story, scene.counsellor
    case_id, request_id = new_id(), new_id()
    line = facts.case_line(case_id, [request_id], COUNSELLOR)
    ask = facts.request_line(request_id, 100, urgent=True)
    body = _send(scene, counsellor, (BROKER, line), (CREDITOR, ask))
    story.equals("a case and its request are stored", (body.stored, len(body.refusals)), (2, 0))
    body = _send(scene, counsellor, (BROKER, line), (CREDITOR, ask))
    story.equals("said again word for word: without effect", (body.stored, body.without_effect), (2, 2))
    other = facts.case_line(case_id, [request_id], COUNSELLOR)
    other.case_fact.persons = 2
    story.receipt("the case with another text", _send(scene, counsellor, (BROKER, other)),
                  {(0, 0): ("CASE_CHANGED", "")}, stored=0)
    changed = facts.request_line(request_id, 200, urgent=True)
    story.receipt("the request with another text", _send(scene, counsellor, (BROKER, line), (CREDITOR, changed)),
                  {(1, 0): ("ID_REUSED", "request.request_id")}, stored=1)
    story.receipt("a request that no case declares", _send(scene, counsellor, (CREDITOR, facts.request_line(new_id(),
                  100))), {(0, 0): ("REQUEST_NOT_DECLARED", "request.request_id")}, stored=0)
    story.receipt("a letter that no case declares", _send(scene, counsellor, (BROKER, facts.off_network_line(
                  new_id()))), {(0, 0): ("REQUEST_NOT_DECLARED", "off_network.request_id")}, stored=0)
    story.receipt("61: a letter's answer in a case that is not there", _send(
        scene, counsellor, (BROKER, facts.recorded_line(request_id, new_id(), 5))),
        {(0, 0): ("CASE_UNKNOWN", "recorded.case_id")}, stored=0)
    story.receipt("62: a letter's answer to what was sent digitally", _send(
        scene, counsellor, (BROKER, facts.recorded_line(request_id, case_id, 5))),
        {(0, 0): ("STATE_INVALID", "recorded.request_id")}, stored=0)
    story.receipt("50: a letter's answer in another's case", _send(
        scene, scene.other_counsellor, (BROKER, facts.recorded_line(request_id, case_id, 5))),
        {(0, 0): ("CASE_UNKNOWN", "recorded.case_id")}, stored=0)
    twice = counsellor.new_batch()
    writer = twice.bundle(BROKER)
    writer.add(line)
    writer.add(line)
    _, body, _ = counsellor.send(twice.finish(now_ms()))
    story.receipt("the same item twice in one batch", body, {(0, 1): ("DUPLICATE_ITEM", "")}, stored=1)


def _send(scene, client, *lines):
    """One bundle for each (recipient, line)."""
    batch = client.new_batch()
    for recipient, line in lines:
        batch.bundle(recipient).add(line)
    return client.send(batch.finish(now_ms()))[1]


def _answer(batch, index, request_id, leaf, **changes):
    head = pb.BundleHead.FromString(batch.bundles[1].head)
    fact = {"request_id": request_id, "version": 1, "request_bundle_id": head.bundle_id, "request_line": index,
            "request_leaf": leaf, "outcome": pb.OUTCOME_ZERO_BALANCE, "complete": True}
    return pb.Line(answer=pb.AnswerFact(**fact | changes))


def anothers_request(scene):
    """50, 61: an answer to somebody else's request meets the very error of one that does not exist."""
    story = scene.story
    batch, _, (request_id,), (leaf,) = scene.ask()
    unknown = {(0, 0): ("REQUEST_UNKNOWN", "answer.request_id")}
    good = _answer(batch, 0, request_id, leaf)
    for what, client, to, line in (
            ("another creditor answers it", scene.other_creditor, COUNSELLOR, good),
            ("its creditor answers to another counsellor", scene.creditor, OTHER_COUNSELLOR, good),
            ("a request that never was", scene.creditor, COUNSELLOR, _answer(batch, 0, new_id(), leaf)),
            ("another place in the bundle", scene.creditor, COUNSELLOR, _answer(batch, 1, request_id, leaf)),
            ("a place beyond any bundle", scene.creditor, COUNSELLOR, _answer(batch, 2**32 - 1, request_id, leaf)),
            ("line 65,536", scene.creditor, COUNSELLOR, _answer(batch, 65536, request_id, leaf)),
            ("a bundle that never was", scene.creditor, COUNSELLOR,
             _answer(batch, 0, request_id, leaf, request_bundle_id=new_id()))):
        story.receipt(f"50: {what}", _send(scene, client, (to, line)), unknown, stored=0)
    views = [scene.other_counsellor.cases(request_id), scene.other_counsellor.cases(new_id())]
    story.equals("an id that is not yours shows what an id that does not exist shows", [len(v) for v in views], [0, 0])
    story.receipt("the right creditor with another leaf", _send(scene, scene.creditor, (
        COUNSELLOR, _answer(batch, 0, request_id, bytes(32)))), {(0, 0): ("LEAF_MISMATCH", "answer")}, stored=0)
    body = _send(scene, scene.creditor, (COUNSELLOR, good))
    story.equals("the right creditor with the right one is heard", (body.stored, len(body.refusals)), (1, 0))


def answered(scene):
    """62, 63: versions, corrections, and what is not offered yet."""
    batch, _, ids, leaves = scene.ask(2)

    def refused(what, name, path="answer", **changes):
        body = _send(scene, scene.creditor, (COUNSELLOR, _answer(batch, 0, ids[0], leaves[0], **changes)))
        scene.story.receipt(what, body, {(0, 0): (name, path)}, stored=0)

    refused("an answer in parts", "NOT_YET_AVAILABLE", complete=False)
    refused("62: the second version first", "STATE_INVALID", version=2, correction=pb.CORRECTION_REASON_OTHER)
    body = _send(scene, scene.creditor, (COUNSELLOR, _answer(batch, 0, ids[0], leaves[0])))
    scene.story.equals("the first answer is stored", body.stored, 1)
    refused("63: another first answer", "STALE", outcome=pb.OUTCOME_UNKNOWN_DEBT)
    refused("a correction without reason", "CORRECTION_REASON", "answer.correction", version=2)
    refused("a reason without correction", "FIELD_UNEXPECTED", "answer.correction",
            correction=pb.CORRECTION_REASON_OTHER)
    refused("63: a version left out", "STATE_INVALID", version=3, correction=pb.CORRECTION_REASON_OTHER)


def bundle_ids(scene):
    """Bundle ids of others, used again."""
    story = scene.story
    theirs = pb.BundleHead.FromString(scene.ask()[0].bundles[1].head).bundle_id
    for what, client in (("another's", scene.other_counsellor), ("one's own", scene.counsellor)):
        request_id = new_id()
        batch = client.new_batch()
        batch.bundle(BROKER).add(facts.case_line(new_id(), [request_id], client.me.oin))
        writer = batch.bundle(CREDITOR)
        writer.place = (*writer.place[:3], theirs)
        writer.add(facts.request_line(request_id, 100))
        _, body, _ = client.send(batch.finish(now_ms()))
        story.receipt(f"56: {what} bundle id", body, {(1, 0): ("ID_REUSED", "bundle_id")}, stored=1)


def races(scene):
    """65: two workers of one creditor answer, fetch and collect at the same moment."""
    story = scene.story
    scene.fresh(scene.creditor)
    batch, _, (request_id,), (leaf,) = scene.ask()
    workers = [scene.client(CREDITOR) for _ in range(2)]
    got = {}

    def work(number, outcome):
        worker = workers[number]
        deliveries = worker.fetch()
        collected = worker.collect(deliveries).collected if deliveries else 0
        body = _send(scene, worker, (COUNSELLOR, _answer(batch, 0, request_id, leaf, outcome=outcome)))
        got[number] = (len(deliveries), collected, body.stored, [r.code for r in body.refusals])

    threads = [threading.Thread(target=work, args=(n, outcome))
               for n, outcome in enumerate((pb.OUTCOME_ZERO_BALANCE, pb.OUTCOME_UNKNOWN_CLIENT))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    story.says("each bundle went to one of them, who collected it",
               all(found == collected for found, collected, _, _ in got.values())
               and sum(found for found, _, _, _ in got.values()) >= 1)
    story.equals("one answer is stored, the other is STALE", sorted((stored, codes) for _, _, stored, codes in
                 got.values()), [(0, [412]), (1, [])])
    for worker in workers:
        worker.close()
    scene.fresh(scene.creditor)
    story.equals("and nothing is left in the mailbox", scene.creditor.fetch(), [])


def foreign_cases(scene):
    """Case ids of others tell nothing."""
    story = scene.story
    _, case_id, _, _ = scene.ask()
    for client in (scene.other_counsellor, scene.creditor, scene.other_creditor):
        story.equals(f"{client.me.oin} sees nothing of it", list(client.cases(case_id)), [])
        story.says("nor in the list of all", case_id not in {view.case_id for view in client.cases()})
    story.equals("who registered it does", [view.case_id for view in scene.counsellor.cases(case_id)], [case_id])


CHAPTERS = (again, many_at_once, items_again, anothers_request, answered, bundle_ids, races, foreign_cases)
