"""Cases 3 to 22: frames, their order, and what a session may have under way."""
from bad_scene import (CANARY, CREDITOR, OTHER_CREDITOR, Session, cut, frame, hear_error, is_alive, meets,
                       new_id, now_ms, pack_frame, pb)
from process_testing import wait_until


def first_frames(scene):
    """3, 4: only Hello opens a session, in a version that is spoken here."""
    story = scene.story
    for message, name in ((pb.Ping(nonce=1), "Ping"), (pb.End(batch_id=new_id()), "End"),
                          (pb.DirectoryGet(tag=1), "DirectoryGet"), (pb.Welcome(version=1), "Welcome")):
        session = scene.session(hello=False)
        session.send(message)
        error = hear_error(session)
        story.error(f"{name} comes first", error, "PROTOCOL_STATE", name)
        story.equals("it says what was expected", error.sentence, f"{name} came first; Hello expected")
        story.says("and the session ends in good manners", session.closes_cleanly())
    for versions in ([2], [], [0, 99, 2**32 - 1]):
        session = scene.session(hello=False)
        session.send(pb.Hello(versions=versions, software=CANARY))
        story.error(f"versions {versions}", hear_error(session), "VERSION_UNSUPPORTED", "versions", frame=1)
        story.says("and the session ends", session.closes_cleanly())
    session = scene.session(hello=False)
    session.send(pb.Hello(versions=[7, 1, 1], software=""))
    story.equals("one version in common is enough", session.wait(pb.Welcome).version, 1)
    session.send(pb.Hello(versions=[1]))
    story.error("16: a second Hello", hear_error(session), "PROTOCOL_STATE", "Hello")
    story.says("and the session ends", session.closes_cleanly())


def bad_hello(scene):
    """A Hello that is no Hello, and heads that are not this broker's."""
    story = scene.story
    for what, body, name, path in (
            ("random bytes", b"\xff\xfe\xfd", "DECODE", ""),
            ("control characters", b"\x08\x01\x12\x03a\x07b", "TEXT_CONTROL", "software"),
            ("an unknown field", b"\x08\x01\x98\x06\x01", "UNKNOWN_FIELD", "field 99"),
            ("a head that is none", pb.Hello(versions=[1], latest_head=pb.ChainHead(commit=b"x")).SerializeToString(),
             "CHAIN_UNKNOWN", "latest_head.commit")):
        session = scene.session(hello=False)
        session.send_bytes(frame("Hello", body))
        story.error(f"Hello with {what}", hear_error(session), name, path, frame=1)
        story.says("and the session ends", session.closes_cleanly())
    head = scene.counsellor.latest_head
    newer = pb.CommitHeader.FromString(head.commit)
    newer.sequence += 1000000
    commit = newer.SerializeToString()
    for what, jws in (("an unsigned head", ""), ("a head signed by a participant", scene.counsellor.me.sign(commit))):
        session = scene.session(hello=False)
        session.send(pb.Hello(versions=[1], latest_head=pb.ChainHead(commit=commit, jws=jws)))
        story.error(what, hear_error(session), "CHAIN_UNKNOWN", "latest_head")
    session = scene.session(hello=False)
    changed = head.commit[:-1] + bytes([head.commit[-1] ^ 1])
    session.send(pb.Hello(versions=[1], latest_head=pb.ChainHead(commit=changed, jws=head.jws)))
    story.error("a head of this broker with one bit changed", hear_error(session), "CHAIN_UNKNOWN", "latest_head")


def bad_headers(scene):
    """5 to 8, 13 to 15: what is wrong with a frame is said as soon as the byte is there."""
    story = scene.story
    for what, data, name in (
            ("5: length 0", b"\0\0\0\0", "FRAME_EMPTY"), ("5: length 1", b"\0\0\0\1", "FRAME_EMPTY"),
            ("6: one byte over the limit", (262145).to_bytes(4, "big"), "FRAME_TOO_LARGE"),
            ("7: length 0xFFFFFFFF", b"\xff\xff\xff\xff", "FRAME_TOO_LARGE"),
            ("1: plain HTTP inside TLS", b"GET / HTTP/1.1\r\n\r\n", "FRAME_TOO_LARGE"),
            ("13: type 99", b"\0\0\0\2\x63", "FRAME_TYPE_UNKNOWN"), ("13: type 0", b"\0\0\0\2\0", "FRAME_TYPE_UNKNOWN"),
            ("14: a reserved flag", b"\0\0\0\2\x03\x01", "FRAME_FLAGS"),
            ("14: all flags", b"\0\0\0\2\x03\xff", "FRAME_FLAGS")):
        meets(scene, what, data, name, "")
    largest = frame("DirectoryGet", b"\x0a\x00" * 131070)
    story.equals("the largest frame is 262,144 bytes after its length", len(largest) - 4, 262142)
    meets(scene, "a frame of nearly the largest size is read, and judged by its content", largest, "DECODE_ITEMS",
          "oins[8192]", frame=50)
    for goodbye in (True, False):
        session = scene.session(scene.other_creditor)
        session.send_bytes(b"\0\0\1\0\x32\0half a frame")
        session.close() if goodbye else cut(session)
        wait_until("8, 9: half a frame and then the end of the stream: the session is gone",
                   lambda: sessions_of(scene, OTHER_CREDITOR) == 1, 10)


def sessions_of(scene, oin):
    return sum(row["peer"] == oin for row in scene.broker.admin("sessions")["rows"])


def in_pieces(scene):
    """10: a frame in pieces of one byte is the same frame."""
    session = scene.session()
    for byte in pack_frame(pb.Ping(nonce=2**64 - 1)):
        session.send_bytes(bytes([byte]))
    scene.story.equals("10: a frame in pieces of one byte", session.wait(pb.Pong).nonce, 2**64 - 1)
    session.close()


def wrong_order(scene):
    """Begin, Bundle, End in another order; what only the broker says."""
    story = scene.story
    batch = scene.counsellor.new_batch()
    batch.bundle(CREDITOR).add_bytes(b"")
    batch.finish(now_ms())
    begin, end = pack_frame(batch.begin), pack_frame(pb.End(batch_id=batch.batch_id))
    for what, data, path in (("a Bundle without Begin", pack_frame(batch.bundles[0]), "Bundle"),
                             ("an End without Begin", end, "End"), ("Begin twice", begin + begin, "Begin")):
        meets(scene, what, data, "PROTOCOL_STATE", path)
    for kind in ("Welcome", "GoingAway", "Receipt", "Delivery", "Waiting", "Collected", "Published", "Directory",
                 "Cases"):
        meets(scene, f"{kind} from a participant", frame(kind, b""), "PROTOCOL_STATE", kind)
    meets(scene, "an End for another batch", begin + pack_frame(batch.bundles[0]) +
          pack_frame(pb.End(batch_id=new_id())), "PROTOCOL_STATE", "end.batch_id")
    meets(scene, "an End with a short id", begin + frame("End", b"\x0a\x01x"), "ID_FORMAT", "end.batch_id", frame=18)
    meets(scene, "an End that is no message", begin + frame("End", b"\x0a\x7fx"), "DECODE", "batch_id")
    session = scene.session()
    session.send(pb.Error(code=999, name=CANARY, sentence=CANARY, path=CANARY))
    session.send(pb.Pong(nonce=1))
    story.says("a peer's own Error and Pong are heard and nothing more", is_alive(session))
    session.close()


def credit_and_acks(scene):
    """17, 18: collecting what was never delivered, and collecting twice."""
    story, creditor = scene.story, scene.creditor
    scene.ask()
    deliveries = creditor.fetch()
    answer = creditor.collect(deliveries)
    story.equals("what was delivered is collected", (answer.collected, list(answer.unknown)), (len(deliveries), []))
    answer = creditor.collect(deliveries)
    story.equals("18: collecting it twice does no harm", (answer.collected, len(answer.unknown)), (0, len(deliveries)))
    positions = [10**9, 2**64 - 1]
    items = [pb.CollectedItem(position=p, head_hash=bytes(32)) for p in positions]
    answer = creditor.collect_items(items)
    story.equals("17: what was never delivered is unknown", list(answer.unknown), positions)
    for message in (pb.Extend(positions=[10**9]), pb.Release(positions=[10**9]), pb.Extend(mailbox=CANARY,
                                                                                           positions=[1])):
        name = message.DESCRIPTOR.name
        meets(scene, f"17: {name} of what was never delivered", pack_frame(message), "ACK_UNKNOWN", name)
    for message in (pb.Extend(), pb.Release()):
        name = message.DESCRIPTOR.name
        meets(scene, f"{name} of nothing", pack_frame(message), "REQUIRED", f"{name.lower()}.positions")
    many = b"\x10\x01" * 8192  # 1 was collected by now
    for name in ("Extend", "Release"):
        meets(scene, f"{name} of 8,192 positions, not packed", frame(name, many), "ACK_UNKNOWN", name)
        meets(scene, f"{name} of 8,193 positions", frame(name, many + b"\x10\x01"), "DECODE_ITEMS", "positions[8192]")


def floods(scene):
    """12, 22: a thousand frames at once are slowed down, a hundred pings are too many."""
    story = scene.story
    session = scene.session()
    session.send_bytes(b"".join(pack_frame(pb.DirectoryGet(oins=[CREDITOR], tag=i)) for i in range(1000)))
    tags = [session.wait(pb.Directory).tag for _ in range(1000)]
    story.equals("12: a thousand questions in one write are all answered", sorted(tags), list(range(1000)))
    session.close()
    session = scene.session()
    session.send_bytes(b"".join(pack_frame(pb.Ping(nonce=i)) for i in range(100)))
    story.error("22: a hundred pings in one write", hear_error(session), "FLOOD", "")
    story.says("and the session ends in good manners", session.closes_cleanly())
    session = scene.session()
    session.send_bytes(frame("Fetch", b"") * 7000)
    story.error("22: seven thousand empty Fetches", hear_error(session), "FLOOD", "")


def mailbox_names(scene):
    """Strange names of mailboxes, and absurd credit."""
    story = scene.story
    long = "é" * 17
    for what, name, expected in (("of 34 bytes", long, ("TEXT_TOO_LONG", "mailbox")),
                                 ("of 33 bytes", "x" * 33, ("TEXT_TOO_LONG", "mailbox")),
                                 ("of 260 bytes", CANARY + "x" * 260, ("TEXT_TOO_LONG", "fetch.mailbox")),
                                 ("of 200,000 bytes", CANARY + "x" * 200000, ("TEXT_TOO_LONG", "fetch.mailbox"))):
        meets(scene, f"a mailbox name {what}", pack_frame(pb.Fetch(mailbox=name, messages=1, bytes=1)), *expected,
              frame=32)
    for what, data, expected in (("with a NUL", b"a\0b", ("TEXT_CONTROL", "mailbox")),
                                 ("that is not UTF-8", b"\xc3\x28", ("TEXT_ENCODING", "mailbox")),
                                 ("with a right-to-left override", "\u202eb".encode(), ("TEXT_CONTROL", "mailbox"))):
        meets(scene, f"a mailbox name {what}", frame("Fetch", field_1(data)), *expected)
    session = scene.session()
    for name in ("../../etc/passwd", "' OR 1=1 --", "%n%s%x", "<b>", "=cmd|' /C calc'!A0", " "):
        session.send(pb.Fetch(mailbox=name, messages=2**32 - 1, bytes=2**32 - 1, lease_seconds=2**32 - 1))
        told = session.wait(pb.Waiting)
        story.equals(f"a mailbox {name!r} that nobody ever wrote to is empty", (told.mailbox, told.waiting), (name, 0))
    for number in range(70):
        session.send(pb.Fetch(mailbox=f"box {number}", messages=1, bytes=1))
    for number in range(58, 70):
        story.error(f"mailbox {number + 7} in one session", hear_error(session), "BUSY", "fetch.mailbox", frame=32)
    story.says("and the session stays", is_alive(session))
    session.close()


def field_1(data):
    return b"\x0a" + bytes([len(data)]) + data


def absurd_credit(scene):
    """More credit than Welcome allows gains nothing and costs nothing."""
    story = scene.story
    scene.fresh(scene.creditor)  # what it gave credit for before goes with its session
    client = scene.client(CREDITOR)
    scene.ask(3)
    limits = client.session.welcome.limits
    story.equals("the credit that Welcome tells", (limits.credit_messages, limits.credit_bytes), (4096, 16 << 20))
    for _ in range(50):
        client.session.send(pb.Fetch(messages=2**32 - 1, bytes=2**32 - 1))
    deliveries = [client.session.wait(pb.Delivery)]
    client.session.wait(pb.Waiting)
    story.equals("fifty absurd Fetches deliver the one bundle once", len(deliveries) + len(
        [m for m in client.session.stash if isinstance(m, pb.Delivery)]), 1)
    client.close()


def crowds(scene):
    """20, 21: sessions of one participant do not replace each other; beyond the maximum they are told to wait."""
    story = scene.story
    first, second = scene.session(), scene.session()
    story.says("20: two sessions of one participant live side by side", is_alive(first) and is_alive(second))
    first.close()
    second.close()
    opened = []
    error = None
    while error is None and len(opened) < 40:
        session = Session(scene.address, scene.other_creditor.me.tls_context(), 30)
        session.send(pb.Hello(versions=[1]))
        try:
            session.wait(pb.Welcome)
            opened.append(session)
        except Exception as refused:
            error = refused.error
    story.error("21: one session too many", error, "BUSY", "")
    story.equals("as many as max_sessions_per_participant, with the one that was open", len(opened), 11)
    for session in opened:
        session.close()
    wait_until("they are gone", lambda: sessions_of(scene, OTHER_CREDITOR) == 1, 10)
    again = scene.session(scene.other_creditor)
    story.says("and when they are gone there is room again", is_alive(again))
    again.close()


CHAPTERS = (first_frames, bad_hello, bad_headers, in_pieces, wrong_order, credit_and_acks, floods, mailbox_names,
            absurd_credit, crowds)
