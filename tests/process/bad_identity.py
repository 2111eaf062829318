"""Cases 46 to 54: who one is, and what one may say to whom."""
import os
import subprocess

from bad_scene import (BROKER, COUNSELLOR, CREDITOR, OTHER_COUNSELLOR, OTHER_CREDITOR, STRANGER, UNCONNECTED,
                       Session, facts, field, frame, hear_error, is_alive, meets, new_id, now_ms, pack_frame, pb)
from bad_wire import whole_batch
from cryptography.hazmat.primitives.serialization import Encoding


def strangers(scene):
    """46: a good certificate of somebody who takes no part."""
    session = Session(scene.address, scene.participant(STRANGER).tls_context(), 20)
    session.send(pb.Hello(versions=[1]))
    scene.story.error("46: no participant", hear_error(session), "NOT_REGISTERED", "", frame=1)
    scene.story.says("and the session ends in good manners", session.closes_cleanly())


def weak_tls(scene):
    """2: other ALPN, no ALPN, TLS 1.2, weak suites and groups: no session."""
    story = scene.story
    me = scene.counsellor.me
    story.says("2: ALPN http/1.1", scene.shuts_out(me.tls_context(alpn="http/1.1")) is not None)
    story.says("2: ALPN skp/2", scene.shuts_out(me.tls_context(alpn="skp/2")) is not None)
    tls = os.path.join(me.folder, "tls")
    base = ["openssl", "s_client", "-connect", f"127.0.0.1:{scene.broker.port}", "-cert", tls + ".pem", "-key",
            tls + ".key", "-cert_chain", tls + ".pem", "-CAfile", me.ca, "-brief"]
    for what, options in (("2: no ALPN at all", ["-tls1_3"]), ("TLS 1.2", ["-alpn", "skp/1", "-tls1_2"]),
                          ("AES-128", ["-alpn", "skp/1", "-ciphersuites", "TLS_AES_128_GCM_SHA256"]),
                          ("a 224-bit curve", ["-alpn", "skp/1", "-groups", "P-224"]),
                          ("SHA-1 signatures", ["-alpn", "skp/1", "-sigalgs", "RSA+SHA1"])):
        done = subprocess.run(base + options, input=b"", capture_output=True, timeout=20, check=False)
        story.says(f"{what}: the handshake fails", b"CONNECTION ESTABLISHED" not in done.stderr)
    done = subprocess.run(base + ["-alpn", "skp/1"], input=b"", capture_output=True, timeout=20, check=False)
    story.says("the same command with nothing wrong is let in", b"CONNECTION ESTABLISHED" in done.stderr)


def roles(scene):
    """48 to 51: each line for itself is refused when its sender may not say it, or not to this recipient."""
    story = scene.story
    case = facts.case_line(new_id(), [new_id()], COUNSELLOR)
    request = facts.request_line(new_id(), 100)
    answer = pb.Line(answer=pb.AnswerFact(request_id=new_id(), version=1, request_bundle_id=new_id(),
                                          request_leaf=bytes(32), outcome=pb.OUTCOME_ZERO_BALANCE, complete=True))
    event = pb.Line(event=pb.EventFact(event_id=new_id(), version=1, kind=pb.EVENT_KIND_CASE_COMPLETE,
                                       happened_at_ms=1, case_id=new_id()))
    overview = pb.Line(overview=pb.OverviewFact(
        round_id=new_id(), version=1, agreement_id=new_id(), agreement_version=1, part=1, opened_at_ms=1,
        due_date=facts.TODAY, calendar_version=1))
    recorded = facts.recorded_line(new_id(), new_id(), 100)
    for what, client, line, to, name, path in (
            ("48: a creditor registers a case", scene.creditor, case, BROKER, "ROLE_FORBIDDEN", ""),
            ("48: a creditor asks", scene.creditor, request, COUNSELLOR, "ROLE_FORBIDDEN", ""),
            ("48: a creditor records a letter", scene.creditor, recorded, BROKER, "ROLE_FORBIDDEN", ""),
            ("48: a counsellor answers", scene.counsellor, answer, CREDITOR, "ROLE_FORBIDDEN", ""),
            ("48: a counsellor asks a counsellor", scene.counsellor, request, OTHER_COUNSELLOR, "ROLE_FORBIDDEN", ""),
            ("48: a creditor answers a creditor", scene.creditor, answer, OTHER_CREDITOR, "ROLE_FORBIDDEN", ""),
            ("48: a case to a creditor", scene.counsellor, case, CREDITOR, "ROLE_FORBIDDEN", ""),
            ("48: a request to the broker", scene.counsellor, request, BROKER, "ROLE_FORBIDDEN", ""),
            ("54: an event in the broker's name", scene.counsellor, event, CREDITOR, "ROLE_FORBIDDEN", ""),
            ("54: an overview in the broker's name", scene.counsellor, overview, CREDITOR, "ROLE_FORBIDDEN", ""),
            ("49: a recipient that does not exist", scene.counsellor, request, "00000099000000007777",
             "RECIPIENT_UNKNOWN", "recipient"),
            ("49: a stranger with a good certificate", scene.counsellor, request, STRANGER, "RECIPIENT_UNKNOWN",
             "recipient"),
            ("51: oneself", scene.counsellor, request, COUNSELLOR, "RECIPIENT_SELF", "recipient"),
            ("a creditor without mailbox record", scene.counsellor, request, UNCONNECTED, "RECIPIENT_NOT_CONNECTED",
             "recipient")):
        body = scene.one_line(client, line, to)
        story.receipt(what, body, {(0, 0): (name, path)}, stored=0)
    batch = scene.counsellor.new_batch()
    batch.bundle(CREDITOR, mailbox="nobody's").add(request)
    _, body, _ = scene.counsellor.send(batch.finish(now_ms()))
    story.receipt("a mailbox without record", body, {(0, 0): ("RECIPIENT_NOT_CONNECTED", "recipient")}, stored=0)


def later_lines(scene):
    """What the wire knows and a later release takes: refused by name, by who may say it, with a sentence and a remedy."""
    about, ids = {"request_id": new_id(), "version": 1}, {"request_id": new_id(), "version": 1, "case_id": new_id()}
    counsellor, creditor = (scene.counsellor, CREDITOR), (scene.creditor, COUNSELLOR)
    for name, fact, (client, to) in (
            ("withdrawal", pb.WithdrawalFact(**ids), (scene.counsellor, BROKER)),
            ("offer", pb.OfferFact(state=pb.OFFER_STATE_OFFERED, amount_cents=100, **about), counsellor),
            ("offer", pb.OfferFact(state=pb.OFFER_STATE_RECONSIDERED, **about), counsellor),
            ("offer", pb.OfferFact(state=pb.OFFER_STATE_COURT_ORDERED, **about), counsellor),
            ("offer_reply", pb.OfferReplyFact(state=pb.OFFER_STATE_AGREED, **about), creditor),
            ("offer_reply", pb.OfferReplyFact(state=pb.OFFER_STATE_DECLINED, reason=pb.REASON_OTHER, **about), creditor),
            ("payment", pb.PaymentFact(state=pb.PAYMENT_STATE_PAYABLE, **about), counsellor),
            ("payment", pb.PaymentFact(state=pb.PAYMENT_STATE_PAID, amount_cents=100, **about), counsellor),
            ("payment", pb.PaymentFact(state=pb.PAYMENT_STATE_DISCHARGED, **about), creditor),
            ("case_step", pb.CaseStepFact(case_id=new_id(), version=1, state=pb.CASE_STATE_CALCULATED),
             (scene.counsellor, BROKER)),
            ("decision", pb.DecisionFact(decision=pb.DECISION_ASK_AGAIN, **ids), (scene.counsellor, BROKER)),
            ("notice", pb.NoticeFact(pause=True, **about), counsellor),
            ("mandate", pb.MandateFact(mandate_id=new_id(), version=1, holder=OTHER_CREDITOR, may_read=True),
             (scene.creditor, BROKER))):
        body = scene.one_line(client, pb.Line(**{name: fact}), to)
        scene.story.receipt(f"later: {name}", body, {(0, 0): ("NOT_YET_AVAILABLE", name)}, stored=0)
        scene.story.says(f"later: {name}: with a sentence and a remedy",
                         len(body.texts) == 1 and body.texts[0].sentence and body.texts[0].remedy)
    body = scene.one_line(scene.creditor, pb.Line(offer=pb.OfferFact(state=pb.OFFER_STATE_OFFERED, **about)), COUNSELLOR)
    scene.story.receipt("later: an offer by a creditor", body, {(0, 0): ("ROLE_FORBIDDEN", "")}, stored=0)


def sealed_parts(scene):
    """What is sealed and what is committed to go together; a BSN goes only to who is entitled."""
    story = scene.story
    for what, changes, sealed, name, path in (
            ("a commitment without sealed part", {"commitment": b"x" * 32}, b"", "COMMITMENT_MISSING", ""),
            ("a sealed part without commitment", {}, b"x" * 60, "COMMITMENT_MISSING", ""),
            ("a commitment of 31 bytes", {"commitment": b"x" * 31}, b"x" * 60, "HASH_FORMAT", "request.commitment"),
            ("contains_bsn without sealed part", {"contains_bsn": True}, b"", "FIELD_UNEXPECTED",
             "request.contains_bsn"),
            ("a BSN for who may not have it", {"contains_bsn": True, "commitment": b"x" * 32}, b"x" * 60,
             "BSN_NOT_ALLOWED", "request.contains_bsn")):
        case_id, request_id = new_id(), new_id()
        batch = scene.counsellor.new_batch()
        batch.bundle(BROKER).add(facts.case_line(case_id, [request_id], COUNSELLOR))
        writer = batch.bundle(CREDITOR, scene.certs)
        writer.add_bytes(facts.request_line(request_id, 100, **changes).SerializeToString(), sealed)
        _, body, _ = scene.counsellor.send(batch.finish(now_ms()))
        story.receipt(what, body, {(1, 0): (name, path)}, stored=1)


def signatures(scene):
    """47: signatures of others, of other bytes, with other certificates, of another kind."""
    batch = scene.counsellor.new_batch()
    batch.bundle(BROKER).add(facts.case_line(new_id(), [new_id()], COUNSELLOR))
    batch.finish(now_ms())
    good, header, me = batch.begin.jws, batch.header, scene.counsellor.me
    head, _, signature = good.split(".")
    other_head = me.sign(b"another").split(".")[0]
    enc = scene.creditor.me
    for what, jws, name in (
            ("signed by another participant", scene.creditor.me.sign(header), "SIGNER_INVALID"),
            ("signed by the other counsellor", scene.other_counsellor.me.sign(header), "SIGNER_INVALID"),
            ("a signature over other bytes", me.sign(header + b"x"), "SIGNATURE_INVALID"),
            ("one bit changed", good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"), "SIGNATURE_INVALID"),
            ("no signature", f"{head}..", "SIGNATURE_INVALID"), ("nothing", "", "SIGNATURE_INVALID"),
            ("three dots", "...", "SIGNATURE_INVALID"), ("a payload in it", f"{head}.AA.{signature}",
                                                        "SIGNATURE_INVALID"),
            ("a header that is no JSON", f"AAAA..{signature}", "SIGNATURE_INVALID"),
            ("no algorithm", "eyJhbGciOiJub25lIn0..", "SIGNATURE_INVALID"),
            ("too long", "x" * 17000, "SIGNATURE_INVALID")):
        batch.begin = pb.Begin(header=header, jws=jws)
        whole_batch(scene, f"47: {what}", batch, name, "header")
    assert other_head and enc
    batch.begin = pb.Begin(header=header, jws=good)
    whole_batch(scene, "47: a good batch in another's session", batch, "SENDER_MISMATCH", "header.sender",
                client=scene.creditor)


def records(scene):
    """Mailbox records and collect statements of somebody else, or that are no such thing."""
    story, me = scene.story, scene.counsellor.me
    now = now_ms()
    chain = [cert.public_bytes(Encoding.DER) for cert in me.chains["enc"]]

    def publish(signer, data=b"", **changes):
        value = {"context": "skp.v1 mailbox", "participant": COUNSELLOR, "version": 9, "created_at_ms": now,
                 "encryption_certificates": chain} | changes
        record = pb.MailboxRecord(**value).SerializeToString() + data
        return pack_frame(pb.Publish(record=pb.SignedRecord(record=record, jws=signer.sign(record)), tag=5))

    for what, data, name, path in (
            ("of another", publish(me, participant=OTHER_COUNSELLOR), "SENDER_MISMATCH", "record.participant"),
            ("signed by another", publish(scene.creditor.me), "SIGNER_INVALID", "record.jws"),
            ("of another kind", publish(me, context="skp.v1 batch"), "FIELD_UNEXPECTED", "record.context"),
            ("without certificates", publish(me, encryption_certificates=[]), "REQUIRED",
             "record.encryption_certificates"),
            ("with an unknown field", publish(me, b"\x98\x06\x01"), "UNKNOWN_FIELD", "record.field 99"),
            ("with 17 certificates", publish(me, encryption_certificates=chain[:1] * 17), "DECODE_ITEMS",
             "record.encryption_certificates"),
            ("with version 0", publish(me, version=0), "REQUIRED", "record.version"),
            ("that is older", publish(me, version=1), "RECORD_OLD", "record.version"),
            ("with a strange mailbox name", publish(me, mailbox="\u202e"), "TEXT_CONTROL", "record.mailbox"),
            ("with a long mailbox name", publish(me, mailbox="x" * 33), "TEXT_TOO_LONG", "record.mailbox"),
            ("that seals to a BSN", publish(me, seals_also_to=["999990019"]), "OIN_FORMAT",
             "record.seals_also_to[0]"),
            ("that is nothing", pack_frame(pb.Publish(tag=5)), "REQUIRED", "record")):
        meets(scene, f"a record {what}", data, name, path, frame=48, tag=5)

    def collect(signer, data=b"", sent=None, signed=None, **changes):
        """`sent` instead of the items that were signed; `changes` of the statement."""
        signed = items(2, 32) if signed is None else signed
        request = signer.collect(signed, at_ms=now, data=data, **{"participant": COUNSELLOR} | changes)
        del request.items[:]
        request.items.extend(signed if sent is None else sent)
        request.tag = 6
        return pack_frame(request)

    def items(count, size, byte=b"\0"):
        return [pb.CollectedItem(position=i, head_hash=byte * size) for i in range(count)]

    for what, data, name, path in (
            ("of another", collect(me, participant=CREDITOR), "SENDER_MISMATCH", "statement.participant"),
            ("signed by another", collect(scene.creditor.me), "SIGNER_INVALID", "jws"),
            ("of another kind", collect(me, context="skp.v1 batch"), "DECODE", "statement.context"),
            ("about nothing", collect(me, signed=[]), "DECODE_ITEMS", "items"),
            ("about 257 bundles", collect(me, signed=items(257, 32)), "DECODE_ITEMS", "items"),
            ("with a hash of 100,000 bytes", collect(me, sent=items(2, 100_000)), "HASH_FORMAT",
             "items[0].head_hash"),
            ("with a hash of 31 bytes", collect(me, sent=items(1, 32) + items(1, 31)), "HASH_FORMAT",
             "items[1].head_hash"),
            ("over fewer bundles than come", collect(me, sent=items(3, 32)), "COUNT_MISMATCH", "items"),
            ("over more bundles than come", collect(me, sent=items(1, 32)), "COUNT_MISMATCH", "items"),
            ("over another number than its tree", collect(me, item_count=3), "COUNT_MISMATCH", "items"),
            ("over other bundles", collect(me, sent=items(2, 32, b"\x01")), "ROOT_MISMATCH", "items"),
            ("over the same in another order", collect(me, sent=items(2, 32)[::-1]), "ROOT_MISMATCH", "items"),
            ("with half a root", collect(me, items_root=bytes(16)), "ROOT_MISMATCH", "items"),
            ("with an unknown field", collect(me, b"\x98\x06\x01"), "UNKNOWN_FIELD", "statement.field 99")):
        meets(scene, f"a statement {what}", data, name, path, frame=35, tag=6)
    meets(scene, "a statement about 8,193 bundles, of which not even the tag was read",
          frame("Collect", field(4, b"") * 8193), "DECODE_ITEMS", "items[8192]", frame=35)
    story.says("and the counsellor can go on", is_alive(scene.counsellor.session))


def environments(scene):
    """53: test and production do not mix; the broker's own OIN is no participant."""
    for what, oin, words in (("the broker's own OIN", BROKER, "RECIPIENT_SELF"),
                             ("an OIN of 19 characters", COUNSELLOR[:19], "OIN_FORMAT"),
                             ("53: an OIN that is no test OIN, at a test broker", "00000001000000001000",
                              "ENVIRONMENT_MISMATCH")):
        answer = scene.broker.admin_raw("participant.add", oin=oin, name="TEST", roles=["creditor"])
        scene.story.says(f"54: {what} does not become a participant", not answer["ok"] and words in str(answer))


CHAPTERS = (strangers, weak_tls, roles, later_lines, sealed_parts, signatures, records, environments)
