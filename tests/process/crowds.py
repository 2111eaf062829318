"""Crowds at the broker's door, the honest participant beside them whose letters are timed, and what the broker's
process costs meanwhile. For test_crowds.py.

Needs what bad_scene.py needs.
"""
import gc
import os
import select
import subprocess
import time

from bad_scene import BROKER, OTHER_COUNSELLOR, facts, new_id, now_ms, pack_frame, pb
from process_testing import need

PAGE = os.sysconf("SC_PAGE_SIZE")


def is_sanitized(build):
    """Whether this build's times and memory are those of a sanitizer, not of the broker."""
    linked = subprocess.run(["ldd", os.path.join(build, "broker/skpd")], capture_output=True, text=True, check=True)
    return "libasan" in linked.stdout or "libtsan" in linked.stdout


def rss_kib(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE / 1024


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def median(values):
    return percentile(values, 0.5)


class Crowd:
    """One crowd program of this kind; with-statement: it goes at the end."""

    def __init__(self, scene, kind, count, oin, *options, port=None):
        self.kind, self.count = kind, count
        self.process = subprocess.Popen(
            [os.path.join(scene.test.build, "tests/process/crowd"), kind, "--pki", scene.pki, "--oin", oin, "--port",
             str(port or scene.broker.port), "--count", str(count), "--seed", str(scene.test.seed), *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def hear(self, seconds):
        ready = select.select([self.process.stdout], [], [], seconds)[0]
        line = self.process.stdout.readline().strip() if ready else ""
        need(line, f"{self.count} of crowd {self.kind} say nothing within {seconds} s (exit {self.process.poll()})")
        return line

    def wait_ready(self, seconds=120):
        need(self.hear(seconds) == "ready", f"crowd {self.kind} is not ready")
        return self

    def figures(self, seconds=300):
        """What one line of name=number says; of a storm, when it is over."""
        if self.kind != "storm":
            self.process.stdin.write("status\n")
        return {name: float(value) for name, value in (word.split("=") for word in self.hear(seconds).split())}

    def go(self):
        self.process.stdin.close()
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Letters:
    """An honest counsellor who sends one prepared batch after the other, a moment between them."""

    def __init__(self, scene, pause=0.004):
        self.client, self.pause = scene.client(OTHER_COUNSELLOR), pause

    def _prepare(self, count):
        for _ in range(count):
            batch = self.client.new_batch()
            batch.bundle(BROKER).add(facts.case_line(new_id(), [new_id()], OTHER_COUNSELLOR))
            batch.finish(now_ms())
            yield b"".join([pack_frame(batch.begin), *map(pack_frame, batch.bundles),
                            pack_frame(pb.End(batch_id=batch.batch_id))])

    def connect(self):
        """A session of its own: the one of before may have been silent for too long."""
        self.client.close()
        self.client.connect()

    def send(self, count):
        """Milliseconds from sending each of so many to its *stored* receipt."""
        session, took = self.client.session, []
        prepared = list(self._prepare(count))
        gc.disable()
        for data in prepared:
            started = time.perf_counter()
            session.send_bytes(data)
            message = session.wait(pb.Receipt, pb.Error)
            took.append((time.perf_counter() - started) * 1000)
            need(isinstance(message, pb.Receipt), f"an honest letter is refused: {message}")
            time.sleep(self.pause)
        gc.enable()
        return took

    def send_while(self, busy):
        """As long as busy() says so."""
        took = []
        while busy():
            took += self.send(20)
        return took
