"""The facts of the round that play_round.py plays: invented people, a small agreement."""
import datetime

import skp_pb2 as pb
from skp_batch import new_id

TODAY = int(datetime.date.today().strftime("%Y%m%d"))


def case_line(case_id, request_ids, municipality, version=1):
    return pb.Line(case_fact=pb.CaseFact(
        case_id=case_id, version=version, persons=1, product=pb.PRODUCT_DEBT_MEDIATION,
        guidance=pb.GUIDANCE_BUDGET_COACHING, reference_date=TODAY, responsible=municipality,
        request_ids=request_ids))


def request_line(request_id, cents, **changes):
    fact = {"request_id": request_id, "version": 1, "debtor": pb.DEBTOR_FIRST,
            "product": pb.PRODUCT_DEBT_MEDIATION, "guidance": pb.GUIDANCE_BUDGET_COACHING,
            "reference_date": TODAY,
            "claims": [pb.KnownClaim(claim_id=new_id(), kind=pb.CLAIM_KIND_ENERGY, amount_cents=cents,
                                     debtor=pb.DEBTOR_FIRST)]}
    return pb.Line(request=pb.RequestFact(**{**fact, **changes}))


def off_network_line(request_id):
    return pb.Line(off_network=pb.OffNetworkFact(request_id=request_id, version=1, kind=pb.CLAIM_KIND_RENT))


def recorded_line(request_id, case_id, cents):
    return pb.Line(recorded=pb.RecordedAnswerFact(
        request_id=request_id, version=1, case_id=case_id, outcome=pb.OUTCOME_CLAIMS, total_cents=cents,
        consent=pb.CONSENT_NEEDS_OFFER, received_date=TODAY))


def person(number):
    return pb.PersonPart(
        client=pb.Person(initials="J.", first_names="Jóska", prefix="van der", surname=f"Verzonnen-{number}",
                         sex=pb.SEX_UNKNOWN, birth_date=19800101 + number),
        address=pb.Address(street="Proefstraat", number=str(number), letter="a", addition="2hoog", indication="to",
                           postcode="9999ZZ", place="Teststad", mooring="woonboot Proef"),
        client_number_counsellor=f"SHV-{number:04}", client_number_creditor=f"00{number}",
        invoice_numbers=[f"F{number}/2026"])


def answer_line(asked, outcome, **more):
    """asked: (delivery, line index, RequestFact) as it was received."""
    delivery, index, fact = asked
    return pb.Line(answer=pb.AnswerFact(
        request_id=fact.request_id, version=more.pop("version", 1), request_bundle_id=delivery.head.bundle_id,
        request_leaf=more.pop("request_leaf", delivery.leaves[index]), request_line=index, outcome=outcome,
        complete=True, **more))


def claims_of(asked, cents):
    """The client's own claims, confirmed at this balance."""
    return [pb.Claim(claim_id=known.claim_id, state=pb.CLAIM_STATE_CONFIRMED, kind=known.kind, amount_cents=cents,
                     preference=pb.PREFERENCE_CONCURRENT, debtor=known.debtor, deviates=known.amount_cents != cents)
            for known in asked[2].claims]


def agreement_file(creditor, counsellor):
    """Signed by both; a round on every working day at nine."""
    agreement = pb.Agreement(
        context="skp.v1 agreement", agreement_id=new_id(), version=1, creditor=creditor.oin,
        counsellors=[counsellor.oin], valid_from_date=20260101, consent_form=pb.CONSENT_FORM_PER_REQUEST_YES,
        term_working_days=10, schedule=pb.RoundSchedule(weekdays=0b11111, minute_of_day=540),
        silence=pb.SILENCE_MEANS_NOTHING)
    data = agreement.SerializeToString()
    signed = pb.SignedAgreement(agreement=data, signatures=[creditor.sign(data), counsellor.sign(data)])
    return agreement.agreement_id, signed.SerializeToString()
