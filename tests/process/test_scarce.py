#!/usr/bin/python3
"""What the machine runs out of: room on the disk, descriptors, memory; and a disk that fails. Nothing acknowledged is
lost, nothing takes effect twice, and where a restart is not promised the broker recovers without one.

usage: test_scarce.py BUILD CHAPTER [--seed N]

Chapters: disk (a small tmpfs, needs root) and newcomers (prlimit); with SKP_TIER=nightly also descriptors, memory (the
OOM killer in a cgroup of version 1, needs root) and calls (strace fails single calls of the real broker). A chapter
that cannot be played says why and leaves with 77.
"""
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time

from check_history import Checker
from process_testing import BROKER_OIN, Failure, Office, Test, cpu_seconds, wait_until

EX_IOERR = 74


class Skipped(Exception):
    """A chapter that this machine cannot play; its reason."""


def need_tool(name):
    if not shutil.which(name):
        raise Skipped(f"{name} is not installed")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def is_told_later(event):
    """What a client hears of a scarcity; it asks again by itself."""
    return event["e"] == "problem" and event["err"] in ("UNAVAILABLE", "OUTCOME_UNKNOWN")


def play_to_the_end(test, office):
    """Drains, ends the clients and holds what they saw against what they were promised."""
    office.drain(120)
    histories = {oin: [event for event in events if not is_told_later(event)]
                 for oin, events in office.finish().items()}
    test.check(office.broker.stop() == 0, f"the broker does not stop with 0:\n{office.broker.log_tail()}")
    office.broker.verify_store()
    checker = Checker(histories, BROKER_OIN).check()
    test.check(checker.sentence() == "", checker.sentence())
    return checker


def work_a_little(office, more=20):
    before = office.total("acks")
    wait_until("batches are acknowledged", lambda: office.total("acks") >= before + more, 60)


# ---------------------------------------------------------------- room


def mount_small(test, megabytes):
    path = os.path.join(test.folder, "small")
    os.makedirs(path)
    done = run("mount", "-t", "tmpfs", "-o", f"size={megabytes}M", "none", path)
    if done.returncode != 0:
        raise Skipped(f"no small disk can be mounted: {done.stderr.strip()}")
    test.on_exit(lambda: run("umount", "-l", path))
    return path


def collected_between(office, since, until):
    """Collects that clients heard of in this time, in nanoseconds of their clock."""
    return sum(event["e"] == "collected" and since < event["t"] < until
               for client in office.clients for event in client.history())


def disk(test):
    """The store's disk fills; intake is refused, reading and collecting go on, and with room again so does everything."""
    path = mount_small(test, 120 + 50)  # the reserve, and so much that most of it is in the log when the disk is full
    office = Office(test, 2, 2, store_path=os.path.join(path, "store.db")).open()
    test.on_exit(office.end)
    office.tell("go")
    wait_until("the disk is full", lambda: "intake_paused" in office.broker.log(), 120, pause=0.005)
    paused, acks = time.monotonic_ns(), office.total("acks")
    time.sleep(2.0)
    test.check(office.broker.process.poll() is None, f"the broker left:\n{office.broker.log_tail()}")
    test.check("waiting_in_mailboxes" in office.broker.admin("status"), "the state cannot be read")
    test.check(office.total("acks") <= acks + 2, "batches are taken on a full disk")
    collected = collected_between(office, paused, time.monotonic_ns())
    test.check(run("mount", "-o", "remount,size=384M", path).returncode == 0, "the disk cannot be enlarged")
    wait_until("intake goes on", lambda: "intake_resumed" in office.broker.log())
    work_a_little(office)
    checker = play_to_the_end(test, office)
    test.row("disk_acks_before", acks, "batches acknowledged before the disk was full")
    test.row("disk_collected", collected, "collects taken from the reserve")
    test.row("disk_acks", len(checker.acks), "batches acknowledged in all, without a restart")
    test.check(collected > 0, "nothing was collected while the disk was full")


# ---------------------------------------------------------------- descriptors


def crowd_in(office, stack, count):
    """Connections that say nothing, more than the broker has descriptors for."""
    for number in range(count):
        stream = stack.enter_context(socket.socket())
        stream.bind((f"127.0.0.{2 + number // 15}", 0))  # one address may not have many handshakes under way
        stream.setblocking(False)
        stream.connect_ex(("127.0.0.1", office.broker.port))


def descriptors(test):
    """A crowd takes every descriptor: who was in goes on undisturbed, nobody spins, and later newcomers come in."""
    need_tool("prlimit")
    office = Office(test, 2, 2, handshake_timeout="5s")
    office.broker.prefix = ["prlimit", "--nofile=64:64"]
    office.open()
    test.on_exit(office.end)
    office.tell("go")
    work_a_little(office)
    with contextlib.ExitStack() as stack:
        crowd_in(office, stack, 120)
        wait_until("the broker pauses accepting", lambda: "accept_paused" in office.broker.log())
        office.tell("stop")
        time.sleep(0.5)
        before = cpu_seconds(office.broker.process.pid)
        time.sleep(2.0)
        spent = cpu_seconds(office.broker.process.pid) - before
        office.tell("go")
        work_a_little(office)
        test.check(office.sessions() == 4, "a session was dropped for want of descriptors")
    test.row("descriptors_cpu_s", f"{spent:.2f}", "CPU seconds of the broker in two seconds without descriptors")
    office.broker.kill()
    office.broker.start()
    test.check(spent < 1.0, "the broker spins when it has no descriptors")
    work_a_little(office)
    play_to_the_end(test, office)


def newcomers(test):
    """After the crowd has gone newcomers come in, without a restart."""
    need_tool("prlimit")
    office = Office(test, 1, 1, handshake_timeout="2s")
    office.broker.prefix = ["prlimit", "--nofile=64:64"]
    office.broker.start()
    test.on_exit(office.end)
    with contextlib.ExitStack() as stack:
        crowd_in(office, stack, 120)
        wait_until("the broker pauses accepting", lambda: "accept_paused" in office.broker.log())
    for oin, role in zip(office.oins, ("counsellor", "creditor")):
        office.broker.add_participant(oin, role, bsn_entitled=True)
    for oin in office.oins:
        office.add_client(oin)
    for client in office.clients:
        client.wait_ready()
    office.tell("go")
    work_a_little(office)
    play_to_the_end(test, office)


# ---------------------------------------------------------------- memory


class Cgroup:
    """A cgroup of its own under the memory controller of version 1."""

    def __init__(self, test):
        self.path = f"/sys/fs/cgroup/memory/skp-test-{os.getpid()}"
        try:
            os.mkdir(self.path)
            self.write("memory.limit_in_bytes", str(4 << 30))
        except OSError as error:
            raise Skipped(f"no memory cgroup of version 1: {error}") from None
        test.on_exit(self.remove)

    def write(self, name, value):
        with open(os.path.join(self.path, name), "w") as file:
            file.write(value)

    def read(self, name):
        with open(os.path.join(self.path, name)) as file:
            return file.read()

    def used(self):
        return int(self.read("memory.usage_in_bytes"))

    def kills(self):
        return int(dict(line.split() for line in self.read("memory.oom_control").splitlines()).get("oom_kill", 0))

    def remove(self):
        with contextlib.suppress(OSError):
            os.rmdir(self.path)


def begin_handshakes(office, stack, count):
    """Newcomers that say ClientHello and then nothing: each costs the broker some memory."""
    context = ssl.create_default_context()
    for _ in range(count):
        stream = stack.enter_context(socket.socket())
        stream.settimeout(0.2)
        with contextlib.suppress(OSError):
            stream.connect(("127.0.0.1", office.broker.port))
            outgoing = ssl.MemoryBIO()
            talk = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
            with contextlib.suppress(ssl.SSLWantReadError):
                talk.do_handshake()
            stream.sendall(outgoing.read())


def squeeze(office, group):
    """Leaves the broker under load no more memory than it has, until it needs some and the kernel kills it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError):  # EBUSY: it needs more by now
            group.write("memory.limit_in_bytes", str(group.used()))
        with contextlib.ExitStack() as stack:
            begin_handshakes(office, stack, 10)
            time.sleep(0.02)
        if office.broker.process.poll() is not None:
            return office.broker.process.poll()
    raise Failure("the broker needs no more memory than it has")


def memory(test):
    """The kernel kills the broker for its memory, under load, again and again."""
    group = Cgroup(test)
    office = Office(test, 2, 2)
    office.broker.prefix = ["sh", "-c", f'echo $$ > {group.path}/cgroup.procs && exec "$@"', "sh"]
    office.open()
    test.on_exit(office.end)
    office.tell("go")
    kills = 3
    for _ in range(kills):
        work_a_little(office)
        code = squeeze(office, group)
        test.check(code == -9, f"the broker left with {code}, and was not killed:\n{office.broker.log_tail()}")
        office.broker.process = None
        group.write("memory.limit_in_bytes", str(4 << 30))
        office.broker.start()
    test.check(group.kills() >= 1, "the kernel killed nobody for memory")
    work_a_little(office)
    checker = play_to_the_end(test, office)
    test.row("memory_kills", kills, "times the broker was killed for its memory")
    test.row("memory_acks", len(checker.acks), "batches acknowledged, none lost")


# ---------------------------------------------------------------- single calls


def trace(office, fault):
    """The next start of the broker runs under strace, which makes single calls fail."""
    office.broker.prefix = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={fault}"]
    office.broker.environment = {"ASAN_OPTIONS": "detect_leaks=0"}  # LeakSanitizer cannot work beside strace


def untrace(office):
    office.broker.prefix, office.broker.environment = [], {}


def sync_fails(test, office, number):
    trace(office, f"fdatasync:error=EIO:when={number}")
    office.broker.kill()
    office.broker.spawn()
    code = office.broker.process.wait(120)
    office.broker.process = None
    test.check(code == EX_IOERR, f"after a failed sync the broker leaves with {code}:\n{office.broker.log_tail()}")
    log = office.broker.log()
    said = log[log.rfind("version="):]
    if number > 12:  # later than the start
        test.check("nothing confirmed is lost" in said, f"the broker does not say why it leaves:\n{said[-3000:]}")
    untrace(office)
    office.broker.start()


def killed_at_sync(test, office, number):
    trace(office, f"fdatasync:signal=KILL:when={number}")
    office.broker.kill()
    office.broker.spawn()
    test.check(office.broker.process.wait(120) == -9, "the broker was not killed in its sync")
    office.broker.process = None
    untrace(office)
    office.broker.start()


def no_room(test, office, first):
    """At the running broker, which goes on without a restart."""
    before = office.broker.log().count("name=UNAVAILABLE")
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(office.broker.process.pid), "-e",
                               f"inject=pwrite64:error=ENOSPC:when={first}..{first + 40}"])
    try:
        wait_until("commits are refused", lambda: office.broker.log().count("name=UNAVAILABLE") > before, 60)
        work_a_little(office, 5)
    finally:
        tracer.terminate()
        tracer.wait()
    test.check(office.broker.process.poll() is None, f"the broker left:\n{office.broker.log_tail()}")


def calls(test):
    """strace makes single calls of the real broker fail, under load."""
    need_tool("strace")
    if run("strace", "-f", "-qq", "-e", "inject=fdatasync:error=EIO:when=60000", "true").returncode != 0:
        raise Skipped("strace may not trace here")
    office = Office(test, 2, 2).open()
    test.on_exit(office.end)
    office.tell("go")
    work_a_little(office)
    cases = [(sync_fails, n) for n in (2, 15, 22, 40, 77)] + [(killed_at_sync, n) for n in (3, 15, 31, 60)]
    cases += [(no_room, n) for n in (1, 90)]
    for number, (case, at) in enumerate(cases):
        case(test, office, at)
        work_a_little(office, 10)
        test.row(None, f"{number + 1} of {len(cases)}", f"{case.__name__} at call {at}")
    checker = play_to_the_end(test, office)
    test.row("calls_acks", len(checker.acks), "batches acknowledged, none lost")


IN_COMMIT_TIER = [disk, newcomers]
CHAPTERS = {chapter.__name__: chapter for chapter in (disk, descriptors, newcomers, memory, calls)}


def body(test):
    chapter = CHAPTERS[test.arguments.chapter]
    try:
        if chapter not in IN_COMMIT_TIER and os.environ.get("SKP_TIER") != "nightly":
            raise Skipped("this is for SKP_TIER=nightly")
        chapter(test)
    except Skipped as reason:
        print(f"SKIPPED: {chapter.__name__}: {reason}")
        shutil.rmtree(test.folder)
        sys.exit(77)


Test("test_scarce", [("chapter", {"choices": CHAPTERS})]).run(body)
