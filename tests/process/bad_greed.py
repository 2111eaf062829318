"""Peers that take as much as is allowed, and a little more: the limits hold, and others keep their share."""
import threading
import time

from bad_peers import MIB, case_batch, bytes_of, rss_bytes
from bad_scene import (BROKER, COUNSELLOR, CREDITOR, cut, facts, field, frame, hear_error, is_alive, new_id, now_ms,
                       pack_frame, pb)


def largest_batches(scene):
    """Batches at their limits are taken; one more is refused, and the batch as a whole."""
    story, client = scene.story, scene.client(COUNSELLOR)
    batch = client.new_batch()
    for _ in range(2048):
        batch.bundle(BROKER).add(facts.case_line(new_id(), [new_id()], COUNSELLOR))
    _, body, _ = client.send(batch.finish(now_ms()))
    story.equals("2,048 bundles of one line", (body.stored, len(body.refusals)), (2048, 0))
    batch = client.new_batch()
    for _ in range(32):
        writer = batch.bundle(BROKER)
        for _ in range(256):
            writer.add(facts.case_line(new_id(), [new_id()], COUNSELLOR))
    _, body, _ = client.send(batch.finish(now_ms()))
    story.equals("32 bundles of 256 lines", (body.stored, len(body.refusals)), (8192, 0))
    good, _ = case_batch(client)
    client.session.send(good.begin)
    bundle = pack_frame(good.bundles[0])
    client.session.send_bytes(bundle * 2049)
    client.session.send(pb.End(batch_id=good.batch_id))
    story.error("2,049 bundles", hear_error(client.session), "BATCH_TOO_LARGE", "", frame=18, batch_id=good.batch_id)
    client.session.send(good.begin)
    for _ in range(34):
        client.session.send_bytes(frame("Bundle", b"x" * 262_000))
    client.session.send(pb.End(batch_id=good.batch_id))
    story.error("more than 8 MiB", hear_error(client.session), "BATCH_TOO_LARGE", "", frame=18,
                batch_id=good.batch_id)
    story.says("and the session stays", is_alive(client.session))
    client.close()


def all_refused(scene):
    """8,192 lines, each refused at the longest place there is: the receipt fits in a frame."""
    story, client = scene.story, scene.client(CREDITOR)
    good = {"state": pb.CLAIM_STATE_CONFIRMED, "kind": pb.CLAIM_KIND_ENERGY, "amount_cents": 1,
            "preference": pb.PREFERENCE_CONCURRENT, "debtor": pb.DEBTOR_FIRST}
    claims = [pb.Claim(claim_id=new_id(), **good) for _ in range(10)]
    claims.append(pb.Claim(claim_id=new_id(), original_cents=-1, **good))
    batch = client.new_batch()
    for _ in range(32):
        writer = batch.bundle(COUNSELLOR)
        for _ in range(256):
            writer.add(pb.Line(answer=pb.AnswerFact(
                request_id=new_id(), version=1, request_bundle_id=new_id(), request_leaf=bytes(32),
                outcome=pb.OUTCOME_CLAIMS, complete=True, claims=claims)))
    _, body, _ = client.send(batch.finish(now_ms()))
    story.equals("8,192 refusals, one text", (body.stored, len(body.refusals), len(body.texts)), (0, 8192, 1))
    story.equals("each names its item and the same code", ({r.code for r in body.refusals},
                 len({r.item_id for r in body.refusals})), ({218}, 8192))
    client.close()


def exploding_lines(scene):
    """Lines that unpack to fifty times their size: each is refused for itself, in bounded memory."""
    story, client = scene.story, scene.client(COUNSELLOR)
    before = rss_bytes(scene)
    line = field(3, field(1, new_id()) + b"\x5a\x00" * 8180)
    batch = client.new_batch()
    for _ in range(36):
        writer = batch.bundle(CREDITOR)
        for _ in range(13):
            writer.add_bytes(line)
    batch.finish(now_ms())
    watch = Watch(scene)
    _, body, _ = client.send(batch)
    peak = watch.finish() - before
    story.equals("468 lines of 8,180 empty claims", (body.stored, {r.code for r in body.refusals},
                 len(body.refusals)), (0, {212}, 468))
    story.says(f"in at most 96 MiB ({peak / MIB:.0f})", peak < 96 * MIB)
    client.close()


class Watch(threading.Thread):
    """The most memory the broker has while something goes on."""

    def __init__(self, scene):
        super().__init__(daemon=True)
        self.scene, self.peak, self.done = scene, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.01):
            self.peak = max(self.peak, rss_bytes(self.scene))

    def finish(self):
        self.done.set()
        self.join()
        return self.peak


def many_batches(scene):
    """300 batches under way in one session: reading pauses, and each gets its receipt."""
    client = scene.client(COUNSELLOR)
    stored = []
    # Sixty at a time: far more than are read at once, and few enough for the socket's buffers, because a TLS connection
    # of Python must not be written and read by two threads.
    for _ in range(5):
        batches = [case_batch(client)[0] for _ in range(60)]
        client.session.send_bytes(b"".join(bytes_of(batch) for batch in batches))
        stored += [client.receipt_of(batch)[1].stored for batch in batches]
    scene.story.equals("300 batches, 300 receipts", stored, [1] * 300)
    client.close()


def intake_hogs(scene):
    """Sessions of one participant that open large batches, or long Begins, and never end them leave room for others."""
    story = scene.story
    begin = scene.creditor.new_batch().finish(now_ms()).begin
    sizes = [250_000] * 40 + [20_000] * 15
    starters = [scene.session(scene.creditor) for _ in sizes]
    room, hogs = 16 * MIB, []
    while room > 20_000:  # each takes what is left, up to a batch, and stays below what would be turned away
        size = min(room * 9 // 10, 7 * MIB)
        hogs.append(scene.session(scene.creditor))
        hogs[-1].send(begin)
        pieces = size // 200_000 + 1
        hogs[-1].send_bytes(frame("Bundle", b"x" * (size // pieces)) * pieces)
        room -= size + 4096
    for starter, size in zip(starters, sizes):
        starter.send_bytes(frame("Begin", b"x" * size))
    time.sleep(0.4)  # until all of it was read
    client = scene.client(COUNSELLOR)
    answers = []
    for _ in range(5):
        batch = client.new_batch()
        for _ in range(8):
            writer = batch.bundle(BROKER)
            for _ in range(250):
                writer.add(facts.case_line(new_id(), [new_id()], COUNSELLOR))
        client.send_frames(batch.finish(now_ms()))
        answers.append(type(client.session.wait(pb.Receipt, pb.Error)).__name__)
        for hog in hogs + starters:
            hog.send_bytes(frame("Bundle", b"x"))
    story.equals(f"honest batches are taken while {len(hogs)} hogs hold what they can", answers, ["Receipt"] * 5)
    batch_id = new_id()
    hogs[2].send(pb.End(batch_id=batch_id))
    story.error("a hog hears that it must wait", hear_error(hogs[2]), "BUSY", "", frame=18, batch_id=batch_id)
    for hog in hogs + starters:
        cut(hog)
    client.close()


CHAPTERS = (largest_batches, all_refused, exploding_lines, many_batches, intake_hogs)
