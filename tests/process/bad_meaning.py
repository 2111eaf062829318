"""Cases 70 to 76, 85, 86, 88, 91 and what else a rule of meaning refuses, line by line."""
from bad_scene import BROKER, CANARY, COUNSELLOR, CREDITOR, OTHER_CREDITOR, facts, new_id, now_ms, pb
from bad_sequence import _answer

LARGEST = 99_999_999_999


def _requests():
    """(what, changed fields, refusal) of a RequestFact."""
    claim_id = new_id()

    def claim(**changes):
        value = {"claim_id": claim_id, "kind": pb.CLAIM_KIND_ENERGY, "amount_cents": 1, "debtor": pb.DEBTOR_FIRST}
        return pb.KnownClaim(**value | changes)

    def claims(*values):
        return {"claims": list(values)}

    many = [claim(claim_id=new_id()) for _ in range(1001)]
    return (
        ("70: an amount below zero", claims(claim(amount_cents=-1)), "AMOUNT_RANGE", "request.claims[0].amount_cents"),
        ("72: the largest number there is", claims(claim(amount_cents=2**63 - 1)), "AMOUNT_RANGE",
         "request.claims[0].amount_cents"),
        ("72: one cent too many", claims(claim(amount_cents=LARGEST + 1)), "AMOUNT_RANGE",
         "request.claims[0].amount_cents"),
        ("85: the same claim twice", claims(claim(), claim()), "DUPLICATE_CLAIM", "request.claims[1].claim_id"),
        ("88: 65 claims", claims(*many[:65]), "DECODE_ITEMS", "request.claims"),
        ("88: 1,001 claims", claims(*many), "DECODE_ITEMS", "request.claims"),
        ("76: 30 February", {"reference_date": 20260230}, "DATE_INVALID", "request.reference_date"),
        ("76: 29 February of no leap year", {"reference_date": 20250229}, "DATE_INVALID", "request.reference_date"),
        ("76: 29 February 1900", {"reference_date": 19000229}, "DATE_INVALID", "request.reference_date"),
        ("76: month 13", {"reference_date": 20261301}, "DATE_INVALID", "request.reference_date"),
        ("76: day 0", {"reference_date": 20261200}, "DATE_INVALID", "request.reference_date"),
        ("76: day 32", {"reference_date": 20261232}, "DATE_INVALID", "request.reference_date"),
        ("76: below zero", {"reference_date": -20261201}, "DATE_INVALID", "request.reference_date"),
        ("77: before 1900", {"reference_date": 18991231}, "DATE_RANGE", "request.reference_date"),
        ("77: after 2199", {"reference_date": 22000101}, "DATE_RANGE", "request.reference_date"),
        ("no reference date", {"reference_date": 0}, "REQUIRED", "request.reference_date"),
        ("no debtor", {"debtor": 0}, "ENUM_VALUE", "request.debtor"),
        ("a claim without kind", claims(claim(kind=0)), "ENUM_VALUE", "request.claims[0].kind"),
        ("58: a claim id of 17 bytes", claims(claim(claim_id=b"x" * 17)), "ID_FORMAT", "request.claims[0].claim_id"),
        ("40: a brand of 81 characters", {"brand": (CANARY * 3)[:81]}, "TEXT_TOO_LONG", "request.brand"),
        ("41: a brand of spaces", {"brand": "   "}, "REQUIRED", "request.brand"),
        ("38: a brand with a tab", {"brand": CANARY + "\t"}, "TEXT_CONTROL", "request.brand"),
    )


def _case_of(ids):
    """The case id that goes with these request ids."""
    return ids[0][::-1]


def _send_requests(scene, rows):
    """One case, one bundle, a line for each of `rows` (fields that change)."""
    ids = [new_id() for _ in rows]
    batch = scene.counsellor.new_batch()
    batch.bundle(BROKER).add(facts.case_line(_case_of(ids), ids, COUNSELLOR))
    writer = batch.bundle(CREDITOR, scene.certs)
    leaves = [writer.add(facts.request_line(i, 100, **{"urgent": True, **changes})) for i, changes in zip(ids, rows)]
    return batch, ids, leaves, scene.counsellor.send(batch.finish(now_ms()))[1]


def requests(scene):
    """Requests that say what cannot be: each is refused for itself, at its place."""
    bad = _requests()
    good = [{"brand": "x" * 80}, {"brand": "\U0001f600" * 80}, {"reference_date": 20240229}, {"claims": []}]
    _, ids, _, body = _send_requests(scene, [changes for _, changes, _, _ in bad] + good)
    expected = {(1, i): (name, path) for i, (_, _, name, path) in enumerate(bad)}
    scene.story.receipt(f"{len(bad)} bad requests among good ones", body, expected, stored=len(good) + 1)
    scene.story.equals("each refusal names its request, unless the line cannot be read",
                       [r.item_id for r in body.refusals], ids[:len(bad) - 1] + [b""])


def plain_text(scene):
    """91: SQL, formats, HTML and formulas are text: stored, and delivered byte for byte."""
    brands = ["'; DROP TABLE entry; --", "%n%n%s%x", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "+31", "-1",
              "@SUM(A1)", "\\x00\\0", "${jndi:ldap://x}", "../../etc/passwd", "e\u0301", "\u00e9", "NULL", "0",
              "{{7*7}}"]
    scene.fresh(scene.creditor)
    batch, _, _, body = _send_requests(scene, [{"brand": brand} for brand in brands])
    scene.story.receipt("91: they are stored", body, {}, stored=len(brands) + 1)
    sent = {bytes(line) for line in batch.bundles[1].lines}
    deliveries = scene.creditor.fetch()
    found = {bytes(line) for delivery in deliveries for line in delivery.bundle.lines}
    scene.story.says("91: and delivered byte for byte", sent <= found)
    scene.creditor.collect(deliveries)


def _answers(claim_id):
    """(what, changed fields, refusal) of an AnswerFact."""
    def claim(**changes):
        value = {"claim_id": claim_id, "state": pb.CLAIM_STATE_CONFIRMED, "kind": pb.CLAIM_KIND_ENERGY,
                 "amount_cents": 100, "preference": pb.PREFERENCE_CONCURRENT, "debtor": pb.DEBTOR_FIRST}
        return pb.Claim(**value | changes)

    def claims(*values, total=100, **more):
        return {"outcome": pb.OUTCOME_CLAIMS, "claims": list(values), "total_cents": total} | more

    full = [claim(claim_id=new_id(), amount_cents=LARGEST) for _ in range(2)]
    agreed = {"consent": pb.CONSENT_PRE_AGREED, "agreement_id": new_id(), "agreement_version": 1}
    return (
        ("70: a total below zero", claims(claim(amount_cents=-100), total=-100), "AMOUNT_RANGE", "answer.total_cents"),
        ("70: one claim below zero", claims(claim(), claim(claim_id=new_id(), amount_cents=-1), total=99),
         "AMOUNT_RANGE", "answer.claims[1].amount_cents"),
        ("71: a claim of nothing", claims(claim(amount_cents=0), total=0), "AMOUNT_ZERO",
         "answer.claims[0].amount_cents"),
        ("71: a total of nothing for all", {"outcome": pb.OUTCOME_CLAIMS, "one_total": True}, "AMOUNT_ZERO",
         "answer.total_cents"),
        ("72: the largest number there is", claims(claim(amount_cents=2**63 - 1), total=0), "AMOUNT_RANGE",
         "answer.claims[0].amount_cents"),
        ("72: an original amount below zero", claims(claim(original_cents=-1)), "AMOUNT_RANGE",
         "answer.claims[0].original_cents"),
        ("72: a sum over the largest amount", claims(*full, total=LARGEST), "AMOUNT_RANGE", "answer.total_cents"),
        ("73: a total that is not the sum", claims(claim(), total=101), "AMOUNT_SUM", "answer.total_cents"),
        ("73: one total and amounts", claims(claim(), one_total=True), "FIELD_UNEXPECTED",
         "answer.claims[0].amount_cents"),
        ("85: the same claim twice", claims(claim(), claim(), total=200), "DUPLICATE_CLAIM",
         "answer.claims[1].claim_id"),
        ("88: 65 claims", claims(*[claim(claim_id=new_id()) for _ in range(65)], total=6500), "DECODE_ITEMS",
         "answer.claims"),
        ("claims with another outcome", {"outcome": pb.OUTCOME_UNKNOWN_CLIENT, "claims": [claim()]},
         "CLAIM_UNKNOWN", "answer.claims"),
        ("no claims with outcome CLAIMS", {"outcome": pb.OUTCOME_CLAIMS}, "CLAIM_UNKNOWN", "answer.claims"),
        ("35: outcome UNSPECIFIED", {"outcome": 0}, "ENUM_VALUE", "answer.outcome"),
        ("an agreement that is not there", claims(claim(), **agreed), "AGREEMENT_UNKNOWN", "answer"),
        ("PRE_AGREED without agreement", claims(claim(), consent=pb.CONSENT_PRE_AGREED), "CONSENT_INVALID",
         "answer.agreement_id"),
        ("PRE_AGREED with a reason", claims(claim(), **agreed, reason=pb.REASON_OTHER), "CONSENT_INVALID",
         "answer.reason"),
        ("consent without claims", {"consent": pb.CONSENT_NEEDS_OFFER}, "CONSENT_INVALID", "answer.consent"),
        ("an impediment without reason", claims(claim(), consent=pb.CONSENT_IMPEDIMENT), "REASON_MISSING",
         "answer.reason"),
        ("no cooperation without reason", {"outcome": pb.OUTCOME_NO_COOPERATION}, "REASON_MISSING", "answer.reason"),
        ("76: a balance date that is none", {"balance_date": 20260231}, "DATE_INVALID", "answer.balance_date"),
        ("a leaf of 31 bytes", {"request_leaf": b"x" * 31}, "HASH_FORMAT", "answer.request_leaf"),
    )


def answers(scene):
    """Answers that say what cannot be; the request stays open all the while."""
    claim_id = new_id()
    bad = _answers(claim_id)
    asked, ids, leaves, _ = _send_requests(scene, [{} for _ in bad])
    batch = scene.creditor.new_batch()
    writer = batch.bundle(COUNSELLOR, scene.counsellor_certs)
    for index, (_, changes, _, _) in enumerate(bad):
        writer.add(_answer(asked, index, ids[index], leaves[index], **changes))
    _, body, _ = scene.creditor.send(batch.finish(now_ms()))
    expected = {(0, i): (name, path) for i, (_, _, name, path) in enumerate(bad)}
    scene.story.receipt(f"{len(bad)} bad answers", body, expected, stored=0)
    views = {v.request_id: v.state for view in scene.counsellor.cases(_case_of(ids)) for v in view.requests}
    scene.story.equals("no refused answer changed its request", {views.get(i) for i in ids},
                       {pb.REQUEST_STATE_REQUESTED})


def anothers_claims(scene):
    """86: a claim id is a name within its own request: said in the answer to another, it reaches nothing there."""
    story, counsellor = scene.story, scene.counsellor
    case_id, (mine, theirs) = new_id(), (new_id(), new_id())
    batch = counsellor.new_batch()
    batch.bundle(BROKER).add(facts.case_line(case_id, [mine, theirs], COUNSELLOR))
    asked = [facts.request_line(request_id, 100, urgent=True) for request_id in (mine, theirs)]
    leaves = [batch.bundle(to).add(line) for to, line in zip((CREDITOR, OTHER_CREDITOR), asked)]
    counsellor.send(batch.finish(now_ms()))
    claim_ids = [line.request.claims[0].claim_id for line in asked]
    place = {"request_bundle_id": pb.BundleHead.FromString(batch.bundles[2].head).bundle_id}

    def answer(request_id, leaf, claim_ids, **changes):
        stated = [pb.Claim(claim_id=claim_id, state=pb.CLAIM_STATE_CONFIRMED, kind=pb.CLAIM_KIND_ENERGY,
                           amount_cents=100, preference=pb.PREFERENCE_CONCURRENT, debtor=pb.DEBTOR_FIRST)
                  for claim_id in claim_ids]
        return _answer(batch, 0, request_id, leaf, outcome=pb.OUTCOME_CLAIMS, claims=stated,
                       total_cents=100 * len(stated), **changes)

    def views():
        (case,) = counsellor.cases(case_id)
        found = {view.request_id: (view.state, view.total_cents) for view in case.requests}
        return found[mine], found[theirs]

    waits, answered = (pb.REQUEST_STATE_REQUESTED, 0), pb.REQUEST_STATE_ANSWERED
    line = answer(theirs, leaves[1], claim_ids[1:], **place)
    story.receipt("86: the other's request, with its claim", scene.one_line(scene.creditor, line, COUNSELLOR),
                  {(0, 0): ("REQUEST_UNKNOWN", "answer.request_id")}, stored=0)
    story.equals("86: both requests still wait", views(), (waits, waits))
    line = answer(mine, leaves[0], claim_ids)
    story.receipt("86: one's own request, with the other's claim beside one's own: taken for one's own",
                  scene.one_line(scene.creditor, line, COUNSELLOR), {}, stored=1)
    story.equals("86: the other's request still waits", views(), ((answered, 200), waits))
    line = answer(theirs, leaves[1], claim_ids[1:], **place)
    story.receipt("86: the other answers it, with the same claim", scene.one_line(scene.other_creditor, line,
                  COUNSELLOR), {}, stored=1)
    story.equals("86: each request has its own answer", views(), ((answered, 200), (answered, 100)))


def recorded(scene):
    """Letters' answers and cases that say what cannot be."""
    story, counsellor = scene.story, scene.counsellor
    case_id, request_id = new_id(), new_id()
    batch = counsellor.new_batch()
    writer = batch.bundle(BROKER)
    writer.add(facts.case_line(case_id, [request_id], COUNSELLOR))
    writer.add(facts.off_network_line(request_id))
    counsellor.send(batch.finish(now_ms()))
    for what, changes, name, path in (
            ("70: below zero", {"total_cents": -1}, "AMOUNT_RANGE", "recorded.total_cents"),
            ("71: claims of nothing", {"total_cents": 0}, "AMOUNT_ZERO", "recorded.total_cents"),
            ("an amount with ZERO_BALANCE", {"outcome": pb.OUTCOME_ZERO_BALANCE, "consent": 0}, "CLAIM_UNKNOWN",
             "recorded.total_cents"),
            ("a letter that agrees beforehand", {"consent": pb.CONSENT_PRE_AGREED}, "CONSENT_INVALID",
             "recorded.consent"),
            ("76: received on 31 April", {"received_date": 20260431}, "DATE_INVALID", "recorded.received_date"),
            ("not received", {"received_date": 0}, "REQUIRED", "recorded.received_date"),
            ("a request of no case", {"request_id": new_id()}, "REQUEST_UNKNOWN", "recorded.request_id")):
        line = facts.recorded_line(request_id, case_id, 100)
        for key, value in changes.items():
            setattr(line.recorded, key, value)
        story.receipt(f"a letter's answer: {what}", scene.one_line(counsellor, line), {(0, 0): (name, path)}, stored=0)
    for what, changes, name, path in (
            ("no persons", {"persons": 0}, "PERSONS", "case_fact.persons"),
            ("three persons", {"persons": 3}, "PERSONS", "case_fact.persons"),
            ("a product that does not exist", {"product": 0}, "ENUM_VALUE", "case_fact.product")):
        line = facts.case_line(new_id(), [new_id()], COUNSELLOR)
        for key, value in changes.items():
            setattr(line.case_fact, key, value)
        story.receipt(f"a case: {what}", scene.one_line(counsellor, line), {(0, 0): (name, path)}, stored=0)
    same = new_id()
    for what, ids, name, path in (
            ("the same request twice", [same, same], "DUPLICATE_ITEM", "case_fact.request_ids[1]"),
            ("257 requests", [new_id() for _ in range(257)], "DECODE_ITEMS", "case_fact.request_ids"),
            ("a request id of 3 bytes", [b"abc"], "ID_FORMAT", "case_fact.request_ids[0]")):
        line = facts.case_line(new_id(), ids, COUNSELLOR)
        story.receipt(f"a case: {what}", scene.one_line(counsellor, line), {(0, 0): (name, path)}, stored=0)


def scope(scene):
    """An agreement that does not cover what is answered."""
    import base64
    agreement = pb.Agreement(
        context="skp.v1 agreement", agreement_id=new_id(), version=1, creditor=CREDITOR, counsellors=[COUNSELLOR],
        valid_from_date=20200101, consent_form=pb.CONSENT_FORM_PER_REQUEST_YES, term_working_days=10,
        silence=pb.SILENCE_MEANS_NOTHING, claim_kinds=[pb.CLAIM_KIND_WATER])
    data = agreement.SerializeToString()
    file = pb.SignedAgreement(agreement=data, signatures=[scene.creditor.me.sign(data), scene.counsellor.me.sign(data)])
    scene.broker.admin("agreement.admit", file_base64=base64.b64encode(file.SerializeToString()).decode())
    asked, (request_id,), (leaf,), _ = _send_requests(scene, [{}])
    claim = pb.Claim(claim_id=new_id(), state=pb.CLAIM_STATE_CONFIRMED, kind=pb.CLAIM_KIND_ENERGY, amount_cents=1,
                     preference=pb.PREFERENCE_CONCURRENT, debtor=pb.DEBTOR_FIRST)
    line = _answer(asked, 0, request_id, leaf, outcome=pb.OUTCOME_CLAIMS, claims=[claim], total_cents=1,
                   consent=pb.CONSENT_PRE_AGREED, agreement_id=agreement.agreement_id, agreement_version=1)
    scene.story.receipt("energy under an agreement about water", scene.one_line(scene.creditor, line, COUNSELLOR),
                        {(0, 0): ("AGREEMENT_SCOPE", "answer")}, stored=0)
    line.answer.agreement_version = 2
    scene.story.receipt("a version of it that does not exist", scene.one_line(scene.creditor, line, COUNSELLOR),
                        {(0, 0): ("AGREEMENT_UNKNOWN", "answer")}, stored=0)


CHAPTERS = (requests, plain_text, answers, anothers_claims, recorded, scope)
