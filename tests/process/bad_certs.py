"""Client certificates that must not come in: made with the sub CA of a test's own PKI."""
import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


class Forger:
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

    def make(self, name, oins, use=CLIENT, days=(-1, 30), issuer=None, key=None, ca=False):
        """Files of a chain and its key: (pem, key)."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        issuer_cert, issuer_key = issuer or self.sub
        now = datetime.datetime.utcnow()
        subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
                             x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {name}"),
                             *(x509.NameAttribute(NameOID.SERIAL_NUMBER, oin) for oin in oins)])
        cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_cert.subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now + datetime.timedelta(days=days[0]))
                .not_valid_after(now + datetime.timedelta(days=days[1]))
                .add_extension(x509.BasicConstraints(ca, None), True)
                .add_extension(x509.KeyUsage(True, False, False, False, False, ca, ca, False, False), True)
                .add_extension(x509.ExtendedKeyUsage([use]), False)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
                .add_extension(x509.SubjectAlternativeName([x509.DNSName("forged.test")]), False)
                .sign(issuer_key, hashes.SHA256()))
        return self._write(name, [cert, issuer_cert], key)

    def foreign_ca(self):
        """A CA that nobody here trusts, named as the one that is trusted."""
        key = ec.generate_private_key(ec.SECP384R1())
        now = datetime.datetime.utcnow()
        cert = (x509.CertificateBuilder().subject_name(self.sub[0].subject).issuer_name(self.sub[0].subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
                .add_extension(x509.BasicConstraints(True, 0), True).sign(key, hashes.SHA384()))
        return cert, key

    @staticmethod
    def small_key():
        return rsa.generate_private_key(65537, 2048)

    def _write(self, name, chain, key):
        path = os.path.join(self.folder, "forged-" + name.replace(" ", "-"))
        with open(path + ".pem", "wb") as file:
            file.writelines(cert.public_bytes(serialization.Encoding.PEM) for cert in chain)
        with open(path + ".key", "wb") as file:
            file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))
        return path + ".pem", path + ".key"
