"""Cases 23 to 43: messages that generous protobuf readers let pass, in a question, in a line and in a header."""
from bad_scene import (BROKER, CANARY, COUNSELLOR, CREDITOR, facts, field, frame, hear_error, is_alive, meets, new_id,
                       now_ms, pack_frame, pb, varint)

# What is wrong, as a DirectoryGet {oins = 1; after = 2; tag = 3}, and what it meets.
QUESTIONS = (
    ("23: random bytes", b"\xff\xfe\xfd\xfc", "DECODE", ""),
    ("24: a varint of 11 bytes", b"\x18" + b"\xff" * 10 + b"\x01", "DECODE", "tag"),
    ("24: a varint over 64 bits", b"\x18" + b"\xff" * 9 + b"\x02", "DECODE", "tag"),
    ("25: field number 0", b"\x00\x01", "DECODE", ""),
    ("25: a tag not in its shortest form", b"\x98\x00\x01", "DECODE", ""),
    ("26: wire type 3", b"\x0b", "DECODE", ""), ("26: wire type 4", b"\x0c", "DECODE", ""),
    ("26: wire type 6", b"\x0e", "DECODE", ""), ("26: wire type 7", b"\x0f", "DECODE", ""),
    ("27: a text as number", b"\x08\x01", "DECODE", "oins[0]"),
    ("27: a number as text", b"\x1a\x01\x31", "DECODE", "tag"),
    ("27: a number in 64 fixed bits", b"\x19" + bytes(8), "DECODE", "tag"),
    ("28: a length beyond the message", b"\x0a\x7f\x30", "DECODE", "oins[0]"),
    ("30: 8,193 empty texts", b"\x0a\x00" * 8193, "DECODE_ITEMS", "oins[8192]"),
    ("31: field 99", b"\x98\x06\x01", "UNKNOWN_FIELD", "field 99"),
    ("31: the largest field number", varint(0x1fffffff << 3) + b"\x01", "UNKNOWN_FIELD", "field 536870911"),
    ("32: a single field twice", b"\x18\x01\x18\x01", "DUPLICATE_FIELD", "tag"),
    ("36: text that is not UTF-8", field(2, CANARY.encode() + b"\xff"), "TEXT_ENCODING", "after"),
    ("36: text cut inside a character", field(2, b"\xe2\x82"), "TEXT_ENCODING", "after"),
    ("37: a NUL inside text", field(2, CANARY.encode() + b"\0cd"), "TEXT_CONTROL", "after"),
    ("38: a line feed", field(2, CANARY.encode() + b"\nlevel=error"), "TEXT_CONTROL", "after"),
    ("38: right-to-left override", field(2, "a\u202eb".encode()), "TEXT_CONTROL", "after"),
    ("38: a byte order mark", field(2, "\ufeffa".encode()), "TEXT_CONTROL", "after"),
    ("38: half a surrogate pair", field(2, b"\xed\xa0\x80"), "TEXT_ENCODING", "after"),
    ("38: an overlong NUL", field(2, b"\xc0\x80"), "TEXT_ENCODING", "after"),
    ("43: garbage after the message", b"\x18\x05\xff", "DECODE", ""),
    ("an OIN of the wrong length", field(1, CANARY.encode()), "OIN_FORMAT", "oins"),
)


def questions(scene):
    """Each as a question: one Error that names frame and place, and the session stays."""
    for what, body, name, path in QUESTIONS:
        meets(scene, what, frame("DirectoryGet", body), name, path, frame=50)
    meets(scene, "a tag that was read is told", frame("CasesGet", b"\x18\x2a\x0a\x01x"), "ID_FORMAT", "case_ids",
          frame=52, tag=42)
    meets(scene, "nine named cases", pack_frame(pb.CasesGet(case_ids=[new_id()] * 9, tag=1)), "DECODE_ITEMS",
          "case_ids", frame=52, tag=1)
    meets(scene, "after with 15 bytes", pack_frame(pb.CasesGet(after=b"x" * 15, tag=1)), "ID_FORMAT", "after", tag=1)
    session = scene.session()
    session.send(pb.DirectoryGet(after="e\u0301\u0301\u0301", tag=1))
    scene.story.equals("39: text that is not NFC is taken as it is", session.wait(pb.Directory).tag, 1)
    session.close()


def crowded_directory(scene):
    """A directory asked for more names than there are, for one name many times, and for 100,000 names."""
    story = scene.story
    session = scene.session()
    for count in (1, 7, 500, 8192):
        session.send(pb.DirectoryGet(oins=[CREDITOR] * count, tag=count))
        answer = session.wait(pb.Directory)
        story.equals(f"one participant asked for {count} times is told once",
                     ([entry.oin for entry in answer.entries], answer.more), ([CREDITOR], False))
    session.send(pb.DirectoryGet(oins=[CREDITOR, COUNSELLOR, "00000099000000007777"], tag=1))
    answer = session.wait(pb.Directory)
    story.equals("names come by OIN, those that nobody has are left out", [entry.oin for entry in answer.entries],
                 [COUNSELLOR, CREDITOR])
    session.send(pb.DirectoryGet(oins=[CREDITOR, COUNSELLOR], after=COUNSELLOR, tag=1))
    story.equals("and go on after the last one told", [e.oin for e in session.wait(pb.Directory).entries], [CREDITOR])
    session.close()
    names = [f"{i:020}" for i in range(100_000)]
    body = pb.DirectoryGet(oins=names, tag=1).SerializeToString()
    meets(scene, "100,000 names in one frame", (len(body) + 2).to_bytes(4, "big") + b"\x32\0", "FRAME_TOO_LARGE", "")
    meets(scene, "11,000 names", pack_frame(pb.DirectoryGet(oins=names[:11_000], tag=1)), "DECODE_ITEMS",
          "oins[8192]", frame=50)


def _case(data=b"", without=None, **changes):
    """A CaseFact's bytes with a field changed or left out, and `data` at its end."""
    fact = facts.case_line(new_id(), [new_id()], COUNSELLOR).case_fact
    for name, value in changes.items():
        setattr(fact, name, value)
    if without:
        fact.ClearField(without)
    return field(1, fact.SerializeToString() + data)


def _lines():
    claims = b"".join(field(11, b"") for _ in range(8193))
    return (
        ("23: random bytes", b"\xff\xfe\xfd", "DECODE", ""),
        ("24: a varint of 11 bytes", _case(b"\x18" + b"\xff" * 10 + b"\x01", "persons"), "DECODE", "case_fact.persons"),
        ("25: field number 0", _case(b"\x00\x01"), "DECODE", "case_fact"),
        ("26: a group", _case(b"\x0b\x0c"), "DECODE", "case_fact"),
        ("27: a number as text", _case(field(3, b"1"), "persons"), "DECODE", "case_fact.persons"),
        ("28: a length beyond the fact", _case(b"\x3a\x7f1", "responsible"), "DECODE", "case_fact.responsible"),
        ("a value too wide for its field", _case(b"\x18" + varint(1 << 32), "persons"), "DECODE", "case_fact.persons"),
        ("300 in a bool", field(3, b"\x20\xac\x02"), "DECODE", "request.contains_bsn"),
        ("30: 8,193 empty claims", field(3, claims), "DECODE_ITEMS", "request.claims[8192]"),
        ("31: field 99", _case(b"\x98\x06\x01"), "UNKNOWN_FIELD", "case_fact.field 99"),
        ("31: a fact of a later version", field(500, b""), "UNKNOWN_FIELD", "field 500"),
        ("32: a single field twice", _case(b"\x18\x01"), "DUPLICATE_FIELD", "case_fact.persons"),
        ("32: the fact twice", _case() + _case(), "DUPLICATE_FIELD", "case_fact"),
        ("33: two facts in one line", _case() + field(2, b""), "ONEOF_CONFLICT", "off_network"),
        ("34: no fact", b"", "BODY_MISSING", ""),
        ("35: a product that is not in the list", _case(b"\x20\x4d", "product"), "ENUM_VALUE", "case_fact.product"),
        ("35: a product below zero", _case(b"\x20" + varint(2**64 - 1), "product"), "ENUM_VALUE", "case_fact.product"),
        ("35: product UNSPECIFIED", _case(product=0), "ENUM_VALUE", "case_fact.product"),
        ("36: text that is not UTF-8", _case(field(7, CANARY.encode() + b"\xff"), "responsible"), "TEXT_ENCODING",
         "case_fact.responsible"),
        ("37: a NUL in an OIN", _case(field(7, COUNSELLOR[:19].encode() + b"\0"), "responsible"), "TEXT_CONTROL",
         "case_fact.responsible"),
        ("38: a bidi override", _case(field(7, "\u202e".encode()), "responsible"), "TEXT_CONTROL",
         "case_fact.responsible"),
        ("41: a required text left out", _case(without="responsible"), "REQUIRED", "case_fact.responsible"),
        ("41: no requests", _case(without="request_ids"), "REQUIRED", "case_fact.request_ids"),
        ("41: no id", _case(without="case_id"), "REQUIRED", "case_fact.case_id"),
        ("41: version 0", _case(version=0), "REQUIRED", "case_fact.version"),
        ("43: garbage after the line", _case() + b"\xff", "DECODE", ""),
        ("58: an id of 15 bytes", _case(case_id=b"x" * 15), "ID_FORMAT", "case_fact.case_id"),
        ("58: an id of zeros", _case(case_id=bytes(16)), "ID_FORMAT", "case_fact.case_id"),
        ("83: an OIN in small letters", _case(responsible="0000009900000000100a"), "OIN_FORMAT",
         "case_fact.responsible"),
        ("83: a BSN for an OIN", _case(responsible="999990019"), "OIN_FORMAT", "case_fact.responsible"),
        ("a line that is too long", _case(field(40, b"x" * 41_000)), "BATCH_TOO_LARGE", ""),
    )


def lines(scene):
    """Each as one line among good ones: it is refused with its place, and the others are stored."""
    batch = scene.counsellor.new_batch()
    expected, bad = {}, _lines()
    for index, (what, data, name, path) in enumerate(bad):
        writer = batch.bundle(BROKER)
        writer.add(facts.case_line(new_id(), [new_id()], COUNSELLOR))
        writer.add_bytes(data)
        expected[index, 1] = (name, path)
    _, body, _ = scene.counsellor.send(batch.finish(now_ms()))
    scene.story.receipt(f"{len(bad)} bad lines among as many good ones", body, expected, stored=len(bad))
    scene.story.says("those that can be read are named by their item", {
        len(r.item_id) for r in body.refusals if r.code in (207, 201, 209)} == {0} and all(
            len(r.item_id) == 16 for r in body.refusals if r.path == "case_fact.responsible" and r.code == 215))


def _batch(scene, **changes):
    """A batch whose header says something else, signed all the same."""
    batch = scene.counsellor.new_batch()
    batch.bundle(BROKER).add(facts.case_line(new_id(), [new_id()], COUNSELLOR))
    batch.finish(now_ms())
    data = changes.pop("data", b"")
    header = pb.BatchHeader.FromString(batch.header)
    for name, value in changes.items():
        header.ClearField(name) if value is None else setattr(header, name, value)
    batch.header = header.SerializeToString() + data
    batch.begin = pb.Begin(header=batch.header, jws=scene.counsellor.me.sign(batch.header))
    return batch


def whole_batch(scene, sentence, batch, name, path, **about):
    """The batch as it is meets this one Error; a code 1xx ends the session, others leave it open."""
    frames = [pack_frame(batch.begin), *map(pack_frame, batch.bundles), pack_frame(pb.End(batch_id=batch.batch_id))]
    meets(scene, sentence, b"".join(frames), name, path, frame=18, batch_id=batch.batch_id, **about)


def headers(scene):
    """Headers that are signed and wrong: the whole batch is refused, by one Error that names it."""
    for what, changes, name, path in (
            ("31: an unknown field", {"data": b"\x98\x06\x01"}, "UNKNOWN_FIELD", "header.field 99"),
            ("32: the sender twice", {"data": field(3, COUNSELLOR.encode())}, "DUPLICATE_FIELD", "header.sender"),
            ("36: a context that is not UTF-8", {"context": None, "data": field(1, b"\xff")}, "TEXT_ENCODING",
             "header.context"),
            ("another context", {"context": "skp.v1 collect"}, "FIELD_UNEXPECTED", "header.context"),
            ("no context", {"context": None}, "REQUIRED", "header.context"),
            ("no root", {"root": None}, "REQUIRED", "header.root"),
            ("a root of 31 bytes", {"root": b"x" * 31}, "HASH_FORMAT", "header.root"),
            ("another root", {"root": b"x" * 32}, "ROOT_MISMATCH", "header.root"),
            ("another sender that is no OIN", {"sender": "999990019"}, "OIN_FORMAT", "header.sender"),
            ("no bundles", {"bundle_count": None}, "REQUIRED", "header.bundle_count"),
            ("two bundles that are one", {"bundle_count": 2, "line_count": 2}, "COUNT_MISMATCH", "header.bundle_count"),
            ("more lines than there are", {"line_count": 2}, "COUNT_MISMATCH", "header.line_count"),
            ("fewer lines than bundles", {"bundle_count": 2}, "COUNT_MISMATCH", "header.line_count"),
            ("2,049 bundles", {"bundle_count": 2049, "line_count": 8192}, "BATCH_TOO_LARGE", "header.bundle_count"),
            ("8,193 lines", {"line_count": 8193}, "BATCH_TOO_LARGE", "header.line_count"),
            ("no time", {"created_at_ms": None}, "REQUIRED", "header.created_at_ms"),
            ("a time before 1970", {"created_at_ms": -1}, "DATE_RANGE", "header.created_at_ms"),
            ("64: six minutes in the future", {"created_at_ms": now_ms() + 6 * 60_000}, "BATCH_TOO_OLD",
             "header.created_at_ms"),
            ("64: 61 days ago", {"created_at_ms": now_ms() - 61 * 86_400_000}, "BATCH_TOO_OLD", "header.created_at_ms"),
            ("52: on behalf of another", {"on_behalf_of": CREDITOR}, "MANDATE_MISSING", "header.on_behalf_of"),
            ("47: in the name of another", {"sender": CREDITOR}, "SENDER_MISMATCH", "header.sender"),
            ("version 2", {"protocol_version": 2}, "VERSION_UNSUPPORTED", "header.protocol_version")):
        batch = _batch(scene, **changes)
        frames = [pack_frame(batch.begin), *map(pack_frame, batch.bundles),
                  pack_frame(pb.End(batch_id=batch.batch_id))]
        meets(scene, what, b"".join(frames), name, path, frame=18, batch_id=batch.batch_id)
    meets(scene, "a Begin that is no message", frame("Begin", b"\xff") + frame("End", field(1, b"x" * 16)), "DECODE",
          "", frame=18)
    meets(scene, "a batch without bundles", pack_frame(_batch(scene).begin) + frame("End", b""), "ID_FORMAT",
          "end.batch_id", frame=18)


def _bundles(scene):
    """Four bundles of one line each, ready to be spoiled."""
    batch = scene.counsellor.new_batch()
    for _ in range(4):
        batch.bundle(BROKER).add(facts.case_line(new_id(), [new_id()], COUNSELLOR))
    return batch.finish(now_ms())


def bundles(scene):
    """A bundle that does not hold together: the whole batch is refused, and the Error names the bundle."""
    def head(bundle, data=b"", **changes):
        value = pb.BundleHead.FromString(bundle.head)
        for name, what in changes.items():
            setattr(value, name, what)
        bundle.head = value.SerializeToString() + data

    def line(bundle):
        bundle.lines[0] = bundle.lines[0][:-1] + b"x"

    def sealed(bundle):
        bundle.sealed[0] = b"x" * 60

    def oversized(bundle):
        bundle.sealed[0] = b"x" * 9000
        bundle.key_boxes.append("x")

    for what, spoil, name, path in (
            ("another line", line, "ROOT_MISMATCH", "bundle[2]"),
            ("a line more than its head says", lambda b: (b.lines.append(b""), b.sealed.append(b"")),
             "COUNT_MISMATCH", "bundle[2]"),
            ("no place for what is sealed", lambda b: b.sealed.pop(), "COUNT_MISMATCH", "bundle[2]"),
            ("a sealed part without key box", sealed, "KEY_BOX_MISSING", "bundle[2]"),
            ("a sealed part that is too large", oversized, "BATCH_TOO_LARGE", "bundle[2]"),
            ("17 key boxes", lambda b: b.key_boxes.extend(["x"] * 17), "BATCH_TOO_LARGE", "bundle[2]"),
            ("a key box of 5,000 bytes", lambda b: b.key_boxes.append("x" * 5000), "BATCH_TOO_LARGE", "bundle[2]"),
            ("lines withheld", lambda b: b.withheld.append(pb.Withheld(line=0)), "PROTOCOL_STATE", "bundle[2]"),
            ("a head that is no message", lambda b: setattr(b, "head", b"\xff"), "DECODE", "bundle[2]"),
            ("a head with an unknown field", lambda b: head(b, b"\x98\x06\x01"), "UNKNOWN_FIELD", "bundle[2].field 99"),
            ("a recipient that is no OIN", lambda b: head(b, recipient="999990019"), "OIN_FORMAT",
             "bundle[2].recipient"),
            ("a mailbox name of 33 bytes", lambda b: head(b, mailbox="x" * 33), "TEXT_TOO_LONG", "bundle[2].mailbox"),
            ("a mailbox name of spaces", lambda b: head(b, mailbox=" "), "REQUIRED", "bundle[2].mailbox"),
            ("a mailbox name with a control character", lambda b: head(b, mailbox="a\x07"), "TEXT_CONTROL",
             "bundle[2].mailbox"),
            ("a bundle id of zeros", lambda b: head(b, bundle_id=bytes(16)), "ID_FORMAT", "bundle[2].bundle_id"),
            ("257 lines", lambda b: head(b, line_count=257), "BATCH_TOO_LARGE", "bundle[2].line_count"),
            ("no lines", lambda b: head(b, line_count=0), "REQUIRED", "bundle[2].line_count")):
        batch = _bundles(scene)
        spoil(batch.bundles[2])
        whole_batch(scene, what, batch, name, path)
    batch = _bundles(scene)
    batch.bundles[1], batch.bundles[2] = batch.bundles[2], batch.bundles[1]
    whole_batch(scene, "two bundles in another order", batch, "ROOT_MISMATCH", "header.root")
    batch = _bundles(scene)
    frames = [pack_frame(batch.begin), *(frame("Bundle", b"\xff") for _ in range(4)),
              pack_frame(pb.End(batch_id=batch.batch_id))]
    meets(scene, "bundles that are no messages", b"".join(frames), "DECODE", "bundle[0]", batch_id=batch.batch_id)
    session = scene.session()
    session.send(batch.begin)
    session.send_bytes(frame("Bundle", field(1, b"x")))
    session.send(pb.Ping(nonce=1))
    scene.story.equals("other frames may stand between those of a batch", session.wait(pb.Pong).nonce, 1)
    session.send(pb.End(batch_id=batch.batch_id))
    scene.story.error("fewer bundles than the header says", hear_error(session), "COUNT_MISMATCH",
                      "header.bundle_count")
    scene.story.says("and the session stays", is_alive(session))
    session.close()


CHAPTERS = (questions, crowded_directory, lines, headers, bundles)
