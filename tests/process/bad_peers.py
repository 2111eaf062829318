"""Peers that are slow, silent, cut off or deaf, and what does not even speak TLS. Each hurts only itself."""
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

from bad_scene import (BROKER, COUNSELLOR, CREDITOR, OTHER_CREDITOR, Session, cut, facts, frame, hear_error,
                       is_alive, new_id, now_ms, pack_frame, pb)
from process_testing import wait_until

MIB = 1 << 20

# A process of its own, so that it can be stopped: it comes up, pings, and never learns what happens to it.
FROZEN = """
import json, sys, time
sys.path[:0] = sys.argv[1:]
from skp_client import Client, Participant
import skp_pb2 as pb
pki, oin, address = json.loads(sys.stdin.readline())
client = Client(Participant(pki, oin), tuple(address))
client.connect()
print("up", flush=True)
while True:
    client.session.send(pb.Ping(nonce=1))
    client.session.wait(pb.Pong)
    time.sleep(0.3)
"""
TCP_REPAIR = 19


def rss_bytes(scene):
    with open(f"/proc/{scene.broker.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sessions_of(scene, oin):
    return sum(row["peer"] == oin for row in scene.broker.admin("sessions")["rows"])


def closed_within(raw, seconds):
    """Whether the broker ends this plain connection in time."""
    raw.settimeout(seconds)
    try:
        while raw.recv(65536):
            pass
        return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def not_tls(scene):
    """1: what is not TLS is closed at once, and the log says so."""
    story = scene.story
    for what, data in (("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                       ("a proxy's HTTP", b"CONNECT x:443 HTTP/1.1\r\n\r\n"),
                       ("a frame without TLS", frame("Hello", b"\x08\x01")), ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"),
                       ("zeros", bytes(4096)), ("0xff", b"\xff" * 4096),
                       ("a TLS record of the largest size", b"\x16\x03\x01\xff\xff" + bytes(65535))):
        before = len(scene.broker.log())
        raw = socket.create_connection(scene.address, 10)
        raw.sendall(data)
        story.says(f"1: {what} on the TLS port is closed", closed_within(raw, 5))
        raw.close()
        wait_until(f"1: the log tells of {what}", lambda: "handshake_failed" in scene.broker.log()[before:], 5)


def slow_handshakes(scene):
    """A handshake that does not come, or byte by byte, ends at its deadline."""
    story = scene.story
    silent = socket.create_connection(scene.address, 10)
    slow = socket.create_connection(scene.address, 10)
    hello = bytes.fromhex("160301010001")
    started = time.monotonic()
    ended = False
    for byte in hello * 20:
        try:
            slow.sendall(bytes([byte]))
        except OSError:
            ended = True
            break
        time.sleep(0.05)
        if time.monotonic() - started > 5:
            break
    story.says("a ClientHello byte by byte is ended", ended or closed_within(slow, 3))
    story.says("a silent connection is ended", closed_within(silent, 3))
    story.says("both in about the time that is set", time.monotonic() - started < 6)
    session = scene.session(hello=False)
    error = hear_error(session)
    story.error("TLS without Hello", error, "FRAME_TIMEOUT", "")
    story.says("and it says what did not come", "Hello" in error.sentence and session.closes_cleanly())


def connection_flood(scene):
    """More handshakes of one source than allowed are closed at once; other sources and live sessions go on."""
    story = scene.story
    live = scene.session()
    crowd = [socket.create_connection(scene.address, 10) for _ in range(60)]
    time.sleep(0.3)
    shut = sum(_is_shut(raw) for raw in crowd)
    story.says(f"of 60 silent connections at most 20 are kept ({60 - shut})", 30 <= shut <= 60)
    story.says("a live session of the same source goes on", is_alive(live))
    raw = socket.create_connection(scene.address, 10, source_address=("127.0.0.2", 0))
    other = scene.counsellor.me.tls_context().wrap_socket(raw, server_hostname="localhost")
    other.sendall(pack_frame(pb.Hello(versions=[1])))
    story.says("somebody else comes in meanwhile", len(other.recv(6)) > 0)
    other.close()
    for raw in crowd:
        raw.close()
    wait_until("the crowd is forgotten", lambda: _comes_in(scene), 10)
    story.says("and the source may come again", True)
    live.close()


def _is_shut(raw):
    raw.settimeout(0.02)
    try:
        return raw.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def _comes_in(scene):
    try:
        scene.session().close()
        return True
    except (OSError, ssl.SSLError):
        return False


def slow_frames(scene):
    """11: frames byte by byte, batches without end and silence end at their deadlines."""
    story = scene.story
    sessions = [scene.session() for _ in range(8)]
    stop = time.monotonic() + 4
    data = pack_frame(pb.DirectoryGet(oins=[CREDITOR] * 10))
    for byte in data:
        for session in sessions:
            try:
                session.send_bytes(bytes([byte]))
            except OSError:
                stop = 0
        if time.monotonic() > stop:
            break
        time.sleep(0.08)
    for session in sessions:
        story.error("11: a frame byte by byte", hear_error(session), "FRAME_TIMEOUT", "")
    session = scene.session()
    session.send(scene.counsellor.new_batch().finish(now_ms()).begin)
    for _ in range(5):
        time.sleep(0.5)
        try:
            session.send(pb.Ping(nonce=1))
        except OSError:
            break
    error = _last_error(session)
    story.error("a batch that does not go on", error, "FRAME_TIMEOUT", "Bundle")
    session = scene.session()
    error = hear_error(session)
    story.error("silence", error, "IDLE_TIMEOUT", "")
    story.says("and it ends in good manners", session.closes_cleanly())


def _last_error(session):
    """The Error after whatever else was still to come."""
    try:
        return session.wait(pb.Error)
    except (ConnectionError, ssl.SSLError, TimeoutError):
        return None


def _fill_mailbox(scene, mebibytes, creditor=OTHER_CREDITOR):
    """Bundles of about 200 KiB for this creditor, from a session of its own."""
    client = scene.client(COUNSELLOR)
    certs = client.certs_of(creditor)
    for _ in range(mebibytes):
        batch = client.new_batch()
        cases = batch.bundle(BROKER)
        for _ in range(5):
            ids = [new_id() for _ in range(24)]
            cases.add(facts.case_line(new_id(), ids, COUNSELLOR))
            writer = batch.bundle(creditor, certs)
            for request_id in ids:
                writer.add_bytes(facts.request_line(request_id, 1, urgent=True, commitment=b"x" * 32)
                                 .SerializeToString(), b"x" * 8192)
        body = client.send(batch.finish(now_ms()))[1]
        scene.story.equals("a MiB of mail is stored", len(body.refusals), 0)
    client.close()


def stopped_readers(scene):
    """10, N10: who asks and does not read is paced, held in bounded memory, and cut."""
    story = scene.story
    _fill_mailbox(scene, 12)
    before = rss_bytes(scene)
    readers = []
    for _ in range(6):
        session = _small_window(scene)
        session.send(pb.Fetch(messages=4096, bytes=16 * MIB))
        session.tls.settimeout(3)
        try:
            session.send_bytes(b"".join(pack_frame(pb.DirectoryGet(tag=i)) for i in range(3000)))
        except OSError:
            pass  # the broker stopped reading: that is the point
        readers.append(session)
    peak = max(rss_bytes(scene) - before for _ in range(20) if time.sleep(0.05) is None)
    story.says(f"six of them cost at most 48 MiB ({peak / MIB:.0f})", peak < 48 * MIB)
    story.says("meanwhile somebody else is answered", is_alive(scene.session()))
    wait_until("they are cut", lambda: sessions_of(scene, OTHER_CREDITOR) == 0, 15)
    story.says("the log says why", "the peer stopped reading" in scene.broker.log())
    reader = scene.client(OTHER_CREDITOR)
    deliveries = reader.fetch()
    story.equals("what they did not read is there for who does", len(deliveries), 12 * 5)
    reader.close()
    for session in readers:
        session.tls.close()


def _small_window(scene):
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(30)
    raw.connect(scene.address)
    session = Session.__new__(Session)
    session.tls = scene.other_creditor.me.tls_context().wrap_socket(raw, server_hostname="localhost")
    session.stash, session.welcome = [], None
    session.hello()
    return session


def case_batch(client):
    batch = client.new_batch()
    case_id = new_id()
    batch.bundle(BROKER).add(facts.case_line(case_id, [new_id()], client.me.oin))
    return batch.finish(now_ms()), case_id


def bytes_of(batch):
    return b"".join([pack_frame(batch.begin), *map(pack_frame, batch.bundles),
                     pack_frame(pb.End(batch_id=batch.batch_id))])


def cut_off(scene):
    """9: connections cut at every place of a batch; the same batch again is stored exactly once."""
    story = scene.story
    client = scene.client(COUNSELLOR)
    for part in range(0, 21):
        batch, case_id = case_batch(client)
        data = bytes_of(batch)
        session = scene.session()
        session.send_bytes(data[:len(data) * part // 20])
        cut(session)
        receipt, body, _ = _send_until_taken(client, batch)
        views = client.cases(case_id)
        story.says(f"9: cut after {part * 5} % of a batch: stored once", (body.stored, len(views)) == (1, 1)
                   and (part == 20 or not receipt.duplicate))
    wait_until("no session of the dead is left", lambda: sessions_of(scene, COUNSELLOR) <= 2, 10)
    client.close()


def _send_until_taken(client, batch):
    """BUSY while the copy of before is being stored: said again, as the remedy tells."""
    while True:
        client.send_frames(batch)
        message = client.session.wait(pb.Receipt, pb.Error)
        if isinstance(message, pb.Receipt):
            client.session.stash.append(message)
            return client.receipt_of(batch)
        if message.name != "BUSY":
            raise AssertionError(message.name)
        time.sleep(0.05)


def half_open(scene):
    """N7: a peer that vanishes without a word is noticed."""
    session = scene.session(scene.other_creditor)
    time.sleep(0.5)  # until all is acknowledged: what is not would be sent again, and meet RST
    raw = socket.socket(fileno=session.tls.detach())
    try:
        raw.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)  # closes without FIN or RST; root only
    except PermissionError:
        print("  half_open: not root, so that peer says RST")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    wait_until("the vanished peer is noticed", lambda: sessions_of(scene, OTHER_CREDITOR) == 0, 15)
    scene.story.says("N7: a peer that vanishes without a word is noticed", True)


def frozen_peers(scene):
    """A process that is stopped in the middle of its mail: cut like one that does not read; its mail waits."""
    child = subprocess.Popen([sys.executable, "-c", FROZEN, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        child.stdin.write(json.dumps([scene.pki, CREDITOR, list(scene.address)]).encode() + b"\n")
        child.stdin.flush()
        up = child.stdout.readline()
        scene.story.says("the peer was up", up == b"up\n")
        before = sessions_of(scene, CREDITOR)
        child.send_signal(signal.SIGSTOP)
        wait_until("the frozen peer is cut", lambda: sessions_of(scene, CREDITOR) < before, 15)
        child.kill()
    scene.story.says("a frozen peer is cut, and the others go on", is_alive(scene.session()))


def pings(scene):
    """22: a hundred pings at once are too many; as many as software sends by itself are not."""
    session = scene.session()
    for nonce in range(30):
        session.send(pb.Ping(nonce=nonce))
    scene.story.says("thirty pings are answered", all(session.wait(pb.Pong).nonce == n for n in range(30)))
    session.send_bytes(b"".join(pack_frame(pb.Ping(nonce=n)) for n in range(100)))
    error = _last_error(session)
    scene.story.error("22: a flood of pings", error, "FLOOD", "")


def key_updates(scene):
    """22: TLS key updates cost arithmetic; more than ten a minute are too many."""
    me = scene.counsellor.me
    name = os.path.join(me.folder, "tls")
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{scene.broker.port}", "-cert", name + ".pem", "-key",
         name + ".key", "-cert_chain", name + ".pem", "-CAfile", me.ca, "-alpn", "skp/1", "-quiet", "-no_ign_eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        _type(client, pack_frame(pb.Hello(versions=[1])))
        for number in range(14):
            _type(client, b"K\n")  # s_client sends the update with what it writes next
            _type(client, pack_frame(pb.DirectoryGet(oins=[CREDITOR], tag=number)))
        wait_until("the log tells of it", lambda: "name=FLOOD" in scene.broker.log(), 10)
        scene.story.says("22: fourteen key updates end the session", True)
    finally:
        client.kill()
        client.communicate()


def _type(client, data):
    try:
        client.stdin.write(data)
        client.stdin.flush()
    except BrokenPipeError:
        return
    time.sleep(0.1)


CHAPTERS = (not_tls, slow_handshakes, connection_flood, slow_frames, cut_off, half_open, frozen_peers, pings, key_updates,
            stopped_readers)
