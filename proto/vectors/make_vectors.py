#!/usr/bin/python3
"""Makes crypto.json: what any other implementation of this protocol must reproduce or open.

Written on python3-cryptography and python3-jwcrypto only, so that the C code is held against code that shares
nothing with it. The keys are made here and published: they protect nothing. Run by hand when a format changes:

    /usr/bin/python3 proto/vectors/make_vectors.py > proto/vectors/crypto.json
"""
import base64
import datetime
import hashlib
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID
from jwcrypto import jwe, jwk, jws

AT = 1795000000  # every vector holds at this second
SENDER, RECIPIENT, RSA_RECIPIENT = (f"0000009900000000{n}000" for n in (1, 2, 3))
CONTEXT = b"skp.v1 part"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sha256(data):
    return hashlib.sha256(data).digest()


# ---------------------------------------------------------------- Merkle (RFC 9162 section 2.1)

def split(count):
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:]))


def path(leaves, index):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return path(leaves[:k], index) + [root(leaves[k:])]
    return path(leaves[k:], index - k) + [root(leaves[:k])]


def merkle_vector(count):
    data = [bytes([i]) * i for i in range(count)]
    leaves = [sha256(b"\x00" + d) for d in data]
    return {
        "data": [d.hex() for d in data],
        "leaves": [leaf.hex() for leaf in leaves],
        "root": root(leaves).hex(),
        "paths": [[p.hex() for p in path(leaves, i)] for i in range(count)],
    }


# ---------------------------------------------------------------- certificates

def make_key(kind):
    if kind == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return ec.generate_private_key({"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[kind])


def pem_of_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM).decode()


def at(days):
    return datetime.datetime.utcfromtimestamp(AT) + datetime.timedelta(days=days)


class Authority:
    def __init__(self, name, issuer=None):
        self.key = make_key("P-384")
        self.name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
                               x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = issuer or self
        constraints = x509.BasicConstraints(True, 0 if issuer is not self else None)
        self.cert = issuer.issue(self.name, self.key.public_key(), constraints,
                                 ["key_cert_sign", "crl_sign"])

    def issue(self, subject, public_key, constraints, uses):
        names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                 "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
        return (x509.CertificateBuilder()
                .subject_name(subject).issuer_name(self.name).public_key(public_key)
                .serial_number(x509.random_serial_number())
                .not_valid_before(at(-300)).not_valid_after(at(7000))
                .add_extension(constraints, critical=True)
                .add_extension(x509.KeyUsage(**{n: n in uses for n in names}), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self.key.public_key()), critical=False)
                .sign(self.key, hashes.SHA256()))

    def crl(self):
        return (x509.CertificateRevocationListBuilder().issuer_name(self.name)
                .last_update(at(-300)).next_update(at(7000)).sign(self.key, hashes.SHA256()))


class Party:
    def __init__(self, sub, oin, kind, use):
        self.oin = oin
        self.key = make_key(kind)
        subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
                             x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {use} {oin}"),
                             x509.NameAttribute(NameOID.SERIAL_NUMBER, oin)])
        self.cert = sub.issue(subject, self.key.public_key(), x509.BasicConstraints(False, None), [use])
        self.chain = [self.cert, sub.cert]
        self.thumbprint = b64url(self.cert.fingerprint(hashes.SHA256()))

    def jwk(self):
        return jwk.JWK.from_pem(pem_of_key(self.key).encode())

    def files(self):
        return {"oin": self.oin, "cert_pem": "".join(pem(c) for c in self.chain),
                "key_pem": pem_of_key(self.key), "thumbprint": self.thumbprint}


# ---------------------------------------------------------------- JWS and JWE

def jws_vector(party, alg):
    payload = b"the bytes that are signed \x00\xff"
    x5c = [base64.b64encode(c.public_bytes(serialization.Encoding.DER)).decode() for c in party.chain]
    header = {"alg": alg, "x5c": x5c, "x5t#S256": party.thumbprint, "iat": AT}
    token = jws.JWS(payload)
    token.add_signature(party.jwk(), None, json.dumps(header), None)
    head, _, signature = token.serialize(compact=True).split(".")
    return {"alg": alg, **party.files(), "payload": payload.hex(), "iat": AT, "jws": f"{head}..{signature}"}


def seal_jwe(party, alg, plaintext):
    header = {"alg": alg, "enc": "A256GCM", "x5t#S256": party.thumbprint}
    token = jwe.JWE(plaintext, protected=json.dumps(header), recipient=party.jwk())
    return token.serialize(compact=True)


def jwe_vector(party, alg):
    plaintext = b"what only the addressee reads \x00\xff"
    return {"alg": alg, **party.files(), "plaintext": plaintext.hex(), "jwe": seal_jwe(party, alg, plaintext)}


# ---------------------------------------------------------------- sealed parts

def part_vector(label, part):
    def some(name, size):
        return sha256(f"{label} {name}".encode())[:size]

    v = {"bundle_key": some("key", 32), "batch_id": some("batch", 16), "bundle_id": some("bundle", 16),
         "item_id": some("item", 16), "salt": some("salt", 32), "nonce": some("nonce", 12), "part": part}
    part_key = HKDF(hashes.SHA256(), 32, v["bundle_id"], CONTEXT + v["item_id"]).derive(v["bundle_key"])
    aad = (CONTEXT + SENDER.encode() + RECIPIENT.encode() + v["batch_id"] + v["bundle_id"] + v["item_id"])
    plaintext = v["salt"] + part
    sealed = v["nonce"] + AESGCM(part_key).encrypt(v["nonce"], plaintext, aad)
    v |= {"part_key": part_key, "aad": aad, "commitment": sha256(plaintext), "sealed": sealed}
    return {"sender": SENDER, "recipient": RECIPIENT, **{k: x.hex() for k, x in v.items()}}


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def box_vector(party, alg, part):
    """The KeyBox of skp.proto for the first sealed part's bundle."""
    fields = [bytes.fromhex(part["bundle_key"]), SENDER.encode(), RECIPIENT.encode(),
              bytes.fromhex(part["batch_id"]), bytes.fromhex(part["bundle_id"])]
    packed = b"".join(field(i + 1, data) for i, data in enumerate(fields))
    return {"alg": alg, **party.files(), "key_box": packed.hex(), "jwe": seal_jwe(party, alg, packed)}


def main():
    top = Authority("TEST Vector Root CA")
    sub = Authority("TEST Vector Services CA", top)
    signers = [(SENDER, "P-256", "ES256"), (RECIPIENT, "P-384", "ES384"), (RSA_RECIPIENT, "RSA", "PS256")]
    openers = [(SENDER, "P-256", "ECDH-ES+A256KW", "key_agreement"),
               (RECIPIENT, "P-384", "ECDH-ES+A256KW", "key_agreement"),
               (RSA_RECIPIENT, "RSA", "RSA-OAEP-256", "key_encipherment")]
    parts = [part_vector("first", b"a person part"), part_vector("second", b"")]
    parties = [(Party(sub, oin, kind, use), alg) for oin, kind, alg, use in openers]
    vectors = {
        "note": "made by make_vectors.py; bytes are hex, keys are published and protect nothing",
        "at_ms": AT * 1000,
        "ca_pem": pem(top.cert),
        "crl_pem": pem(top.crl()) + pem(sub.crl()),
        "merkle": [merkle_vector(n) for n in (0, 1, 2, 3, 5, 8, 13)],
        "parts": parts,
        "jws": [jws_vector(Party(sub, oin, kind, "digital_signature"), alg) for oin, kind, alg in signers],
        "jwe": [jwe_vector(party, alg) for party, alg in parties],
        "boxes": [box_vector(party, alg, parts[0]) for party, alg in parties],
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
