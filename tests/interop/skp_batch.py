"""Batches and deliveries, as proto/PROTOCOL.md chapters 5, 6 and 8 say."""
import os

import skp_pb2 as pb
import skp_crypto as crypto
from skp_crypto import demand, read_message


def new_id():
    return os.urandom(16)


class Bundle:
    """Lines for one addressee; certs: the encryption certificates that may open it."""

    def __init__(self, sender, batch_id, recipient, certs=(), mailbox=""):
        self.place = (sender, recipient, batch_id, new_id())
        self.mailbox, self.certs = mailbox, certs
        self.key = os.urandom(32)
        self.lines, self.sealed = [], []
        self.kept = {}  # item id -> (line, plaintext): what it takes to seal it again

    def add(self, line, part=None):
        """line: a pb.Line; part: a PersonPart or AnswerPart. Its leaf hash, which an answer names."""
        fact = getattr(line, line.WhichOneof("fact"))
        sealed = b""
        if part is not None:
            plaintext, fact.commitment = crypto.part_prepare(part.SerializeToString())
            sealed = crypto.part_seal(self.key, self.place, fact.request_id, plaintext)
            self.kept[fact.request_id] = (line.SerializeToString(), plaintext)
        return self.add_bytes(line.SerializeToString(), sealed)

    def add_again(self, request_id, kept):
        """The very same line, its part sealed anew."""
        line, plaintext = kept
        return self.add_bytes(line, crypto.part_seal(self.key, self.place, request_id, plaintext))

    def add_bytes(self, line_bytes, sealed=b""):
        self.lines.append(line_bytes)
        self.sealed.append(sealed)
        return crypto.leaf(line_bytes)

    def finish(self):
        leaves = [crypto.leaf(line) for line in self.lines]
        head = pb.BundleHead(recipient=self.place[1], mailbox=self.mailbox, bundle_id=self.place[3],
                             line_count=len(leaves), lines_root=crypto.root(leaves))
        boxes = [crypto.box_make(self.key, self.place, cert) for cert in self.certs]
        return pb.Bundle(head=head.SerializeToString(), key_boxes=boxes, lines=self.lines, sealed=self.sealed)


class Batch:
    """What one participant says at once: kept as the frames that are sent, so that it can be sent again."""

    def __init__(self, me, batch_id=None):
        self.me, self.batch_id = me, batch_id or new_id()
        self.writers, self.bundles = [], []
        self.begin, self.header = None, None

    def bundle(self, recipient, certs=(), mailbox=""):
        self.writers.append(Bundle(self.me.oin, self.batch_id, recipient, certs, mailbox))
        return self.writers[-1]

    def finish(self, at_ms):
        self.bundles = [writer.finish() for writer in self.writers]
        leaves = [crypto.leaf(bundle.head) for bundle in self.bundles]
        self.header = pb.BatchHeader(
            context="skp.v1 batch", protocol_version=1, sender=self.me.oin, batch_id=self.batch_id,
            created_at_ms=at_ms, bundle_count=len(self.bundles),
            line_count=sum(len(bundle.lines) for bundle in self.bundles),
            root=crypto.root(leaves)).SerializeToString()
        self.begin = pb.Begin(header=self.header, jws=self.me.sign(self.header))
        return self

    def taken_leaf(self):
        return crypto.taken_leaf(self.header, self.begin.jws)


class Delivered:
    """A delivery whose proofs were checked: nothing of an unchecked one can be read through it."""

    def __init__(self, delivery, me, trust, at):
        self.mailbox, self.position, self.attempt = delivery.mailbox, delivery.position, delivery.attempt
        self.header = read_message(pb.BatchHeader, delivery.header)
        demand(self.header.context == "skp.v1 batch" and self.header.protocol_version == 1, "no batch header")
        signer = crypto.verify(delivery.jws, delivery.header, trust, at, stored=True)
        demand(signer == self.header.sender, "signed by somebody else than the sender")
        demand(not self.header.on_behalf_of, "on behalf of another, and no mandate can be proven yet")
        self.bundle = read_message(pb.Bundle, delivery.bundle)
        crypto.check_path(crypto.leaf(self.bundle.head), delivery.bundle_index, self.header.bundle_count,
                          delivery.path, self.header.root)
        self.head = read_message(pb.BundleHead, self.bundle.head)
        demand(self.head.recipient == me.oin, "addressed to somebody else")
        self.leaves = self._check_lines()
        self.place = (self.header.sender, me.oin, self.header.batch_id, self.head.bundle_id)

    def _check_lines(self):
        bundle = self.bundle
        demand(len(bundle.lines) == len(bundle.sealed) == self.head.line_count, "not as many lines as the head says")
        withheld = {gap.line: gap.leaf_hash for gap in bundle.withheld}
        demand([gap.line for gap in bundle.withheld] == sorted(withheld), "withheld lines, unordered")
        for line in withheld:
            demand(line < len(bundle.lines) and not bundle.lines[line] and not bundle.sealed[line],
                   "a withheld line is not empty")
        leaves = [withheld.get(i) or crypto.leaf(line) for i, line in enumerate(bundle.lines)]
        demand(crypto.root(leaves) == self.head.lines_root, "the lines do not add up to the signed root")
        return leaves

    def facts(self, name):
        """(line index, fact) of each line that states this kind of fact."""
        lines = [(i, read_message(pb.Line, line)) for i, line in enumerate(self.bundle.lines) if line]
        return [(i, getattr(line, name)) for i, line in lines if line.WhichOneof("fact") == name]

    def open_part(self, index, fact, keys, kind):
        """The PersonPart or AnswerPart of one line."""
        demand(fact.commitment and self.bundle.sealed[index], "nothing is sealed in this line")
        key = crypto.box_open(self.bundle.key_boxes, keys, self.place)
        part = crypto.part_open(key, self.place, fact.request_id, self.bundle.sealed[index], fact.commitment)
        return read_message(kind, part)

    def head_hash(self):
        return crypto.sha256(self.bundle.head)
