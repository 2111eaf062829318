"""A participant and what it can do at the broker, as proto/PROTOCOL.md chapters 4, 5, 8 and 9 say."""
import os
import time

import skp_pb2 as pb
import skp_crypto as crypto
from skp_batch import Batch, Delivered
from skp_crypto import demand, read_message
from skp_wire import Session, now_ms, tls_context
from cryptography import x509
from cryptography.hazmat.primitives import serialization


def _read(*names):
    with open(os.path.join(*names), "rb") as file:
        return file.read()


class Participant:
    """Keys and certificates of one OIN, from a folder made by certs/make."""

    def __init__(self, pki, oin):
        self.oin = oin
        self.ca, self.crl = os.path.join(pki, "ca.pem"), os.path.join(pki, "crl.pem")
        self.folder = os.path.join(pki, "participants", oin)
        self.chains = {use: crypto.read_chain(_read(self.folder, use + ".pem")) for use in ("sign", "enc")}
        self.keys = {use: serialization.load_pem_private_key(_read(self.folder, use + ".key"), None)
                     for use in ("sign", "enc")}

    def sign(self, payload):
        return crypto.sign(payload, self.keys["sign"], self.chains["sign"], int(time.time()))

    def collect(self, items, at_ms, data=b"", **changes):
        """A Collect of these items, as a client makes it; what is wrong on purpose goes into `changes` and `data`."""
        value = {"context": "skp.v1 collect", "participant": self.oin, "item_count": len(items), "collected_at_ms": at_ms,
                 "items_root": crypto.root([crypto.item_leaf(item) for item in items])}
        statement = pb.CollectStatement(**value | changes).SerializeToString() + data
        return pb.Collect(statement=statement, jws=self.sign(statement), items=items)

    def opening_keys(self):
        return {crypto.thumbprint(self.chains["enc"][0]): self.keys["enc"]}

    def tls_context(self, **options):
        name = os.path.join(self.folder, "tls")
        return tls_context(self.ca, self.crl, name + ".pem", name + ".key", **options)


class Client:
    """One participant's session, and the newest chain head it ever saw."""

    def __init__(self, me, address):
        self.me, self.address = me, address
        self.trust = crypto.Trust(_read(me.ca), _read(me.crl))
        self.session, self.latest_head, self.tag = None, None, 0
        self.commits = set()

    def connect(self):
        self.session = Session(self.address, self.me.tls_context())
        welcome = self.session.hello(latest_head=self.latest_head)
        self._keep_head(welcome.head)
        return welcome

    def close(self):
        self.session.close()

    def _keep_head(self, head):
        if not head.commit:
            return
        new = crypto.check_commit(head.commit, head.jws, self.session.welcome.broker, self.trust, time.time())
        self.commits.add(head.commit)
        old = self.latest_head and read_message(pb.CommitHeader, self.latest_head.commit)
        if old is None or new.sequence > old.sequence:
            self.latest_head = pb.ChainHead(commit=head.commit, jws=head.jws)

    def _ask(self, question, answer):
        self.tag += 1
        question.tag = self.tag
        self.session.send(question)
        return self.session.wait(answer, match=lambda message: message.tag == self.tag)

    # -------------------------------------------------------------- directory

    def publish(self, version, certs=None, withdrawn=()):
        chain = certs or self.me.chains["enc"]
        record = pb.MailboxRecord(context="skp.v1 mailbox", participant=self.me.oin, version=version,
                                  created_at_ms=now_ms(), withdrawn=withdrawn,
                                  encryption_certificates=[crypto.der(cert) for cert in chain]).SerializeToString()
        signed = pb.SignedRecord(record=record, jws=self.me.sign(record))
        return self._ask(pb.Publish(record=signed), pb.Published)

    def directory(self, *oins):
        return self._ask(pb.DirectoryGet(oins=oins), pb.Directory).entries

    def certs_of(self, oin):
        """The encryption leaves of a participant's mailbox, checked without the broker's word."""
        (entry,) = self.directory(oin)
        (signed,) = entry.records
        demand(crypto.verify(signed.jws, signed.record, self.trust, time.time()) == oin, "signed by somebody else")
        record = read_message(pb.MailboxRecord, signed.record)
        demand(record.context == "skp.v1 mailbox" and record.participant == oin, "somebody else's record")
        certs = [x509.load_der_x509_certificate(data) for data in record.encryption_certificates]
        issuers = {cert.subject: cert for cert in certs if crypto.is_ca(cert)}
        leaves = [cert for cert in certs if not crypto.is_ca(cert)]
        for cert in leaves:
            chain = [cert]
            while chain[-1].issuer in issuers:
                chain.append(issuers[chain[-1].issuer])
            demand(self.trust.check(chain, "enc", time.time()) == oin, "somebody else's certificate")
        return leaves

    # -------------------------------------------------------------- batches

    def new_batch(self):
        return Batch(self.me)

    def send_frames(self, batch):
        self.session.send(batch.begin)
        for bundle in batch.bundles:
            self.session.send(bundle)
        self.session.send(pb.End(batch_id=batch.batch_id))

    def receipt_of(self, batch):
        """The receipt as it travels, with its body and commit, all checked."""
        def is_mine(message):
            return read_message(pb.ReceiptBody, message.body).batch_id == batch.batch_id
        receipt = self.session.wait(pb.Receipt, match=is_mine)
        broker = self.session.welcome.broker
        body, commit = crypto.check_receipt(receipt, batch.header, broker, self.trust, time.time())
        self._keep_head(pb.ChainHead(commit=receipt.commit, jws=receipt.jws))
        return receipt, body, commit

    def send(self, batch):
        self.send_frames(batch)
        return self.receipt_of(batch)

    def cases(self, *case_ids):
        return self._ask(pb.CasesGet(case_ids=case_ids), pb.Cases).cases

    # -------------------------------------------------------------- mailbox

    def listen(self, messages=1000, size=16 << 20, mailbox=""):
        """Gives credit; deliveries come from now on, also those that are stored later."""
        self.session.send(pb.Fetch(mailbox=mailbox, messages=messages, bytes=size))

    def receive(self, enough, seconds=60):
        """Deliveries, each checked, until they are `enough`(list)."""
        found = []
        deadline = time.monotonic() + seconds
        while not enough(found):
            demand(time.monotonic() < deadline, f"{len(found)} deliveries, and not those that should be there")
            delivery = self.session.wait(pb.Delivery)
            found.append(Delivered(delivery, self.me, self.trust, time.time()))
        return found

    def fetch(self):
        """Gives credit and takes everything that is ready now."""
        self.listen()
        found = []
        while True:
            message = self.session.wait(pb.Delivery, pb.Waiting)
            if isinstance(message, pb.Waiting):
                return found
            found.append(Delivered(message, self.me, self.trust, time.time()))

    def collect(self, deliveries, mailbox=""):
        items = [pb.CollectedItem(position=d.position, head_hash=d.head_hash()) for d in deliveries]
        return self.collect_items(items, mailbox)

    def collect_items(self, items, mailbox=""):
        return self._ask(self.me.collect(items, mailbox=mailbox, at_ms=now_ms()), pb.Collected)
