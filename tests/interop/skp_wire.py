"""Frames over TLS 1.3 with ALPN skp/1, as proto/PROTOCOL.md chapters 2 and 4 say: one blocking session."""
import socket
import ssl
import struct
import time

import skp_pb2 as pb
from skp_crypto import demand, oin_of, read_message
from cryptography import x509

FRAMES = {
    1: pb.Hello, 2: pb.Welcome, 3: pb.Ping, 4: pb.Pong, 5: pb.GoingAway, 6: pb.Error,
    16: pb.Begin, 17: pb.Bundle, 18: pb.End, 19: pb.Receipt,
    32: pb.Fetch, 33: pb.Delivery, 34: pb.Waiting, 35: pb.Collect, 36: pb.Collected, 37: pb.Extend, 38: pb.Release,
    48: pb.Publish, 49: pb.Published, 50: pb.DirectoryGet, 51: pb.Directory, 52: pb.CasesGet, 53: pb.Cases,
}
TYPES = {kind.DESCRIPTOR.name: number for number, kind in FRAMES.items()}
FRAME_MAX = 262144
SOFTWARE = "skp interop test (Python)"


class Refused(Exception):
    """The broker answered with an Error frame."""

    def __init__(self, error):
        super().__init__(f"{error.name} at '{error.path}': {error.sentence}; {error.remedy}")
        self.error = error


def pack_frame(message):
    body = message.SerializeToString()
    demand(len(body) + 2 <= FRAME_MAX, "the frame is too large")
    return struct.pack(">IBB", len(body) + 2, TYPES[message.DESCRIPTOR.name], 0) + body


def read_frame(read_exactly):
    """read_exactly(n) gives n bytes; the message of the next frame."""
    (length,) = struct.unpack(">I", read_exactly(4))
    demand(2 <= length <= FRAME_MAX, f"a frame of {length} bytes")
    kind, flags = read_exactly(2)
    demand(kind in FRAMES and flags == 0, f"a frame of type {kind}, flags {flags}")
    return read_message(FRAMES[kind], read_exactly(length - 2))


def tls_context(ca_file, crl_file, cert_file, key_file, alpn="skp/1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(ca_file)
    context.load_verify_locations(crl_file)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN | ssl.VERIFY_X509_STRICT
    if cert_file:
        context.load_cert_chain(cert_file, key_file)
    context.set_alpn_protocols([alpn])
    return context


class Session:
    """One connection. Answers may overtake each other: what is not waited for stays in `stash`."""

    def __init__(self, address, context, timeout=60):
        raw = socket.create_connection(address, timeout)
        try:
            self.tls = context.wrap_socket(raw, server_hostname="localhost",
                                           suppress_ragged_eofs=False)
        except Exception:
            raw.close()
            raise
        self.stash = []
        self.welcome = None

    def broker_oin(self):
        return oin_of(x509.load_der_x509_certificate(self.tls.getpeercert(True)))

    def hello(self, versions=(1,), latest_head=None):
        demand(self.tls.selected_alpn_protocol() == "skp/1", "the broker speaks another protocol")
        self.send(pb.Hello(versions=versions, software=SOFTWARE, latest_head=latest_head))
        self.welcome = self.wait(pb.Welcome)
        demand(self.welcome.broker == self.broker_oin(), "Welcome names another broker than TLS does")
        return self.welcome

    def send(self, message):
        self.tls.sendall(pack_frame(message))

    def send_bytes(self, data):
        self.tls.sendall(data)

    def _read_exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.tls.recv(count - len(data))
            if not more:
                raise ConnectionError("the broker closed the connection")
            data += more
        return data

    def wait(self, *kinds, match=lambda message: True):
        """The next message of these kinds that matches; an Error that nobody waits for is raised."""
        for message in self.stash:
            if isinstance(message, kinds) and match(message):
                self.stash.remove(message)
                return message
        while True:
            message = read_frame(self._read_exactly)
            if isinstance(message, kinds) and match(message):
                return message
            if isinstance(message, pb.Error):
                raise Refused(message)
            if isinstance(message, pb.Ping):
                self.send(pb.Pong(nonce=message.nonce))
            else:
                self.stash.append(message)

    def closes_cleanly(self, seconds=10):
        """Whether the broker ends the stream with close_notify (and not by cutting it off)."""
        self.tls.settimeout(seconds)
        try:
            while self.tls.recv(4096):
                pass
            return True
        except (ssl.SSLEOFError, ConnectionError):
            return False

    def close(self):
        try:
            self.tls.unwrap()
        except (OSError, ValueError):
            pass
        self.tls.close()


def now_ms():
    return time.time_ns() // 1_000_000
