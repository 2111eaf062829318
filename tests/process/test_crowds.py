#!/usr/bin/python3
"""Crowds at the broker's door: idle and slow ones cost little memory and no honest letter any time; a storm of
handshakes is let in about as fast as the machine can, while honest letters go on; silent ones do not keep others out;
new lists of revoked certificates reach every session within seconds.

usage: test_crowds.py BUILD [--nightly] [--only CHAPTER] [--seed N]

Times are compared in pairs within one run: honest letters without and with the crowd in turn, and the noise is what
letters without a crowd differ among themselves. A sanitizer's build plays all of it small and asserts what does not
depend on speed or memory; the figures that are promised are asserted on a release build.
"""
import contextlib
import os
import subprocess
import sys
import time

from bad_scene import COUNSELLOR, CREDITOR, Judge, Scene, Session, is_alive
from crowds import Crowd, Letters, is_sanitized, median, percentile, rss_kib
from process_testing import Test, cpu_seconds, free_port, make_certs, need, wait_until

# kind, connections small and nightly, options. What speaks no TLS shares the broker's places for handshakes.
PATIENT = (("idle", 60, 4700, ("--every", 20000)),
           ("frame-bytes", 15, 60, ("--every", 10000)),
           ("silent", 10, 120, ("--every", 10000, "--sources", 40)),
           ("hello-bytes", 10, 120, ("--every", 10000, "--sources", 40)))
PATIENT_KIB = 64
IDLE_KIB = 48
SLOWER = 1.10
STORM_P99_MS = 50
STORM_SHARE = 0.8
CUT_MS = 5000
BUSY_MS = 5  # a calm letter that takes longer tells of a machine that does other things too


class Crowds:
    def __init__(self, test):
        self.test, self.nightly = test, test.arguments.nightly
        self.strict = not is_sanitized(test.build)
        self.scene = Scene(test, Judge(), max_sessions_per_participant=20000, max_sessions=20000).open()
        self.letters = Letters(self.scene)
        if not self.strict:
            print("  SKIPPED: limits of time and memory, for this is a sanitizer's build (the figures are its own)")

    @property
    def pid(self):
        return self.scene.broker.process.pid

    def fresh(self):
        """A broker whose memory nobody has grown yet."""
        need(self.scene.broker.stop() == 0, "the broker does not stop with 0")
        self.scene.broker.start()

    def size(self, small, nightly):
        return nightly if self.nightly else small

    def limit(self, value, most, sentence, calm_ms=0.0):
        """Asserted where it means something, shown everywhere."""
        if not self.strict:
            return
        if calm_ms > BUSY_MS:
            print(f"  SKIPPED: {sentence}: the machine is too busy to tell, a calm letter takes {calm_ms:.1f} ms")
        else:
            self.test.check(value <= most, f"{sentence}: {value:.2f}, promised is {most:.2f}")

    def crowd(self, kind, count, *options, oin=COUNSELLOR, port=None):
        return Crowd(self.scene, kind, count, oin, *options, port=port)


def spread(values):
    """How much figures differ that should be the same: the largest ratio of two that follow each other."""
    ratios = [max(a, b) / min(a, b) for a, b in zip(values, values[1:])]
    return median(ratios) if ratios else 1.0


def patient(run):
    """Idle, slow and silent connections beside honest letters. Each does its next thing at an instant of its own, as
    strangers do."""
    test, calm, crowded, kib = run.test, [], [], []
    pairs, letters = run.size(1, 8), run.size(100, 1500)
    run.fresh()
    run.letters.connect()
    run.letters.send(letters)  # warm
    for _ in range(pairs):
        run.letters.connect()
        calm.append(run.letters.send(letters))
        before = rss_kib(run.pid)
        with contextlib.ExitStack() as stack:
            crowds = [stack.enter_context(run.crowd(kind, run.size(small, nightly), *options))
                      for kind, small, nightly, options in PATIENT]
            for crowd in crowds:
                crowd.wait_ready(300)
            count = sum(crowd.count for crowd in crowds)
            kib.append(max(0.0, rss_kib(run.pid) - before) / count)
            run.letters.connect()
            crowded.append(run.letters.send(letters))
            lost = sum(crowd.figures()["lost"] for crowd in crowds)
        test.check(lost < count, "vacuous: the crowd was not there")
        print(f"  letters, 99 of 100: {percentile(calm[-1], 0.99):.2f} ms without, {percentile(crowded[-1], 0.99):.2f} ms "
              "beside them", flush=True)
        wait_until("the crowd is forgotten", lambda: len(run.scene.broker.admin("sessions")["rows"]) < 20, 60)
    p99s = [[percentile(times, 0.99) for times in side] for side in (calm, crowded)]
    noise = spread(p99s[0])
    rise = median([after / before for before, after in zip(*p99s)])
    test.row("patient_connections", count, "idle, slow and silent connections")
    test.row("patient_kib_each", f"{kib[0]:.1f}", "KiB of the broker for each (first crowd: later ones find it there)")
    test.row("letter_p99_calm_ms", f"{median(p99s[0]):.2f}", "honest letter, 99 of 100, without them, ms")
    test.row("letter_p99_crowded_ms", f"{median(p99s[1]):.2f}", "the same beside them, ms")
    test.row("letter_p99_rise", f"{rise:.3f}", f"rise: median of {pairs} pairs")
    test.row("letter_p99_noise", f"{noise:.3f}", "noise: what two without a crowd differ")
    run.limit(kib[0], PATIENT_KIB, "KiB for each patient connection")
    run.limit(rise, SLOWER * noise, "honest letters beside patient connections, rise with noise", median(p99s[0]))


def storm(run):
    """A storm of handshakes beside honest letters, and beside a server that does nothing else."""
    test, count = run.test, run.size(60, 1000)
    port = free_port(test.rng)
    raw = subprocess.Popen([os.path.join(test.build, "tests/process/raw_server"), run.scene.pki, str(port)],
                           stdout=subprocess.PIPE)
    test.on_exit(raw.kill)
    need(raw.stdout.readline() == b"ready\n", "the raw server is not ready")
    options, rates, costs = ("--at-once", 100, "--sources", 40), {"raw": [], "skp": []}, {"raw": [], "skp": []}
    for _ in range(run.size(1, 5)):
        for name, where, pid in (("raw", port, raw.pid), ("skp", run.scene.broker.port, run.pid)):
            before = cpu_seconds(pid)
            with run.crowd("storm", count, *options, port=where) as crowd:
                figures = crowd.figures()
            need(figures["done"] == count, f"{name}: of {count} handshakes {figures['failed']:.0f} fail")
            rates[name].append(count / figures["wall_s"])
            costs[name].append(1000 * (cpu_seconds(pid) - before) / count)
    run.letters.connect()
    with run.crowd("storm", count, "--sources", 200) as crowd:  # all at once
        beside = run.letters.send_while(lambda: not _is_over(crowd))
        figures = crowd.figures()
    need(figures["done"] == count, f"of {count} at once {figures['failed']:.0f} fail")
    calm = run.letters.send(max(200, len(beside)))
    share = median([rate / raw for rate, raw in zip(rates["skp"], rates["raw"])])
    cost_share = median([raw / cost for cost, raw in zip(costs["skp"], costs["raw"])])
    test.row("storm_handshakes", count, "handshakes, all at once")
    test.row("storm_honest_p99_ms", f"{percentile(beside, 0.99):.1f}", f"honest letter meanwhile, 99 of 100, ms "
             f"({len(beside)} of them)")
    test.row("storm_calm_p99_ms", f"{percentile(calm, 0.99):.1f}", "the same without a storm, ms")
    test.row("storm_per_s", f"{median(rates['skp']):.0f}", "handshakes with Hello and Welcome per second")
    test.row("storm_raw_per_s", f"{median(rates['raw']):.0f}", "TLS alone on this machine, per second")
    test.row("storm_share", f"{share:.2f}", "of the raw rate, by the clock")
    test.row("storm_cpu_share", f"{cost_share:.2f}", "of the raw rate, by the server's CPU seconds")
    need(len(beside) >= 20, "vacuous: hardly a letter was sent during the storm")
    run.limit(percentile(beside, 0.99), STORM_P99_MS, "honest letter during a storm, ms", percentile(calm, 0.99))
    run.limit(STORM_SHARE, cost_share, "share of the raw handshake rate")
    raw.kill()
    raw.wait()


def _is_over(crowd):
    return crowd.process.poll() is not None


def sessions(run):
    """What an idle session costs, and what those that leave give back."""
    test, count = run.test, run.size(60, 2000)
    run.fresh()
    before = rss_kib(run.pid)
    with run.crowd("idle", count, "--every", 20000, oin=CREDITOR) as crowd:
        crowd.wait_ready(300)
        each = (rss_kib(run.pid) - before) / count
        top = rss_kib(run.pid)
    wait_until("they are gone", lambda: len(run.scene.broker.admin("sessions")["rows"]) < 20, 60)
    with run.crowd("idle", count, "--every", 20000, oin=CREDITOR) as crowd:
        crowd.wait_ready(300)
        again = rss_kib(run.pid) - top
    test.row("session_count", count, "idle sessions")
    test.row("session_kib", f"{each:.1f}", "KiB of the broker for each")
    test.row("session_again_kib", f"{again:.0f}", "KiB more when as many come a second time")
    wait_until("they are gone again", lambda: len(run.scene.broker.admin("sessions")["rows"]) < 20, 60)
    run.limit(each, IDLE_KIB, "KiB for each idle session")
    run.limit(again, 4 * count, "KiB more at the second time")


def reloads(run):
    """With new lists in place every session is checked again within seconds, and honest letters go on meanwhile."""
    test, count, broker = run.test, run.size(60, 2000), run.scene.broker
    run.fresh()
    with run.crowd("idle", count, "--every", 20000, oin=CREDITOR) as crowd:
        crowd.wait_ready(300)
        run.letters.connect()
        calm = run.letters.send(run.size(50, 500))
        before = len(broker.log())
        make_certs(run.scene.pki)  # new lists; the broker finds them by itself
        beside = run.letters.send_while(lambda: " sessions_rechecked " not in broker.log()[before:])
        line = next(row for row in broker.log()[before:].splitlines() if " sessions_rechecked " in row)
        lost = crowd.figures()["lost"]
    checked, took_ms = (int(line.split(f"{name}=")[1].split()[0]) for name in ("sessions", "ms"))
    test.row("rechecked_sessions", checked, "sessions checked again after new lists")
    test.row("rechecked_ms", took_ms, "in ms, from the new lists being in use")
    test.row("recheck_p99_ms", f"{percentile(beside, 0.99):.1f}", f"honest letter until then, 99 of 100, ms "
             f"({len(beside)} of them; without: {percentile(calm, 0.99):.1f})")
    test.check(checked >= count, f"{checked} sessions of {count} were checked again")
    test.check(lost == 0, f"{lost:.0f} sessions were lost although nothing is wrong with them")
    test.check(took_ms + 2000 < CUT_MS, f"checking again took {took_ms} ms, and seeing the new lists up to 2000")
    wait_until("they are gone", lambda: len(broker.admin("sessions")["rows"]) < 20, 60)


def door(run):
    """Silent connections from many addresses hold every place for a handshake; an honest newcomer waits a moment."""
    with run.crowd("silent", 256, "--sources", 64, "--every", 20000) as crowd:
        crowd.wait_ready()
        started = time.monotonic()
        session = Session(run.scene.address, run.scene.counsellor.me.tls_context(), 30)
        session.hello()
        waited = time.monotonic() - started
        need(is_alive(session), "the newcomer is not served")
        session.close()
    run.test.row("door_wait_s", f"{waited:.1f}", "seconds a newcomer waits while silent ones hold the door")
    need(waited < 8, f"the newcomer waited {waited:.1f} s")


CHAPTERS = (sessions, reloads, patient, storm, door)


def body(test):
    if test.arguments.nightly and os.environ.get("SKP_TIER") != "nightly":
        print("test_crowds: SKIPPED: this is for SKP_TIER=nightly")
        sys.exit(77)
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
    run = Crowds(test)
    for chapter in CHAPTERS:
        if test.arguments.only in (None, chapter.__name__):
            started = time.monotonic()
            chapter(run)
            print(f"  {time.monotonic() - started:5.1f} s  {chapter.__doc__}", flush=True)
    test.check(run.scene.broker.stop() == 0, "the broker does not stop with 0")
    test.check_logs(run.scene.broker.log_path)


Test("test_crowds", [
    ("--nightly", {"action": "store_true", "help": "thousands of them"}),
    ("--only", {"help": "one chapter"}),
]).run(body)
