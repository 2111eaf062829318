#!/usr/bin/python3
"""Our signatures verify and our JWEs open in jwcrypto, which shares no code with us.

usage: check_jose.py JOSE_TOOL proto/vectors/crypto.json
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from jwcrypto import jwe, jwk, jws

TEXT = b"postzak \x00\xff" * 100


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def run(tool, verb, vector, text):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name in ("cert_pem", "key_pem"):
            paths.append(os.path.join(folder, name))
            with open(paths[-1], "w", encoding="ascii") as file:
                file.write(vector[name])
        made = subprocess.run([tool, verb, *paths], input=text, check=True, capture_output=True)
        return made.stdout.decode().rstrip("\n")


def certs_of(vector):
    end = "-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate((pem + end).encode())
            for pem in vector["cert_pem"].split(end)[:-1]]


def check_header(header, vector):
    chain = [x509.load_der_x509_certificate(base64.b64decode(c, validate=True)) for c in header["x5c"]]
    assert chain == certs_of(vector), "x5c is the chain, leaf first, without the root"
    assert header["alg"] == vector["alg"]
    assert header["x5t#S256"] == b64url(chain[0].fingerprint(hashes.SHA256()))
    assert abs(header["iat"] - time.time()) < 120
    assert set(header) == {"alg", "x5c", "x5t#S256", "iat"}


def verifies(token, key, alg):
    signed = jws.JWS()
    signed.deserialize(token)
    try:
        signed.verify(key, alg)
        return True
    except jws.InvalidJWSSignature:
        return False


def check_signature(tool, vector):
    head, middle, signature = run(tool, "sign", vector, TEXT).split(".")
    assert middle == "", "detached"
    check_header(json.loads(unb64url(head)), vector)
    key = jwk.JWK.from_pem(vector["cert_pem"].encode())
    assert verifies(f"{head}.{b64url(TEXT)}.{signature}", key, vector["alg"])
    assert not verifies(f"{head}.{b64url(TEXT + b'.')}.{signature}", key, vector["alg"])


def check_encryption(tool, vector):
    for text in (TEXT[:1], TEXT[:130], TEXT[:1000]):
        token = jwe.JWE()
        token.deserialize(run(tool, "encrypt", vector, text))
        header = token.jose_header
        assert (header["alg"], header["enc"]) == (vector["alg"], "A256GCM")
        assert header["x5t#S256"] == vector["thumbprint"]
        token.decrypt(jwk.JWK.from_pem(vector["key_pem"].encode()))
        assert token.payload == text


def main():
    tool, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    for vector in vectors["jws"]:
        check_signature(tool, vector)
        print("ok: jwcrypto verifies", vector["alg"])
    for vector in vectors["jwe"]:
        check_encryption(tool, vector)
        print("ok: jwcrypto opens", vector["alg"])


if __name__ == "__main__":
    main()
