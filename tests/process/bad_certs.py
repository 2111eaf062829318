"""Certificates and CRLs made by hand: those that must not come in, and what else a test's own PKI does not make."""
import datetime
import os
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
UNKNOWN_CRITICAL = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")

PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
PSS_CONFIG = """[req]
distinguished_name = none
prompt = no
[none]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
certificatePolicies = 2.16.528.1.1003.1.2.44.15.35.11
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[crl]
authorityKeyIdentifier = keyid:always
[crl_ca]
database = FOLDER/index
default_md = sha256
"""


def days_from_now(days):
    return datetime.datetime.utcnow() + datetime.timedelta(days=days)


def printable_oin(oin):
    return x509.NameAttribute(NameOID.SERIAL_NUMBER, oin, _ASN1Type.PrintableString)


def raw_oin(oin, kind):
    """A serialNumber of another string type, which the library would not make by itself."""
    return x509.NameAttribute(NameOID.SERIAL_NUMBER, oin, kind, _validate=False)


def small_key(bits):
    return rsa.generate_private_key(65537, bits)


class Forger:
    """Makes chains (pem, key), as files, with the sub CA of a test's own PKI or with CAs of its own."""

    def __init__(self, pki, folder):
        self.folder = folder
        self.root = self._read(pki, "root")
        self.sub = self._read(pki, "sub")

    @staticmethod
    def _read(pki, name):
        with open(os.path.join(pki, "ca", name + ".pem"), "rb") as file:
            cert = x509.load_pem_x509_certificate(file.read())
        with open(os.path.join(pki, "ca", name + ".key"), "rb") as file:
            return cert, serialization.load_pem_private_key(file.read(), None)

    def make(self, name, oins, use=CLIENT, days=(-1, 30), issuer=None, key=None, ca=False, chain=(), attributes=(),
             more=(), md=hashes.SHA256()):
        """oins: texts; attributes: of the subject beside them; chain: certificates after the issuer's; more:
        (extension, critical); use: None for no extendedKeyUsage."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        issuer_cert, issuer_key = issuer or self.sub
        subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
                             x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {name}"[:60]),
                             *map(printable_oin, oins), *attributes])
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_cert.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(days_from_now(days[0])).not_valid_after(days_from_now(days[1]))
                   .add_extension(x509.BasicConstraints(ca, None), True)
                   .add_extension(x509.KeyUsage(True, False, False, False, False, ca, ca, False, False), True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName("forged.test")]), False))
        if use:
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), False)
        for extension, critical in more:
            builder = builder.add_extension(extension, critical)
        return self._write(name, [builder.sign(issuer_key, md), issuer_cert, *chain], key)

    def authority(self, name, issuer=None, path=None, more=(), subject=None):
        """A CA: (certificate, key); issuer None: by itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {name}")])
        issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (own, key)
        builder = (x509.CertificateBuilder().subject_name(own).issuer_name(issuer_name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(days_from_now(-1))
                   .not_valid_after(days_from_now(30)).add_extension(x509.BasicConstraints(True, path), True)
                   .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False))
        for extension, critical in more:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256()), key

    def self_signed(self, name, oin):
        cert, key = self.authority(name, subject=x509.Name([
            x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {name}"), printable_oin(oin)]))
        return self._write(name, [cert], key)

    @staticmethod
    def crl(authority, days=(-1, 30), key=None):
        """PEM of an empty CRL in this CA's name; key: of somebody else who signs it."""
        cert, own = authority
        crl = (x509.CertificateRevocationListBuilder().issuer_name(cert.subject).last_update(days_from_now(days[0]))
               .next_update(days_from_now(days[1])).add_extension(x509.CRLNumber(1), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), False)
               .sign(key or own, hashes.SHA256()))
        return crl.public_bytes(serialization.Encoding.PEM).decode()

    @staticmethod
    def pem(authority):
        return authority[0].public_bytes(serialization.Encoding.PEM).decode()

    def _write(self, name, chain, key):
        path = os.path.join(self.folder, "forged-" + name.replace(" ", "-"))
        with open(path + ".pem", "wb") as file:
            file.writelines(cert.public_bytes(serialization.Encoding.PEM) for cert in chain)
        with open(path + ".key", "wb") as file:
            file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))
        return path + ".pem", path + ".key"


class PssAuthority:
    """Root, sub CA and leaf with RSA keys and RSA-PSS signatures everywhere, as PKIoverheid G4 has them."""

    def __init__(self, folder, oin):
        self.folder = os.path.join(folder, "pss")
        os.makedirs(self.folder)
        open(self._path("index"), "w").close()
        with open(self._path("cnf"), "w") as file:
            file.write(PSS_CONFIG.replace("FOLDER", self.folder))
        self._issue("root", "/C=NL/CN=TEST Private Root CA - G4", "ca")
        self._issue("sub", "/C=NL/CN=TEST Private Services CA - G4", "ca", "root")
        self._issue("leaf", f"/C=NL/CN=TEST/serialNumber={oin}", "leaf", "sub")
        with open(self._path("leaf.pem"), "a") as chain, open(self._path("sub.pem")) as sub:
            chain.write(sub.read())
        self.files = self._path("leaf.pem"), self._path("leaf.key")
        self.crls = self._crl("root") + self._crl("sub")
        with open(self._path("root.pem")) as root:
            self.root = root.read()

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _run(self, *command):
        return subprocess.run(["openssl", *command], check=True, capture_output=True, text=True).stdout

    def _issue(self, name, subject, section, issuer=None):
        by = ["-CA", self._path(issuer + ".pem"), "-CAkey", self._path(issuer + ".key")] if issuer else []
        self._run("req", "-x509", "-config", self._path("cnf"), "-newkey", "rsa:3072", "-noenc", "-sha256", *PSS, "-subj",
                  subject, "-extensions", section, "-days", "30", "-keyout", self._path(name + ".key"), "-out",
                  self._path(name + ".pem"), *by)

    def _crl(self, name):
        return self._run("ca", "-config", self._path("cnf"), "-name", "crl_ca", "-gencrl", "-crlexts", "crl", "-crldays",
                         "30", "-cert", self._path(name + ".pem"), "-keyfile", self._path(name + ".key"), *PSS)
