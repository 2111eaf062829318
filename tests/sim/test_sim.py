#!/usr/bin/python3
"""Many simulations, each judged by model.py; one of them twice, because the same seed must give the same trace.

usage: test_sim.py SIM [--seeds N] [--first N] [--minutes N] [--busy-every N] [--jobs N]
       test_sim.py SIM --nightly        500 virtual hours, seeds of the day
       test_sim.py SIM --mutants        each mistake of MUTANTS (proto/mutant.h) must be found by some seed

SIM is the program `sim` of a build. A failure prints what is wrong, the seed and the command that shows it again.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import time

import model

NIGHTLY_HOURS, NIGHTLY_MINUTES, NIGHTLY_BUSY = 500, 60, 10
# Found by the simulation within some seeds; others of proto/mutant.h break what it never does or looks at.
MUTANTS = ("ack_before_commit", "dedup_off", "sync_normal", "sync_error_forgiven", "full_disk_is_final",
           "other_bytes_taken", "refused_line_delivered", "lane_swapped", "lease_ignored", "collected_stays",
           "deadline_twice", "complete_told_again", "overdue_is_yes", "stale_answer_taken", "text_not_compared",
           "cents_sign", "calendar_off_by_one")
MUTANT_SEEDS = 30
MANY = 50  # from so many seeds on every kind of fault must have happened
FAULTS = ("cut", "cut soon", "stall up", "stall down", "freeze", "slow", "shred", "power cut", "cut at write",
          "cut at start", "cut at answer", "kill at write", "kill", "stop", "a write fails", "no room", "short write",
          "disk full", "slow disk", "sync failed", "a client dies", "the clock jumps")


def parse():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("sim")
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--busy-every", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--nightly", action="store_true")
    parser.add_argument("--mutants", action="store_true")
    options = parser.parse_args()
    if options.nightly:
        options.minutes, options.busy_every, options.jobs = NIGHTLY_MINUTES, NIGHTLY_BUSY, os.cpu_count()
        options.seeds = NIGHTLY_HOURS * 60 // NIGHTLY_MINUTES
        options.first = int(time.time()) // 86400 * 1000
    return options


class Run:
    """One simulation and what the model says of it."""

    def __init__(self, options, seed, folder):
        busy = options.busy_every and seed % options.busy_every == 0
        self.seed, self.history = seed, os.path.join(folder, f"{seed}.history")
        self.command = [options.sim, "--seed", str(seed), "--minutes", str(options.minutes)] + ["--busy"] * bool(busy)
        self.failure, self.totals, self.kinds, self.trace, self.said = "", {}, None, "", ""

    def simulate(self):
        # Freed memory is kept long enough to catch its use; more only costs page faults.
        environment = {"ASAN_OPTIONS": "quarantine_size_mb=8"} | os.environ
        done = subprocess.run(self.command + ["--history", self.history], capture_output=True, text=True,
                              env=environment, check=False)
        self.said = done.stderr
        found = re.search(r"trace=([0-9a-f]{64})", done.stdout)
        if done.returncode != 0 or not found:
            self.failure = f"exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-6000:]}"
        else:
            self.trace = found.group(1)
            figures = re.findall(r"(virtual_s|commits|cpu_s)=([0-9.]+)", done.stdout)
            self.totals = {key: float(value) for key, value in figures}
        return self

    def judge(self):
        if not self.failure:
            judged = model.judge(self.history)
            self.totals |= judged.totals()
            self.kinds, self.failure = judged.kinds(), judged.sentence()
        return self

    def whole(self):
        self.simulate().judge()
        if os.path.exists(self.history) and not self.failure:
            os.unlink(self.history)
        return self

    def again(self):
        command = " ".join(self.command)
        return f"again: {command} --history /tmp/{self.seed}.history && {model.__file__} /tmp/{self.seed}.history"


def check_repeat(options, folder):
    """The same seed twice, and a judge that finds what is put into the history of it."""
    first, second = (Run(options, options.first, folder).simulate() for _ in range(2))
    failure = first.failure or second.failure
    if not failure and first.trace != second.trace:
        failure = f"the same seed gave two traces: {first.trace} and {second.trace}"
    if not failure and model.self_test(first.history):
        failure = "the model does not find what it should"
    if failure:
        sys.exit(f"test_sim: seed {options.first}: {failure}\n{first.again()}")
    print(f"trace={first.trace}  # of seed {options.first}, twice")


def add_up(runs):
    totals, faults, refusals = collections.Counter(), collections.Counter(), collections.Counter()
    for run in runs:
        totals.update(run.totals)
        faults.update(run.kinds[0])
        refusals.update(run.kinds[1])
    for key, value in totals.items():
        print(f"{key}={value:.0f}")
    print("faults: " + ", ".join(f"{name} {faults[name]}" for name in sorted(faults)))
    print("refusals: " + ", ".join(f"{name} {refusals[name]}" for name in sorted(refusals)))
    missing = [name for name in FAULTS if not faults[name]]
    if len(runs) >= MANY and (missing or not totals["resolved"]):
        sys.exit(f"test_sim: vacuous: {missing or 'no batch was stored whose receipt was lost'}")


def find_mutants(options, folder):
    """Each mistake, switched on, makes some seed fail."""
    missed, options.busy_every = 0, 2
    for mutant in MUTANTS:
        os.environ["SKP_MUTANT"] = mutant
        for seed in range(options.first, options.first + MUTANT_SEEDS):
            run = Run(options, seed, folder).whole()
            if f"SKP_MUTANT={mutant}" not in run.said:
                print("SKIPPED: this build has no mutants")
                sys.exit(77)
            if run.failure:
                lines = [line for line in run.failure.splitlines() if not line.startswith(("exit", "SKP_MUTANT"))]
                print(f"{mutant}: seed {seed}: {lines[0][:150]}")
                break
        else:
            missed += 1
            print(f"{mutant}: NOT FOUND by {MUTANT_SEEDS} seeds")
    print(f"test_sim: {len(MUTANTS) - missed} of {len(MUTANTS)} mistakes found")
    sys.exit(1 if missed else 0)


def main():
    options = parse()
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="skp-sim-", dir=base) as folder:
        if options.mutants:
            find_mutants(options, folder)
        check_repeat(options, folder)
        runs = [Run(options, seed, folder) for seed in range(options.first, options.first + options.seeds)]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            failed = [run for run in pool.map(Run.whole, runs) if run.failure]
    for run in failed[:5]:
        print(f"test_sim: seed {run.seed}: {run.failure}\n{run.again()}", file=sys.stderr)
    if failed:
        sys.exit(f"test_sim: {len(failed)} of {len(runs)} seeds failed: {[run.seed for run in failed][:50]}")
    add_up(runs)
    print(f"test_sim: ok, {len(runs)} seeds of {options.minutes} virtual minutes")


if __name__ == "__main__":
    main()
