#!/usr/bin/python3
"""Every vector of proto/vectors holds for a client that shares no code with ours, and none holds with a byte changed.

usage: check_vectors.py VECTORS [--fresh MAKE_ROUND]     (with skp_pb2.py, made by protoc, on PYTHONPATH)

--fresh also checks two exchanges that MAKE_ROUND makes now: with and without the roles swapped.
"""
import json
import os
import subprocess
import sys

import skp_pb2 as pb
import skp_crypto as crypto
from round_story import Story
from skp_batch import Delivered
from skp_crypto import ProofError, read_message
from cryptography.hazmat.primitives import serialization


def raw(vector, name):
    return bytes.fromhex(vector[name])


def hexes(texts):
    return [bytes.fromhex(text) for text in texts]


def holds(action, *arguments):
    try:
        action(*arguments)
        return True
    except ProofError:
        return False


def changed(data, at=-1):
    mutable = bytearray(data)
    mutable[at] ^= 1
    return bytes(mutable)


class Party:
    """What the Python client asks of a participant: an OIN, a key and chain that sign, keys that open."""

    def __init__(self, signer, opener):
        self.oin = signer["oin"]
        self.signing_key, self.signing_chain = private_key(signer), crypto.read_chain(signer["cert_pem"].encode())
        chain = crypto.read_chain(opener["cert_pem"].encode())
        self.keys = {crypto.thumbprint(chain[0]): private_key(opener)}


def private_key(vector):
    return serialization.load_pem_private_key(vector["key_pem"].encode(), None)


# ---------------------------------------------------------------- crypto.json

def check_merkle(vectors, story):
    for v in vectors["merkle"]:
        data, expected = hexes(v["data"]), raw(v, "root")
        leaves = [crypto.leaf(d) for d in data]
        same = (leaves == hexes(v["leaves"]) and crypto.root(leaves) == expected
                and [crypto.path(leaves, i) for i in range(len(data))] == [hexes(p) for p in v["paths"]])
        story.says(f"a tree of {len(data)}: leaves, root and all paths", same)
        for index, steps in enumerate(map(hexes, v["paths"])):
            good = holds(crypto.check_path, leaves[index], index, len(data), steps, expected)
            other = (index + 1) % len(data)
            bad = len(data) > 1 and (
                holds(crypto.check_path, leaves[index], other, len(data), steps, expected)
                or holds(crypto.check_path, leaves[index], index, len(data), steps[1:], expected)
                or holds(crypto.check_path, leaves[index], index, len(data), steps + steps[:1], expected))
            story.says(f"leaf {index} of {len(data)} is proven by its path, and by no other", good and not bad)


def check_parts(vectors, story):
    for v in vectors["parts"]:
        place = (v["sender"], v["recipient"], raw(v, "batch_id"), raw(v, "bundle_id"))
        key, item, sealed = raw(v, "bundle_key"), raw(v, "item_id"), raw(v, "sealed")
        story.equals("part key and AAD", (crypto.part_key(key, place[3], item), crypto.part_aad(place, item)),
                     (raw(v, "part_key"), raw(v, "aad")))
        opened = crypto.part_open(key, place, item, sealed, raw(v, "commitment"))
        story.equals(f"a part of {len(opened)} bytes opens", opened, raw(v, "part"))
        wrong = ((key, place, item, changed(sealed), raw(v, "commitment")),
                 (key, place, item, sealed, changed(raw(v, "commitment"))),
                 (key, place, changed(item), sealed, raw(v, "commitment")),
                 (key, (place[1], place[0], *place[2:]), item, sealed, raw(v, "commitment")))
        story.says("and not with other bytes, commitment, item or place",
                   not any(holds(crypto.part_open, *arguments) for arguments in wrong))


def check_jose(vectors, trust, at, story):
    for v in vectors["jws"]:
        payload = raw(v, "payload")
        signer = crypto.verify(v["jws"], payload, trust, at)
        story.equals(f"{v['alg']} verifies, and tells who signed", signer, v["oin"])
        story.says("and not over other bytes", not holds(crypto.verify, v["jws"], changed(payload), trust, at))
        story.says("and not before the certificate began",
                   not holds(crypto.verify, v["jws"], payload, trust, at - 400 * 86400))
    for v in vectors["jwe"]:
        story.equals(f"{v['alg']} opens", crypto.jwe_open(v["jwe"], private_key(v)), raw(v, "plaintext"))
    for v in vectors["boxes"]:
        box = read_message(pb.KeyBox, raw(v, "key_box"))
        place = [box.sender, box.recipient, box.batch_id, box.bundle_id]
        keys = {v["thumbprint"]: private_key(v)}
        story.equals("a key box gives the bundle key", crypto.box_open([v["jwe"]], keys, place), box.bundle_key)
        story.says("and not for another bundle",
                   not holds(crypto.box_open, [v["jwe"]], keys, place[:3] + [changed(box.bundle_id)]))


# ---------------------------------------------------------------- round.json and round_swapped.json

class Round:
    def __init__(self, vectors, document):
        places = [document["places"][role] for role in ("counsellor", "creditor", "broker")]
        self.parties = [Party(vectors["jws"][place], vectors["boxes"][place]) for place in places]
        self.counsellor, self.creditor, self.broker = self.parties
        self.trust = crypto.Trust(vectors["ca_pem"].encode(), vectors["crl_pem"].encode())
        self.document, self.at = document, document["at_ms"] // 1000


def check_batches(round_, story):
    document = round_.document
    batches = document["batches"] + [document[name] for name in ("reseal",) if name in document]
    for number, v in enumerate(batches):
        header = read_message(pb.BatchHeader, raw(v, "header"))
        signer = crypto.verify(v["jws"], raw(v, "header"), round_.trust, round_.at)
        story.equals(f"batch {number}: signed by its sender", signer, header.sender)
        story.says("and not with one byte of the header changed",
                   not holds(crypto.verify, v["jws"], changed(raw(v, "header")), round_.trust, round_.at))
        heads = [crypto.leaf(raw(b, "head")) for b in v["bundles"]]
        story.equals("its root is over the heads, its bundles and lines are counted",
                     (crypto.root(heads), len(heads), sum(len(b["lines"]) for b in v["bundles"])),
                     (header.root, header.bundle_count, header.line_count))
        story.equals("what the commit takes", crypto.taken_leaf(raw(v, "header"), v["jws"]), raw(v, "taken_leaf"))
        for index, b in enumerate(v["bundles"]):
            check_bundle(round_, story, header, heads, index, b)


def check_bundle(round_, story, header, heads, index, b):
    bundle, head = read_message(pb.Bundle, raw(b, "bundle")), read_message(pb.BundleHead, raw(b, "head"))
    story.says(f"bundle {index}: head, its hashes and its path",
               bundle.head == raw(b, "head") and heads[index] == raw(b, "head_leaf")
               and crypto.sha256(bundle.head) == raw(b, "head_hash")
               and holds(crypto.check_path, heads[index], index, len(heads), hexes(b["path"]), header.root))
    leaves = [crypto.leaf(line) for line in bundle.lines]
    story.equals("its lines, leaves and root", (list(bundle.lines), leaves, crypto.root(leaves)),
                 ([raw(v, "line") for v in b["lines"]], [raw(v, "leaf") for v in b["lines"]], head.lines_root))
    story.says("each line alone is proven by its path",
               all(holds(crypto.check_path, leaves[i], i, len(leaves), hexes(v["path"]), head.lines_root)
                   for i, v in enumerate(b["lines"])))
    place = (header.sender, head.recipient, header.batch_id, head.bundle_id)
    for i, v in enumerate(b["lines"]):
        if bundle.sealed[i]:
            check_part(round_, story, bundle, place, i, v)


def check_part(round_, story, bundle, place, index, v):
    line = read_message(pb.Line, bundle.lines[index])
    fact = getattr(line, line.WhichOneof("fact"))
    may_open = [party for party in round_.parties if any(
        json.loads(crypto.unb64url(box.split(".")[0]))["x5t#S256"] in party.keys for box in bundle.key_boxes)]
    story.says(f"line {index} has a box for its recipient", place[1] in [party.oin for party in may_open])
    for party in may_open:
        key = crypto.box_open(bundle.key_boxes, party.keys, place)
        part = crypto.part_open(key, place, fact.request_id, bundle.sealed[index], fact.commitment)
        story.equals(f"{party.oin} opens it", (part, fact.request_id), (raw(v, "part"), raw(v, "item_id")))


def check_commits(round_, story):
    document, broker = round_.document, round_.broker.oin
    commits = [raw(v, "commit") for v in document["commits"]]
    def is_of(v, who):
        return holds(crypto.check_commit, raw(v, "commit"), v["jws"], who, round_.trust, round_.at)
    for v in document["commits"]:
        story.says("a commit signed by the broker, and by nobody else",
                   is_of(v, broker) and not is_of(v, round_.creditor.oin))
    story.equals("the second names the first", crypto.check_links(commits), 1)
    story.says("and no other", not holds(crypto.check_links, [changed(commits[0], 40), commits[1]]))
    taken = [raw(batch, "taken_leaf") for batch in document["batches"]]
    story.equals("it took both batches", read_message(pb.CommitHeader, commits[1]).taken_root, crypto.root(taken))


def check_receipts(round_, story):
    for batch, v in zip(round_.document["batches"], round_.document["receipts"]):
        receipt = read_message(pb.Receipt, raw(v, "receipt"))
        arguments = (raw(batch, "header"), round_.broker.oin, round_.trust, round_.at)
        body, _ = crypto.check_receipt(receipt, *arguments)
        story.equals("a receipt: proven, all lines accounted for, its body as given",
                     (receipt.body, crypto.leaf(receipt.body), {r.code for r in body.refusals}),
                     (raw(v, "body"), raw(v, "leaf"), {t.code for t in body.texts}))
        for name in ("body", "commit"):
            bad = pb.Receipt()
            bad.CopyFrom(receipt)
            setattr(bad, name, changed(getattr(receipt, name)))
            story.says(f"not with another {name}", not holds(crypto.check_receipt, bad, *arguments))
        receipt.index ^= 1
        story.says("not at another index", not holds(crypto.check_receipt, receipt, *arguments))


def check_delivery(round_, story):
    document, creditor = round_.document, round_.creditor
    delivery = read_message(pb.Delivery, raw(document, "delivery"))
    delivered = Delivered(delivery, creditor, round_.trust, round_.at)
    withheld = [gap.line for gap in delivered.bundle.withheld]
    story.equals("a delivery with a line withheld is proven whole", withheld, [1])
    index, fact = delivered.facts("request")[0]
    part = delivered.open_part(index, fact, creditor.keys, pb.PersonPart)
    story.equals("and its person opens", part.client.surname, "Verzonnen")
    (answer,) = answer_facts(document)
    story.equals("the answer names the leaf of what was delivered", answer.request_leaf, delivered.leaves[index])
    story.says("it is nobody else's", not holds(Delivered, delivery, round_.counsellor, round_.trust, round_.at))
    bundle = read_message(pb.Bundle, delivery.bundle)
    bundle.withheld[0].leaf_hash = changed(bundle.withheld[0].leaf_hash)
    delivery.bundle = bundle.SerializeToString()
    story.says("and not with another leaf in the gap",
               not holds(Delivered, delivery, creditor, round_.trust, round_.at))
    check_mandate(round_, story)
    collect = document["collect"]
    check_statement(round_, story, delivered.head_hash())


def check_statement(round_, story, head_hash):
    """The whole as the broker gets it, and the event in which a sender gets its part."""
    collect = round_.document["collect"]
    statement = read_message(pb.CollectStatement, raw(collect, "statement"))
    leaves = [crypto.item_leaf(pb.CollectedItem(position=item["position"], head_hash=raw(item, "head_hash")))
              for item in collect["items"]]
    story.equals("the leaves of a statement are position and head", leaves,
                 [raw(item, "leaf") for item in collect["items"]])
    story.equals("and add up to its root", (statement.item_count, statement.items_root),
                 (len(leaves), crypto.root(leaves)))
    event = read_message(pb.EventFact, raw(collect, "event"))
    story.equals("the sender hears the same statement", (event.statement, event.jws),
                 (raw(collect, "statement"), collect["jws"]))
    story.says("of the creditor, which proves what is the sender's", collected_holds(round_, event))
    story.equals("and names the head", event.collected[0].head_hash, head_hash)
    for what in ("index", "position", "head_hash", "proof", "count"):
        spoilt = read_message(pb.EventFact, raw(collect, "event"))
        item = spoilt.collected[1]
        if what == "proof":
            spoilt.proof[0] = changed(spoilt.proof[0])
        elif what == "count":
            spoilt.proof.append(bytes(32))
        elif what == "head_hash":
            item.head_hash = changed(item.head_hash)
        else:
            setattr(item, what, getattr(item, what) + 1)
        story.says(f"and not with another {what}", not collected_holds(round_, spoilt))


def collected_holds(round_, event):
    try:
        return crypto.check_collected(event, round_.trust, round_.at) == round_.creditor.oin
    except crypto.ProofError:
        return False


def check_mandate(round_, story):
    """The counsellor may sign that it speaks for another; nothing proves that the other wants it."""
    counsellor = round_.counsellor
    for other, taken in (("", True), (round_.creditor.oin, False)):
        delivery = read_message(pb.Delivery, raw(round_.document, "delivery"))
        header = read_message(pb.BatchHeader, delivery.header)
        header.on_behalf_of = other
        delivery.header = header.SerializeToString()
        delivery.jws = crypto.sign(delivery.header, counsellor.signing_key, counsellor.signing_chain, round_.at)
        story.equals(f"signed {'on behalf of another' if other else 'for itself'} it is {'taken' if taken else 'refused'}",
                     holds(Delivered, delivery, round_.creditor, round_.trust, round_.at), taken)


def check_reseal(round_, story):
    """The case and one request once more: the lines keep their bytes and leaves, what is sealed is new."""
    asked, again = round_.document["batches"][0], round_.document["reseal"]
    bundles = [[read_message(pb.Bundle, raw(b, "bundle")) for b in v["bundles"]] for v in (asked, again)]
    story.equals("case and request are the very same lines", [list(b.lines) for b in bundles[1]],
                 [[bundles[0][0].lines[0]], [bundles[0][1].lines[2]]])
    story.equals("with the same leaf and the same person", *(
        [v["bundles"][1]["lines"][i][name] for name in ("item_id", "leaf", "part")] for v, i in ((asked, 2), (again, 0))))
    story.says("sealed anew, in a batch and a bundle of their own",
               bundles[0][1].sealed[2] != bundles[1][1].sealed[0] and asked["root"] != again["root"]
               and not {b.head for b in bundles[0]} & {b.head for b in bundles[1]})


def check_signed(round_, story):
    """What stands outside batches: the creditor's mailbox record, and the agreement of both."""
    record_vector, agreement_vector = round_.document["record"], round_.document["agreement"]
    data = raw(record_vector, "record")
    record = read_message(pb.MailboxRecord, data)
    story.equals("the mailbox record is the creditor's, and names the certificate that opens its parts",
                 (record.context, record.participant, crypto.verify(record_vector["jws"], data, round_.trust, round_.at),
                  [crypto.b64url(crypto.sha256(der)) in round_.creditor.keys for der in record.encryption_certificates]),
                 ("skp.v1 mailbox", round_.creditor.oin, round_.creditor.oin, [True]))
    story.says("and not with one byte changed",
               not holds(crypto.verify, record_vector["jws"], changed(data), round_.trust, round_.at))
    data = raw(agreement_vector, "agreement")
    agreement = read_message(pb.Agreement, data)
    signers = [crypto.verify(jws, data, round_.trust, round_.at) for jws in agreement_vector["signatures"]]
    story.equals("the agreement is signed by the creditor and by each counsellor it names",
                 (agreement.context, signers), ("skp.v1 agreement", [agreement.creditor, *agreement.counsellors]))
    story.says("and not with one byte changed", not any(
        holds(crypto.verify, jws, changed(data), round_.trust, round_.at) for jws in agreement_vector["signatures"]))


def answer_facts(document):
    bundle = read_message(pb.Bundle, raw(document["batches"][1]["bundles"][0], "bundle"))
    return [read_message(pb.Line, line).answer for line in bundle.lines]


def check_round(vectors, document, story):
    round_ = Round(vectors, document)
    for check in (check_batches, check_commits, check_receipts, check_delivery, check_signed, check_reseal):
        check(round_, story)


def main():
    folder, *fresh = sys.argv[1:]
    story = Story()
    with open(os.path.join(folder, "crypto.json"), encoding="utf-8") as file:
        vectors = json.load(file)
    trust = crypto.Trust(vectors["ca_pem"].encode(), vectors["crl_pem"].encode())
    check_merkle(vectors, story)
    check_parts(vectors, story)
    check_jose(vectors, trust, vectors["at_ms"] // 1000, story)
    for name in ("round.json", "round_swapped.json"):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            check_round(vectors, json.load(file), story)
    for options in ([], ["--swapped"]) if fresh[:1] == ["--fresh"] else []:
        made = subprocess.run([fresh[1], os.path.join(folder, "crypto.json"), *options], check=True, capture_output=True)
        check_round(vectors, json.loads(made.stdout), story)
    return story.ends()


if __name__ == "__main__":
    sys.exit(main())
