"""What the broker must refuse, and how: the chapters of play_round.py in which somebody does it wrong."""
import ssl

import skp_pb2 as pb
import skp_crypto as crypto
import round_facts as facts
from skp_batch import new_id
from skp_client import Client, Participant
from skp_wire import TYPES, Refused, Session, now_ms, tls_context
from skpd_process import BROKER

STRANGER = "00000099000000009000"


def code_of(action):
    """The code of the Error that this meets, or None."""
    try:
        action()
        return None
    except Refused as refused:
        return refused.error.code


def _case_batch(client, batch_id=None, at_ms=None):
    batch = client.new_batch()
    if batch_id is not None:
        batch.batch_id = batch_id
    batch.bundle(BROKER).add(facts.case_line(new_id(), [new_id()], client.me.oin))
    return batch.finish(at_ms or now_ms())


def other_bytes(scene, story):
    batch = _case_batch(scene.counsellor, scene.sent.batch_id)
    story.equals("other bytes under a used batch id are refused: ID_REUSED",
                 code_of(lambda: scene.counsellor.send(batch)), 405)


def changed_bytes(scene, story):
    batch = _case_batch(scene.counsellor)
    line = bytearray(batch.bundles[0].lines[0])
    line[-1] ^= 1
    batch.bundles[0].lines[0] = bytes(line)
    story.equals("one bit changed in a line: ROOT_MISMATCH", code_of(lambda: scene.counsellor.send(batch)), 401)
    batch = _case_batch(scene.counsellor)
    batch.begin.jws = scene.sent.begin.jws
    story.equals("the signature of another batch: SIGNATURE_INVALID",
                 code_of(lambda: scene.counsellor.send(batch)), 310)
    batch = _case_batch(scene.counsellor, at_ms=now_ms() - 61 * 86_400_000)
    story.equals("a batch of 61 days ago: BATCH_TOO_OLD", code_of(lambda: scene.counsellor.send(batch)), 404)


def another_sender(scene, story):
    batch = _case_batch(scene.creditor)
    story.equals("the creditor's batch in the counsellor's session: SENDER_MISMATCH",
                 code_of(lambda: scene.counsellor.send(batch)), 303)
    _, body, _ = scene.creditor.send(_case_batch(scene.creditor))
    story.equals("a creditor may not register a case: ROLE_FORBIDDEN, of the line alone",
                 [refusal.code for refusal in body.refusals], [304])


def forbidden_lines(scene, story):
    """One batch, every line wrong in its own way: each is refused for itself."""
    case, asked = new_id(), [new_id() for _ in range(4)]
    batch = scene.counsellor.new_batch()
    batch.bundle(BROKER).add(facts.case_line(case, asked, scene.counsellor.me.oin))
    writer = batch.bundle(scene.creditor.me.oin, scene.certs)
    writer.add(facts.request_line(asked[0], 1_00, contains_bsn=True), facts.person(4))
    writer.add_bytes(facts.request_line(asked[1], 1_00).SerializeToString() + b"\x98\x06\x01")
    writer.add(facts.request_line(new_id(), 1_00))
    writer.add(pb.Line(request=pb.RequestFact(request_id=asked[2], version=1, debtor=pb.DEBTOR_FIRST)))
    writer.add_bytes(b"\xff")
    _, body, _ = scene.counsellor.send(batch.finish(now_ms()))
    story.equals("a BSN for who may not have it, an unknown field, an undeclared request, a missing product,"
                 " no message: each refused for itself",
                 (body.stored, [(x.line, x.code) for x in body.refusals]),
                 (1, [(0, 309), (1, 204), (2, 409), (3, 208), (4, 201)]))
    story.equals("the refusals of what cannot be read name no item, the others name theirs",
                 [len(refusal.item_id) for refusal in body.refusals], [16, 0, 16, 16, 0])
    gone = facts.case_line(case, [], scene.counsellor.me.oin)
    story.equals("a case without requests is refused too", _refusal(scene.counsellor, gone), 212)


def _refusal(client, line, recipient=BROKER):
    batch = client.new_batch()
    batch.bundle(recipient).add(line)
    _, body, _ = client.send(batch.finish(now_ms()))
    return body.refusals[0].code if body.refusals else None


def answered_before(scene, story):
    asked, me = scene.asked["with a mistake"], scene.counsellor.me.oin
    send = scene.creditor
    batch = send.new_batch()
    batch.bundle(me).add(facts.answer_line(asked, pb.OUTCOME_ZERO_BALANCE))
    _, body, _ = send.send(batch.finish(now_ms()))
    story.equals("the same answer again is stored without effect", (body.stored, body.without_effect), (1, 1))
    other = facts.answer_line(asked, pb.OUTCOME_UNKNOWN_DEBT)
    story.equals("another answer under the same version: STALE", _refusal(send, other, me), 412)
    silent = facts.answer_line(asked, pb.OUTCOME_ZERO_BALANCE, version=2)
    story.equals("a correction without a reason: CORRECTION_REASON", _refusal(send, silent, me), 413)
    wild = facts.answer_line((asked[0], asked[1], pb.RequestFact(request_id=new_id())), pb.OUTCOME_ZERO_BALANCE)
    story.equals("an answer to a request that is not there: REQUEST_UNKNOWN", _refusal(send, wild, me), 408)
    better = facts.answer_line(asked, pb.OUTCOME_UNKNOWN_DEBT, version=2, correction=pb.CORRECTION_REASON_TYPING_ERROR)
    story.equals("a correction with a reason is taken", _refusal(send, better, me), None)
    summed = facts.answer_line(asked, pb.OUTCOME_CLAIMS, version=3, total_cents=10,
                               claims=facts.claims_of(asked, 20), correction=pb.CORRECTION_REASON_CLAIM_FOUND,
                               consent=pb.CONSENT_NEEDS_OFFER)
    story.equals("a total that is not the sum: AMOUNT_SUM", _refusal(send, summed, me), 220)


def wrong_guests(scene, story):
    address, me = scene.broker.address, scene.counsellor.me
    stranger = Client(Participant(scene.broker.pki, STRANGER), address)
    story.equals("a good certificate of who is no participant: NOT_REGISTERED", code_of(stranger.connect), 302)
    story.says("and then the broker says goodbye properly", stranger.session.closes_cleanly())
    foreign = Client(me, address)
    foreign.latest_head = pb.ChainHead(commit=b"\x0a\x01x", jws="e30..AA")
    story.equals("a chain head that is not this broker's: CHAIN_UNKNOWN", code_of(foreign.connect), 313)
    session = Session(address, me.tls_context())
    story.equals("a version that nobody speaks: VERSION_UNSUPPORTED",
                 code_of(lambda: session.hello(versions=[7])), 107)
    for why, context in (("without a certificate", tls_context(me.ca, me.crl, None, None)),
                         ("with another ALPN", me.tls_context(alpn="http/1.1"))):
        story.says(f"no session {why}", _is_shut_out(address, context))


def _is_shut_out(address, context):
    try:
        Session(address, context).hello()
        return False
    except (ssl.SSLError, ConnectionError, crypto.ProofError):
        return True


def wrong_frames(scene, story):
    for name, data, code in (("an empty frame", b"\0\0\0\0", 101), ("a giant frame", b"\0\4\0\1", 102),
                             ("an unknown type", b"\0\0\0\2\x63\0", 103), ("a flag", b"\0\0\0\2\3\1", 104)):
        session = Session(scene.broker.address, scene.counsellor.me.tls_context())
        session.hello()
        session.send_bytes(data)
        found = code_of(lambda s=session: s.wait(pb.Pong))
        story.says(f"{name} ends the session with error {code}", found == code and session.closes_cleanly())
    session = Session(scene.broker.address, scene.counsellor.me.tls_context())
    session.send(pb.Ping(nonce=1))
    story.equals("a Ping before Hello: PROTOCOL_STATE", code_of(lambda: session.wait(pb.Pong)), 106)
    scene.counsellor.session.send(pb.Ping(nonce=77))
    story.equals("all that left the others' sessions alone: a Ping has its Pong",
                 scene.counsellor.session.wait(pb.Pong).nonce, 77)


def old_record(scene, story):
    story.equals("a new version of the record is taken", scene.counsellor.publish(3).version, 3)
    try:
        scene.counsellor.publish(2)
        found = None
    except Refused as refused:
        found = (refused.error.code, refused.error.frame, refused.error.tag)
    story.equals("an older one is not: RECORD_OLD, and the Error names frame and tag of the question",
                 found, (415, TYPES["Publish"], scene.counsellor.tag))


BATCHES = (other_bytes, changed_bytes, another_sender, forbidden_lines)
ANSWERS = (answered_before,)
SESSIONS = (old_record, wrong_guests, wrong_frames)
