"""Hashes, signatures, sealing and proofs, as proto/PROTOCOL.md chapters 5 to 7 say, on python3-cryptography and
python3-jwcrypto. Shares no code with the tree; whatever does not hold raises ProofError."""
import base64
import datetime
import hashlib
import json
import os
import re

import skp_pb2 as pb
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from google.protobuf.message import DecodeError
from jwcrypto import jwe, jwk, jws

SIGNATURES = ("ES256", "ES384", "PS256")
NOTHING = bytes(32)
MAX_STEPS = 16
LAST_SECOND = 253402300799  # of the year 9999


class ProofError(Exception):
    """Something signed, hashed or sealed is not what it claims to be."""


def demand(holds, why):
    if not holds:
        raise ProofError(why)


def sha256(data):
    return hashlib.sha256(data).digest()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_message(kind, data):
    """Unpacks strictly enough for this test: no bytes that this version does not know."""
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise ProofError(f"no {kind.DESCRIPTOR.name}: {error}") from error
    size = message.ByteSize()
    message.DiscardUnknownFields()
    demand(message.ByteSize() == size, f"a {kind.DESCRIPTOR.name} with unknown fields")
    return message


# ---------------------------------------------------------------- Merkle trees, RFC 9162 section 2.1

def leaf(data):
    return sha256(b"\x00" + data)


def node(left, right):
    return sha256(b"\x01" + left + right)


def _split(count):
    return 1 << (count - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def path(leaves, index):
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return path(leaves[:k], index) + [root(leaves[k:])]
    return path(leaves[k:], index - k) + [root(leaves[:k])]


def check_path(leaf_hash, index, count, steps, expected):
    """Section 2.1.3.2, by index and count; never by what the steps happen to give."""
    demand(index < count and len(steps) <= MAX_STEPS, "no such leaf")
    at, last, found = index, count - 1, leaf_hash
    for step in steps:
        demand(last != 0 and len(step) == 32, "the path is too long")
        if at & 1 or at == last:
            found = node(step, found)
            while not at & 1 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, step)
        at, last = at >> 1, last >> 1
    demand(last == 0 and found == expected, "the path does not lead to the root")


def check_places(places, count, proof, expected):
    """Several leaves at once: `places` are (index, leaf hash), ascending; level by level, from left to right."""
    indexes = [index for index, _ in places]
    demand(places and indexes == sorted(set(indexes)) and indexes[-1] < count, "no such leaves")
    level, rest = dict(places), list(proof)
    while count > 1:
        above = {}
        for index in sorted(level):
            left = index & ~1
            if left // 2 in above:
                continue
            for neighbour in (left, left + 1):
                if neighbour < count and neighbour not in level:
                    demand(rest and len(rest[0]) == 32, "the proof is too short")
                    level[neighbour] = rest.pop(0)
            above[left // 2] = node(level[left], level[left + 1]) if left + 1 < count else level[left]
        level, count = above, (count + 1) // 2
    demand(not rest and level[0] == expected, "the proof does not lead to the root")


# ---------------------------------------------------------------- statements of collection

def item_leaf(item):
    demand(len(item.head_hash) == 32, "no head hash")
    return leaf(item.position.to_bytes(8, "big") + item.head_hash)


def check_collected(event, trust, at):
    """An event of kind COLLECTED: who signed for it. The items are those in event.collected."""
    statement = read_message(pb.CollectStatement, event.statement)
    demand(statement.context == "skp.v1 collect", "no statement of collection")
    signer = verify(event.jws, event.statement, trust, at, stored=True)
    demand(signer == statement.participant == event.other, "the statement is of somebody else")
    check_places([(item.index, item_leaf(item)) for item in event.collected], statement.item_count, event.proof,
                 statement.items_root)
    return signer


# ---------------------------------------------------------------- certificates

def read_chain(pem):
    end = b"-----END CERTIFICATE-----"
    return [x509.load_pem_x509_certificate(part + end + b"\n") for part in pem.split(end)[:-1]]


def read_crls(pem):
    end = b"-----END X509 CRL-----"
    return [x509.load_pem_x509_crl(part + end + b"\n") for part in pem.split(end)[:-1]]


def der(cert):
    return cert.public_bytes(serialization.Encoding.DER)


def thumbprint(cert):
    return b64url(cert.fingerprint(hashes.SHA256()))


def oin_of(cert):
    found = cert.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    demand(len(found) == 1 and re.fullmatch("[0-9A-Z]{20}", found[0].value), "the subject names no OIN")
    return found[0].value


def _extension(cert, kind):
    try:
        return cert.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def is_ca(cert):
    constraints = _extension(cert, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _check_issued(thing, data, issuer):
    key = issuer.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(thing.signature, data, padding.PKCS1v15(), thing.signature_hash_algorithm)
        else:
            key.verify(thing.signature, data, ec.ECDSA(thing.signature_hash_algorithm))
    except InvalidSignature as error:
        raise ProofError("a certificate or CRL is not signed by its issuer") from error


def _check_purpose(cert, purpose):
    usage, extended = _extension(cert, x509.KeyUsage), _extension(cert, x509.ExtendedKeyUsage)
    demand(usage is not None, "a leaf without keyUsage")
    if purpose == "sign":
        demand(usage.digital_signature, "not for signing")
    else:
        demand(usage.key_encipherment or usage.key_agreement, "not for encryption")
    tls = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
    demand(not any(use in (extended or []) for use in tls), "a TLS certificate")
    key = cert.public_key()
    demand(key.key_size >= (3072 if isinstance(key, rsa.RSAPublicKey) else 256), "the key is too short")


def _when(seconds):
    return datetime.datetime.utcfromtimestamp(seconds)


def _check_period(cert, when, ended=False):
    """ended: it need not be valid any more."""
    demand(cert.not_valid_before <= when and (ended or when < cert.not_valid_after), "not valid at this time")


class Trust:
    """Anchors and CRLs; every chain needs a fresh CRL of each of its CAs."""

    def __init__(self, ca_pem, crl_pem):
        self.anchors = {cert.subject: cert for cert in read_chain(ca_pem)}
        self.crls = {crl.issuer: crl for crl in read_crls(crl_pem)}

    def check(self, chain, purpose, at, ended=False):
        """chain: leaf first, without the root; at: seconds since 1970; ended: the leaf need not be valid any more."""
        demand(0 < len(chain) <= 4, "a chain of 1 to 4 certificates")
        _check_purpose(chain[0], purpose)
        demand(chain[-1].issuer in self.anchors, "the chain leads to no trusted root")
        issuers = chain[1:] + [self.anchors[chain[-1].issuer]]
        for cert, issuer in zip(chain, issuers):
            _check_period(cert, _when(at), ended and cert is chain[0])
            self._check_link(cert, issuer, _when(at))
        return oin_of(chain[0])

    def _check_link(self, cert, issuer, when):
        demand(cert.issuer == issuer.subject and is_ca(issuer), "not issued by a CA")
        _check_issued(cert, cert.tbs_certificate_bytes, issuer)
        crl = self.crls.get(issuer.subject)
        demand(crl is not None and crl.next_update >= when, "no fresh CRL of the issuer")
        _check_issued(crl, crl.tbs_certlist_bytes, issuer)
        revoked = crl.get_revoked_certificate_by_serial_number(cert.serial_number)
        demand(revoked is None, "the certificate was revoked")


# ---------------------------------------------------------------- signatures, RFC 7515 detached

def signature_name(key):
    if isinstance(key, rsa.RSAPrivateKey):
        return "PS256"
    return {256: "ES256", 384: "ES384"}[key.curve.key_size]


def sign(payload, key, chain, at):
    header = {"alg": signature_name(key), "x5c": [base64.b64encode(der(cert)).decode() for cert in chain],
              "x5t#S256": thumbprint(chain[0]), "iat": at}
    token = jws.JWS(payload)
    token.add_signature(jwk.JWK.from_pyca(key), None, json.dumps(header), None)
    head, _, signature = token.serialize(compact=True).split(".")
    return f"{head}..{signature}"


def _once(pairs):
    demand(len({name for name, _ in pairs}) == len(pairs), "a header with a member twice")
    return dict(pairs)


def verify(token, payload, trust, at, stored=False):
    """The OIN of who signed exactly `payload`; stored: a broker took it then, and shows it again now."""
    demand(len(token) <= 16384 and token.count(".") == 2, "no detached signature")
    head, middle, signature = token.split(".")
    header = json.loads(unb64url(head), object_pairs_hook=_once)
    demand(middle == "" and "crit" not in header and header["alg"] in SIGNATURES, "another kind of signature")
    chain = [x509.load_der_x509_certificate(base64.b64decode(text, validate=True)) for text in header["x5c"]]
    demand(isinstance(header["iat"], int) and 0 <= header["iat"] <= LAST_SECOND, "no time of signing")
    oin = trust.check(chain, "sign", at, ended=stored)
    demand(_when(header["iat"]) < chain[0].not_valid_after, "signed after the end of the certificate")
    demand(header["x5t#S256"] == thumbprint(chain[0]), "the thumbprint is another certificate's")
    signed = jws.JWS()
    signed.deserialize(f"{head}.{b64url(payload)}.{signature}")
    try:
        signed.verify(jwk.JWK.from_pyca(chain[0].public_key()), header["alg"])
    except jws.InvalidJWSSignature as error:
        raise ProofError("the signature does not fit the bytes") from error
    return oin


# ---------------------------------------------------------------- sealing

def part_key(bundle_key, bundle_id, item_id):
    return HKDF(hashes.SHA256(), 32, bundle_id, b"skp.v1 part" + item_id).derive(bundle_key)


def part_aad(place, item_id):
    """place: sender, recipient, batch id, bundle id."""
    sender, recipient, batch_id, bundle_id = place
    return b"skp.v1 part" + sender.encode() + recipient.encode() + batch_id + bundle_id + item_id


def part_prepare(part):
    """Plaintext to seal, and the commitment for the line."""
    plaintext = os.urandom(32) + part
    return plaintext, sha256(plaintext)


def part_seal(bundle_key, place, item_id, plaintext):
    nonce = os.urandom(12)
    key = part_key(bundle_key, place[3], item_id)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, part_aad(place, item_id))


def part_open(bundle_key, place, item_id, sealed, commitment):
    key = part_key(bundle_key, place[3], item_id)
    try:
        plaintext = AESGCM(key).decrypt(sealed[:12], sealed[12:], part_aad(place, item_id))
    except InvalidTag as error:
        raise ProofError("the sealed part does not open here") from error
    demand(sha256(plaintext) == commitment, "the sealed part is not what the line commits to")
    return plaintext[32:]


def box_make(bundle_key, place, cert):
    sender, recipient, batch_id, bundle_id = place
    box = pb.KeyBox(bundle_key=bundle_key, sender=sender, recipient=recipient, batch_id=batch_id,
                    bundle_id=bundle_id)
    is_rsa = isinstance(cert.public_key(), rsa.RSAPublicKey)
    header = {"alg": "RSA-OAEP-256" if is_rsa else "ECDH-ES+A256KW", "enc": "A256GCM",
              "x5t#S256": thumbprint(cert)}
    token = jwe.JWE(box.SerializeToString(), protected=json.dumps(header),
                    recipient=jwk.JWK.from_pyca(cert.public_key()))
    return token.serialize(compact=True)


def jwe_open(text, key):
    token = jwe.JWE()
    token.deserialize(text)
    demand(not {"zip", "apu", "apv", "crit"} & set(token.jose_header), "another kind of JWE")
    try:
        token.decrypt(jwk.JWK.from_pyca(key))
    except jwe.InvalidJWEData as error:
        raise ProofError("the key box does not open with this key") from error
    return token.payload


def box_open(boxes, keys, place):
    """keys: thumbprint -> private key; the bundle key of the first box made for one of them."""
    for text in boxes:
        header = json.loads(unb64url(text.split(".")[0]), object_pairs_hook=_once)
        if header["x5t#S256"] not in keys:
            continue
        box = read_message(pb.KeyBox, jwe_open(text, keys[header["x5t#S256"]]))
        demand((box.sender, box.recipient, box.batch_id, box.bundle_id) == tuple(place),
               "the key box belongs to another bundle")
        return box.bundle_key
    raise ProofError("no key box for this participant")


# ---------------------------------------------------------------- receipts and the chain

def check_receipt(receipt, header_bytes, broker, trust, at):
    """The ReceiptBody and CommitHeader of a receipt for the batch with this header."""
    header = read_message(pb.BatchHeader, header_bytes)
    body = read_message(pb.ReceiptBody, receipt.body)
    demand(body.context == "skp.v1 receipt", "no receipt")
    demand((body.sender, body.batch_id, body.batch_root) == (header.sender, header.batch_id, header.root),
           "a receipt for something else")
    demand(body.stored + len(body.refusals) == header.line_count, "lines without a fate")
    commit = check_commit(receipt.commit, receipt.jws, broker, trust, at)
    check_path(leaf(receipt.body), receipt.index, commit.receipt_count, receipt.path, commit.receipts_root)
    return body, commit


def check_commit(commit_bytes, token, broker, trust, at):
    commit = read_message(pb.CommitHeader, commit_bytes)
    demand(commit.context == "skp.v1 commit" and commit.broker == broker, "no commit of this broker")
    demand(verify(token, commit_bytes, trust, at, stored=True) == broker, "a commit signed by somebody else")
    demand(commit.sequence != 1 or commit.previous == NOTHING, "a first commit with a commit before it")
    return commit


def check_links(commits):
    """Commits as their bytes: each that follows directly names the one before."""
    links = 0
    known = {read_message(pb.CommitHeader, data).sequence: data for data in commits}
    for sequence, data in known.items():
        if sequence - 1 in known:
            previous = read_message(pb.CommitHeader, data).previous
            demand(previous == sha256(known[sequence - 1]), f"commit {sequence} names another before it")
            links += 1
    return links


def taken_leaf(header_bytes, token):
    return leaf(header_bytes + token.encode())
