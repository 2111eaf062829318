"""What the attackers of test_bad_input.py and test_hostile_peers.py share: a broker with participants who speak the
independent Python of tests/interop, and a judge of Error frames and refusals.

Needs skp_pb2.py (made by protoc) and tests/interop on PYTHONPATH; CMakeLists.txt sees to both.
"""
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
import traceback

from process_testing import SOURCE, Broker, free_port, make_certs, new_pki

sys.path.append(os.path.join(SOURCE, "tests/interop"))

import skp_pb2 as pb  # noqa: E402
import round_facts as facts  # noqa: E402
from round_story import Story  # noqa: E402
from skp_batch import new_id  # noqa: E402
from skp_client import Client, Participant  # noqa: E402
from skp_crypto import ProofError  # noqa: E402
from skp_wire import TYPES, Refused, Session, now_ms, pack_frame  # noqa: E402

BROKER = "00000099000000000001"
COUNSELLOR, OTHER_COUNSELLOR = "00000099000000001000", "00000099000000001001"
REVOKED, STRANGER = "00000099000000001002", "00000099000000001003"
CREDITOR, OTHER_CREDITOR = "00000099000000002001", "00000099000000002002"
UNCONNECTED = "00000099000000002003"

# What no error and no log may ever repeat: sent as wrong values wherever a value can be sent.
CANARIES = ("999990019", "Kanariegeel", "kanarie@proef.invalid")
CANARY = " ".join(CANARIES)


def read_errors():
    """name -> (code, retry, sentence, remedy) of proto/errors.def."""
    with open(os.path.join(SOURCE, "proto/errors.def"), encoding="utf-8") as file:
        rows = re.findall(r'^SKP_ERROR\((\w+), *(\d+), (\w+), *"([^"]*)", *"([^"]*)"', file.read(), re.M)
    return {name: (int(code), retry, sentence, remedy) for name, code, retry, sentence, remedy in rows}


ERRORS = read_errors()
NAMES = {entry[0]: name for name, entry in ERRORS.items()}


# ---------------------------------------------------------------- bytes by hand

def varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, data):
    """A field of length-prefixed bytes."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def frame(kind, body, flags=0):
    number = kind if isinstance(kind, int) else TYPES[kind]
    return (len(body) + 2).to_bytes(4, "big") + bytes([number, flags]) + body


# ---------------------------------------------------------------- the judge

class Judge(Story):
    """Sentences that hold or do not; every Error and refusal is looked at in the same strict way."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def says(self, sentence, holds):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {sentence}", flush=True)

    def error(self, sentence, error, name, path, **about):
        """An Error frame that tells the list's name, code, retry and remedy; about: frame, tag, batch_id."""
        code, retry, _, remedy = ERRORS[name]
        self.equals(sentence, (error.name, error.path), (name, path))
        told = (error.code, error.remedy, pb.Retry.Name(error.retry))
        self.equals(f"{sentence}: code, remedy and retry", told, (code, remedy, f"RETRY_{retry}"))
        self.says(f"{sentence}: a sentence", bool(error.sentence))
        self.equals(f"{sentence}: retry_after_ms", error.retry_after_ms > 0, retry == "LATER")
        for key, value in about.items():
            self.equals(f"{sentence}: {key}", getattr(error, key), value)
        self.silent(sentence, error)
        self.seen.add(name)

    def receipt(self, sentence, body, expected, stored=None):
        """expected: {(bundle, line): (name, path)}; each code is explained once, with the list's own words."""
        found = {(r.bundle, r.line): (NAMES.get(r.code), r.path) for r in body.refusals}
        self.equals(sentence, {k: v for k, v in found.items() if expected.get(k) != v}, {})
        self.equals(f"{sentence}: what is not refused", {k: v for k, v in expected.items() if k not in found}, {})
        if stored is not None:
            self.equals(f"{sentence}: stored", body.stored, stored)
        texts = {t.code: (t.name, t.sentence, t.remedy, pb.Retry.Name(t.retry)) for t in body.texts}
        list_says = {ERRORS[name][0]: (name, ERRORS[name][2], ERRORS[name][3], f"RETRY_{ERRORS[name][1]}")
                     for name, _ in found.values()}
        self.equals(f"{sentence}: texts", texts, list_says)
        self.silent(sentence, body)
        self.seen.update(name for name, _ in expected.values())

    def silent(self, sentence, message):
        """Nothing that was sent as a value comes back."""
        text = str(message)
        self.equals(f"{sentence}: no value is echoed", [word for word in CANARIES if word in text], [])


# ---------------------------------------------------------------- the office

class Scene:
    def __init__(self, test, story, **settings):
        self.test, self.story = test, story
        self.pki = new_pki(test.build, os.path.join(test.folder, "pki"))
        make_certs(self.pki, "--revoke", f"{REVOKED}/tls")
        self.broker = Broker(test.build, os.path.join(test.folder, "broker"), self.pki, free_port(test.rng),
                             play="yes", **settings)
        test.on_exit(lambda: self.broker.process and self.broker.process.kill())
        self.address = ("127.0.0.1", self.broker.port)

    def open(self):
        self.broker.start()
        for oin, role in ((COUNSELLOR, "counsellor"), (OTHER_COUNSELLOR, "counsellor"), (CREDITOR, "creditor"),
                          (OTHER_CREDITOR, "creditor"), (UNCONNECTED, "creditor")):
            self.broker.add_participant(oin, role)
        self.counsellor, self.creditor = self.client(COUNSELLOR), self.client(CREDITOR)
        self.other_counsellor, self.other_creditor = self.client(OTHER_COUNSELLOR), self.client(OTHER_CREDITOR)
        for client in (self.counsellor, self.creditor, self.other_counsellor, self.other_creditor):
            client.publish(1)
        self.certs = self.counsellor.certs_of(CREDITOR)
        self.counsellor_certs = self.creditor.certs_of(COUNSELLOR)
        return self

    def participant(self, oin):
        return Participant(self.pki, oin)

    def client(self, oin):
        client = Client(self.participant(oin), self.address)
        client.connect()
        return client

    def session(self, client=None, hello=True, timeout=30):
        """One more session, of the counsellor unless said otherwise."""
        session = Session(self.address, (client or self.counsellor).me.tls_context(), timeout)
        if hello:
            session.hello()
        return session

    def fresh(self, client):
        """A new connection for this client: tests that meet a closed session go on with it."""
        client.close()
        client.connect()

    def shuts_out(self, context, judged_later=True):
        """Why no session comes of this TLS context: the alert's name or 'closed'; None: it came in. Of TLS 1.3 the
        client sees its own handshake end before it is judged; it waits for that without a word, so that the alert is
        not lost in a connection that is reset."""
        try:
            session = Session(self.address, context, 20)
            if judged_later:
                session.tls.recv(1)
            session.hello()
            session.close()
            return None
        except ssl.SSLError as error:
            return error.reason or "closed"
        except (ConnectionError, ProofError):
            return "closed"

    # ------------------------------------------------------------ batches

    def ask(self, count=1, client=None, creditor=CREDITOR, **changes):
        """A case with `count` urgent requests, sent and stored: (batch, case id, request ids, leaves)."""
        client = client or self.counsellor
        case_id, ids = new_id(), [new_id() for _ in range(count)]
        batch = client.new_batch()
        batch.bundle(BROKER).add(facts.case_line(case_id, ids, client.me.oin))
        writer = batch.bundle(creditor, self.certs)
        leaves = [writer.add(facts.request_line(i, 100, urgent=True, **changes)) for i in ids]
        client.send(batch.finish(now_ms()))
        return batch, case_id, ids, leaves

    def one_line(self, client, line, recipient=BROKER, certs=(), sealed=b""):
        """The receipt's body for a batch of this line alone; line: a pb.Line or bytes."""
        batch = client.new_batch()
        data = line if isinstance(line, bytes) else line.SerializeToString()
        batch.bundle(recipient, certs).add_bytes(data, sealed)
        return client.send(batch.finish(now_ms()))[1]


def cut(session):
    """The connection is gone at once, with RST and without goodbye."""
    raw = socket.socket(fileno=session.tls.detach())
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


def is_alive(session, nonce=7):
    session.send(pb.Ping(nonce=nonce))
    return session.wait(pb.Pong).nonce == nonce


def hear_error(session):
    """The Error that comes next, or None when the broker closes without one."""
    try:
        return session.wait(pb.Error)
    except (ConnectionError, ssl.SSLError, TimeoutError):
        return None


def meets(scene, sentence, data, name, path, client=None, **about):
    """These bytes, after Hello, meet this error; codes 1xx end the session in good manners, others leave it open."""
    session = scene.session(client)
    session.send_bytes(data)
    error = hear_error(session)
    if error is None:
        scene.story.says(f"{sentence}: {name}", False)
        return
    scene.story.error(sentence, error, name, path, **about)
    if error.code < 200:
        scene.story.says(f"{sentence}: and the session ends in good manners", session.closes_cleanly())
    else:
        scene.story.says(f"{sentence}: and the session stays", is_alive(session))
        session.close()


class Neighbour(threading.Thread):
    """An honest participant who works beside it all: sends, asks, and notes whatever goes wrong."""

    def __init__(self, scene, pause=0.2):
        super().__init__(daemon=True)
        self.scene, self.pause = scene, pause
        self.client = scene.client(OTHER_COUNSELLOR)
        self.done = threading.Event()
        self.rounds, self.slowest, self.problem = 0, 0.0, None

    def work(self):
        started = time.monotonic()
        case_id = new_id()
        body = self.scene.one_line(self.client, facts.case_line(case_id, [new_id()], OTHER_COUNSELLOR))
        assert (body.stored, len(body.refusals)) == (1, 0), body
        (view,) = self.client.cases(case_id)
        assert view.case_id == case_id
        assert len(self.client.directory(CREDITOR)) == 1
        self.slowest = max(self.slowest, time.monotonic() - started)
        self.rounds += 1

    def run(self):
        try:
            while not self.done.wait(self.pause):
                self.work()
        except Exception as error:  # told by finish()
            self.problem = f"{type(error).__name__}: {error}"

    def finish(self, story):
        self.done.set()
        self.join(60)
        story.equals("the honest neighbour met no trouble", self.problem, None)
        story.says(f"the honest neighbour worked all the time ({self.rounds} rounds)", self.rounds >= 5)
        print(f"honest_rounds={self.rounds} honest_slowest_s={self.slowest:.3f}")


def _play(scene, chapter):
    started = time.monotonic()
    try:
        chapter(scene)
    except Exception:  # a fault of the test, or a broker that is gone: told, and the next chapter is played
        traceback.print_exc(file=sys.stdout)
        scene.story.says(f"{chapter.__name__} comes to its end", False)
    print(f"  {time.monotonic() - started:5.1f} s  {chapter.__doc__.splitlines()[0]}", flush=True)


def play_chapters(test, modules, **settings):
    """The chapters of these modules against one broker, with an honest neighbour all the while."""
    story = Judge()
    # A sanitizer keeps what is freed; here it is the broker's own memory that is measured.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
    scene = Scene(test, story, **settings).open()
    neighbour = Neighbour(scene)
    neighbour.start()
    for chapter in (chapter for module in modules for chapter in module.CHAPTERS):
        if test.arguments.only in (None, chapter.__name__):
            _play(scene, chapter)
    neighbour.finish(story)
    check_end(scene)
    print(f"{len(story.seen)} codes were met: {' '.join(sorted(story.seen))}")
    test.checks = story.passed
    test.check(story.ends() == 0, "see the lines that say FAILED")
    test.met(ERRORS[name][0] for name in story.seen)


def check_end(scene):
    """The broker lives, stops without complaint, its store is whole, and nobody's value is in its log."""
    story, broker = scene.story, scene.broker
    story.says("the broker lives", broker.process is not None and broker.process.poll() is None)
    story.equals("it stops when asked", broker.stop(), 0)
    broker.verify_store()
    text = broker.log()
    story.equals("no value is in the log", [word for word in CANARIES if word in text], [])
    story.says("no commit failed", "commit_failed" not in text)
    scene.test.check_logs(broker.log_path)


__all__ = ["BROKER", "CANARY", "COUNSELLOR", "CREDITOR", "ERRORS", "OTHER_COUNSELLOR", "OTHER_CREDITOR", "REVOKED",
           "STRANGER", "UNCONNECTED", "Judge", "Neighbour", "Refused", "Scene", "Session", "check_end", "cut", "facts",
           "field", "frame", "hear_error", "is_alive", "meets", "new_id", "now_ms", "pack_frame", "pb", "play_chapters",
           "varint"]
