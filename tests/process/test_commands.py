#!/usr/bin/python3
"""Every program and every verb explains itself with --help, answers in JSON with --json, and says in one sentence
with a remedy what it does not understand. The verbs are those that --help lists, so that none is forgotten.

usage: test_commands.py BUILD [--seed N]
"""
import os
import re
import stat
import subprocess

from process_testing import SOURCE, Test
from skp_office import COUNSELLOR, CREDITOR, SkpOffice

OK, SOME, USAGE, DATA, UNAVAILABLE, DISK, SETTINGS = 0, 1, 64, 65, 69, 74, 78

# What each verb of skp is given after --json, as whom, and how it may leave. A verb that is not here is run without
# arguments, and must still answer in JSON. The order makes a small round.
SKP = (
    ("cert show", COUNSELLOR, (), (OK,)),
    ("counsellor register", COUNSELLOR, ("aanmelding.csv", "--bsn", "bsn.csv", "--check"), (OK,)),
    ("counsellor register", COUNSELLOR, ("aanmelding.csv", "--bsn", "bsn.csv", "--result", "resultaat.csv"), (OK,)),
    ("counsellor letters", COUNSELLOR, ("brieven.csv",), (OK,)),
    ("counsellor record-answer", COUNSELLOR, ("papier.csv",), (OK,)),
    ("counsellor creditors", COUNSELLOR, ("relaties.csv", "--out", "gevonden.csv"), (OK,)),
    ("creditor waiting", CREDITOR, (), (OK, SOME)),
    ("creditor collect", CREDITOR, ("--out", "lijsten"), (OK,)),
    ("creditor waiting", CREDITOR, (), (SOME,)),  # collected is not answered
    ("creditor answer", CREDITOR, ("nergens.csv",), (DATA,)),
    ("counsellor watch", COUNSELLOR, ("--once", "--out", "antwoorden"), (OK,)),
    ("counsellor report", COUNSELLOR, ("--cases",), (OK,)),
    ("counsellor verify", COUNSELLOR, (), (OK,)),
    ("agreement draft", COUNSELLOR, ("--from", "agreement.conf", "--out", "next.skp"), (OK,)),
    ("agreement sign", COUNSELLOR, ("next.skp",), (OK,)),
    ("agreement show", COUNSELLOR, ("next.skp",), (OK,)),
    ("receipts", COUNSELLOR, ("--out", "bewijzen"), (OK,)),
    ("show", COUNSELLOR, ("USAGE",), (OK,)),
    ("cert publish", COUNSELLOR, (), (OK,)),
)
SKPCTL = {
    "clock advance": ("--to", "2026-11-03T09:00"),
    "explain": ("USAGE",),
    "participant show": (CREDITOR,),
}
LAST = "stop"


def verbs_of(office):
    """(program, verb) of everything that --help lists."""
    skp = re.findall(r"^  skp ([a-z][a-z-]*(?: [a-z][a-z-]*)*)(?: |$)", office.program("skp", "--help").out, re.M)
    ctl = re.findall(r"^  ([a-z]+) +([a-z]*) {2,}\S", office.program("skpctl", "--help").out, re.M)
    sim = re.findall(r"^skp-sim ([a-z]+) ", office.program("skp-sim", "--help").out, re.M)
    return ([("skp", verb) for verb in skp] + [("skpctl", f"{noun} {verb}".strip()) for noun, verb in ctl]
            + [("skp-sim", verb) for verb in sim])


def check_help(test, office, verbs):
    for program, verb in [(name, "") for name in ("skpd", "skp", "skpctl", "skp-sim")] + verbs:
        done = office.program(program, *verb.split(), "--help")
        test.check(done.code == OK and done.out and not done.err, f"{done.words}: {done.code} {done.err}")
        test.check(verb.split()[-1:] == [] or verb.split()[-1] in done.out, f"{done.words} does not name {verb}")
    for program in ("skpd", "skp", "skpctl", "skp-sim"):
        test.check("64 " in office.program(program, "--help").out, f"{program} --help does not tell the exit codes")
        test.check(re.match(program + r" \d", office.program(program, "--version").out), f"{program} --version")


def check_refused(test, done, word):
    lines = done.err.splitlines()
    test.check(done.code == USAGE, f"{done.words}: left with {done.code}, not {USAGE}: {done.err}")
    test.check(len(lines) == 1 and word in lines[0], f"{done.words}: is not one sentence about {word}: {done.err}")
    test.check("--help" in done.err or "needs one of" in done.err, f"{done.words}: no remedy: {done.err}")
    test.check(not done.out, f"{done.words}: talks to standard output: {done.out}")


def check_unknown(test, office, verbs):
    """An option, a verb, a value that is missing: one sentence with a remedy, 64."""
    for program in ("skpd", "skp", "skpctl", "skp-sim"):
        check_refused(test, office.program(program, "--nonsense"), "--nonsense")
        check_refused(test, office.program(program, "nonsense"), "nonsense")
    for program, option in (("skpd", "--config"), ("skp", "--config"), ("skpctl", "--socket"), ("skp-sim", "--cases")):
        check_refused(test, office.program(program, option), option)
    for program in ("skp", "skpctl", "skp-sim"):
        check_refused(test, office.program(program), "")
    for program, verb in verbs:
        words = ["--config", f"{COUNSELLOR}.conf"] if program == "skp" else []
        check_refused(test, office.program(program, *words, *verb.split(), "--nonsense"), "--nonsense")


def check_skp_json(test, office, verbs):
    listed = [verb for program, verb in verbs if program == "skp"]
    for verb, oin, words, codes in SKP:
        test.check(verb in listed, f"skp {verb} is in this test and not in --help")
        done = office.skp(oin, *verb.split(), *words, "--json").must(*codes)
        test.check(done.json()["exit"] == done.code, f"{done.words}: exit is {done.json()['exit']}, not {done.code}")
        if verb == "counsellor register" and "--check" not in words:
            office.ctl("clock", "advance", "--to", "2026-11-02T12:00").must()
            said = office.skp(COUNSELLOR, "counsellor", "verify").must(SOME).out
            test.check("counsellor watch" in said and "bij de centrale gevraagd" in said, f"no words or remedy: {said}")
    for verb in sorted(set(listed) - {row[0] for row in SKP}):
        done = office.skp(COUNSELLOR, *verb.split(), "--json")
        test.check(done.json()["exit"] == done.code, f"{done.words}: {done.out}")
    for words, code in ((("counsellor", "report"), SETTINGS), (("nonsense",), USAGE)):
        done = office.program("skp", *words, "--json").must(code)
        test.check(done.json()["error"] and done.json()["exit"] == code, f"{done.words}: {done.out}")


def check_ctl_play(test, office):
    """What is for a spreadsheet says on each row that it comes of a play."""
    for words in (("participant", "list"), ("status",)):
        lines = office.ctl(*words, "--csv").must().out.splitlines()
        test.check(len(lines) > 1 and lines[0].endswith(";Proef"), f"{words}: {lines[0]}")
        test.check(all(line.endswith(";Ja") for line in lines[1:]), f"{words}: {lines[1:]}")


def check_ctl_json(test, office, verbs):
    ctl = [verb for program, verb in verbs if program == "skpctl" and verb != LAST]
    for verb in ctl + [LAST]:
        requires = verb not in SKPCTL and "(required)" in office.ctl(*verb.split(), "--help").out
        done = office.ctl(*verb.split(), *SKPCTL.get(verb, ()), "--json").must(USAGE if requires else OK)
        test.check(done.json()["ok"] == (done.code == OK), f"{done.words}: {done.out}")
    # It waits: what comes after it finds the store closed.
    done = office.program("skpd", "--config", office.broker.config_path, "--verify-store").must()
    test.check("is whole" in done.out, f"{done.words} does not say that all is well: {done.out}")
    done = office.program("skpd", "--config", office.broker.config_path, "--verify-store", "--json").must()
    test.check("is whole" in done.json()["sentence"], f"{done.words}: {done.out}")
    test.check(office.broker.process.wait(30) == OK, "skpctl stop does not stop the broker")
    office.broker.process = None
    done = office.ctl("status", "--json").must(UNAVAILABLE)
    test.check(done.json()["error"]["name"] == "NOT_CONNECTED", f"{done.words}: {done.out}")


def check_skpd_json(test, office):
    """What skpd is asked instead of run: all is well in words and in JSON, and so is what is wrong."""
    config = ("--config", office.broker.config_path)
    done = office.program("skpd", *config, "--check").must()
    test.check("are usable" in done.out, f"{done.words} does not say that all is well: {done.out}")
    for words, member in ((("--check",), "sentence"), (("--print-config",), "settings")):
        done = office.program("skpd", *config, *words, "--json").must()
        test.check(done.json()["ok"] and done.json()["exit"] == OK and done.json()[member], f"{done.words}: {done.out}")
    settings = done.json()["settings"]
    test.check(settings["store_path"] and all(isinstance(value, str) for value in settings.values()), str(settings))
    helped = office.program("skpd", "--help-config", "--json").must().json()["settings"]
    test.check([row["name"] for row in helped] == list(settings), f"--help-config tells of {helped}")
    version = office.program("skpd", "--json", "--version").must().json()
    test.check(version["version"] and version["libraries"]["SQLite"], str(version))
    for words, code, what in (((*config, "--set", "sign_key=/nowhere", "--check"), SETTINGS, "/nowhere"),
                              (("--config", "/nowhere", "--check"), SETTINGS, "/nowhere"),
                              ((*config, "--set", "store_path=/nowhere/x.db", "--verify-store"), DISK, "/nowhere"),
                              (config, USAGE, "--json"), (("--nonsense",), USAGE, "--nonsense")):
        done = office.program("skpd", *words, "--json").must(code)
        said = done.json()
        test.check(not said["ok"] and said["exit"] == code and what in said["sentence"], f"{done.words}: {done.out}")


def check_sim_json(test, office):
    done = office.program("skp-sim", "world", "--cases", "2", "--seed", "1", "--out", "world", "--json", "--municipalities",
                          os.path.join(SOURCE, "tests/data/municipalities.csv")).must()
    test.check(done.json()["cases"] == 2, done.out)
    done = office.program("skp-sim", "answers", "--seed", "1", "--creditor", CREDITOR, "none.csv", "x.csv", "--json")
    test.check(done.must(DATA).json()["exit"] == DATA, done.out)


def check_inputs_stay(test, office):
    """A name that was given twice, or is somebody's own file: said before anything is sent, and the file stays."""
    rows = office.write("eigen.csv", office.example("aanmelding.csv"))
    before = open(rows, "rb").read()
    device = office.path("apparaat")
    os.mkfifo(device)
    for oin, words, code, said in (
            (COUNSELLOR, ("counsellor", "register", "eigen.csv", "--result", "./eigen.csv"), USAGE, "dit bestand wordt gelezen"),
            (COUNSELLOR, ("counsellor", "letters", "eigen.csv"), USAGE, "hier staat al een ander bestand"),
            (COUNSELLOR, ("counsellor", "letters", device), USAGE, "geen gewoon bestand"),
            (COUNSELLOR, ("counsellor", "register", "eigen.csv", "--result", "/nonexist/x.csv"), DISK, "Er is niets verstuurd"),
            (COUNSELLOR, ("counsellor", "register", "."), DATA, "geef een bestand dat u mag lezen"),
            (COUNSELLOR, ("agreement", "show", "eigen.csv"), DATA, "eigen.csv")):
        done = office.skp(oin, *words).must(code)
        test.check(said in done.err, f"{done.words} does not say '{said}': {done.err}")
    test.check(open(rows, "rb").read() == before, "the office's own file is another one now")
    test.check(stat.S_ISFIFO(os.stat(device).st_mode), "a pipe became a plain file")


def check_exit_codes(test, office):
    """65 for a file, 64 for a value, whoever is asked."""
    office.write("eigen.csv", office.example("aanmelding.csv"))
    for words, code, said in ((("agreement", "admit", "eigen.csv"), DATA, ""),
                              (("round", "list", "--creditor", "123"), USAGE, "OIN_FORMAT"),
                              (("explain", "NOPE"), DATA, "skpctl explain")):
        done = office.ctl(*words).must(code)
        test.check(said in done.err, f"{done.words} does not say '{said}': {done.err}")
    for words in (("--cases",), ("--port", "99999"), ("--nonsense",)):
        done = subprocess.run([os.path.join(SOURCE, "broker/run"), *words], capture_output=True, text=True, timeout=60)
        test.check(done.returncode == USAGE and words[-1] in done.stderr and "line" not in done.stderr,
                   f"broker/run {words}: {done.returncode} {done.stderr}")


def check_full_output(test, office):
    """An answer that nobody got is no success: a script must not go on as if it had one."""
    config = ("--config", office.broker.config_path)
    for program, words in (("skpd", ("--help",)), ("skpd", ("--version", "--json")), ("skpd", (*config, "--print-config")),
                           ("skpd", (*config, "--print-config", "--json")), ("skp", ("--help",)),
                           ("skpctl", ("--help",)), ("skpctl", ("explain",)), ("skpctl", ("explain", "--json")),
                           ("skp-sim", ("--help",))):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([office.binary(program), *words], stdout=full, stderr=subprocess.PIPE, text=True,
                                  cwd=office.folder, timeout=60)
        test.check(done.returncode == DISK, f"{program} {words} to a full disk: {done.returncode}")
        test.check(done.stderr.count("\n") == 1 and done.stderr.startswith(program + ": "), f"{program} {words}: {done.stderr}")


def check_no_broker(test, office):
    """Nobody waits in silence, and hears at the end where it looked and what to do."""
    office.write("stil.conf", open(office.path(f"{COUNSELLOR}.conf")).read().replace("wait = 10s", "wait = 2s"))
    done = office.program("skp", "--config", "stil.conf", "counsellor", "verify").must(UNAVAILABLE)
    place = f"localhost:{office.broker.port}"
    test.check(f"Nog geen verbinding met {place}; probeert het nog 1 s." in done.err, f"silent: {done.err}")
    last = done.err.splitlines()[-1]
    test.check(place in last and "draait de centrale?" in last, f"no place or remedy: {done.err}")


def body(test):
    office = SkpOffice(test).open()
    office.write("aanmelding.csv", office.example("aanmelding.csv"))
    office.write("bsn.csv", office.example("bsn.csv"))
    office.write("papier.csv", "Dossier;Schuldeiser;Uitkomst;Ontvangen\r\n")
    office.write("relaties.csv", "Schuldeiser\r\nZorgverzekeraar De Linde (test)\r\n")
    verbs = verbs_of(office)
    test.row("verbs", len(verbs), "verbs of skp, skpctl and skp-sim")
    test.check(len(verbs) >= 40, f"--help lists only {verbs}")
    check_help(test, office, verbs)
    check_unknown(test, office, verbs)
    check_skp_json(test, office, verbs)
    check_inputs_stay(test, office)
    check_exit_codes(test, office)
    check_sim_json(test, office)
    check_skpd_json(test, office)
    check_ctl_play(test, office)
    check_ctl_json(test, office, verbs)
    check_full_output(test, office)
    check_no_broker(test, office)
    test.check_logs(office.broker.log_path)


Test("test_commands").run(body)
