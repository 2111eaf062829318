#!/usr/bin/python3
"""What a creditor cannot open is answered as unreadable, sealed again by the office, and read: with skp on both sides,
keys that are renewed, keys that are lost, and a key that stays wrong. Every receipt goes on to hold.

usage: test_reseal.py BUILD [--seed N]
"""
import glob

from process_testing import Test
from skp_office import COUNSELLOR, CREDITOR, CREDITOR_NAME
from skp_round import Round, rows_of, write_rows

SOME, TIMES = 1, 3


def a_renewed_key(run):
    """The office sealed for the key of before, and the creditor only has the new one."""
    test = run.test
    run.register("D1", "D2")
    run.renew_key()
    rows, said = run.collect(SOME)
    run.check_unreadable(rows, 2)
    test.check((said["unreadable"], said["collected"]) == (2, 0), f"collected what cannot be read: {said}")
    run.send_back()
    _, said = run.collect()
    test.check((said["unreadable"], said["collected"], said["files"]) == (0, 1, []), f"still in the way: {said}")
    run.office.skp(CREDITOR, "cert", "publish").must()
    done = run.watch()
    test.check(done.json()["resealed"] == 2, f"not sealed again: {done.out}{done.err}")
    run.check_same()
    rows, _ = run.collect()
    run.check_read(rows, "D1", "D2")
    run.answer_all(rows)
    run.watch()
    answers = rows_of(run.office.path("terug/antwoorden.csv"))
    test.check({row["Dossier"].strip("'") for row in answers} == {"D1", "D2"}, f"answers: {answers}")
    run.check_same()
    test.row("resealed", 2, "requests sealed again for a renewed key, read and answered")


def a_lost_key(run):
    """What waits is not delivered any more, but goes back by itself."""
    test = run.test
    run.register("D3")
    old = run.renew_key()
    run.office.skp(CREDITOR, "cert", "publish", "--withdraw", old).must()
    rows, said = run.collect()
    test.check(not rows and said["not_collected"] == 0, f"delivered what nobody can open: {said}")
    done = run.watch()
    test.check(done.json()["resealed"] == 1, f"not sealed again: {done.out}{done.err}")
    rows, _ = run.collect()
    run.check_read(rows, "D3")
    again = run.office.skp(CREDITOR, "cert", "publish", "--withdraw", old, "--json").must()
    test.check(again.json()["published"] == 0, f"withdrawn twice: {again.out}")
    run.answer_all(rows)
    run.watch()
    run.check_same()
    test.row("withdrawn", 1, "request went back when its key was withdrawn, and came sealed anew")


def a_key_that_stays_wrong(run):
    """The office tries a few times; then a person is told, and it stands among the letters."""
    test = run.test
    run.register("D4")
    run.renew_key()
    for attempt in range(TIMES + 1):
        rows, _ = run.collect(SOME)
        run.check_unreadable(rows, 1)
        run.send_back()
        done = run.watch(SOME if attempt == TIMES else 0)
        test.check(done.json()["resealed"] == (attempt < TIMES), f"attempt {attempt}: {done.out}{done.err}")
    test.check("Bel de schuldeiser" in done.err, f"nobody is told: {done.err}")
    run.office.skp(COUNSELLOR, "counsellor", "letters", run.office.path("brieven.csv")).must()
    letters = rows_of(run.office.path("brieven.csv"))
    test.check([row["Dossier"].strip("'") for row in letters] == ["D4"], f"letters: {letters}")
    test.check(run.watch().json()["resealed"] == 0, "sealed again without end")
    run.check_same()
    said = run.report()
    test.check((said["unreadable"], said["cases_inventory"]) == (1, 1), f"not in the report: {said}")
    record_by_letter(run, "D4", "12,50")
    test.row("bounded", TIMES, "times a request is sealed again before a person is told")


def record_by_letter(run, dossier, amount):
    """The letter came back: the request is done, and with it its case; it can be corrected."""
    path = run.office.path("papier.csv")
    row = dict(zip(("Dossier", "Schuldeiser", "Bedrag", "Ontvangen", "Uitkomst"),
                   (dossier, CREDITOR_NAME, amount, "09-11-2026", "vorderingen")))
    for row["Bedrag"] in (amount, "13,00"):
        write_rows(path, [row])
        done = run.office.skp(COUNSELLOR, "counsellor", "record-answer", path, "--json").must()
        run.test.check(done.json()["stored"] == 1, f"not recorded: {done.out}{done.err}")
        run.watch()
        run.check_same()
    said = run.report()
    run.test.check((said["unreadable"], said["cases_inventory"], said["recorded"]) == (0, 0, 1), f"still open: {said}")
    run.office.skp(COUNSELLOR, "counsellor", "letters", run.office.path("brieven.csv")).must()
    run.test.check(rows_of(run.office.path("brieven.csv")) == [], "the letter is still to be written")


def check_receipts(run):
    for oin in (COUNSELLOR, CREDITOR):
        folder = run.office.path(f"bewijzen-{oin}")
        run.office.skp(oin, "receipts", "--out", folder).must()
        paths = glob.glob(f"{folder}/*.receipt")
        run.test.check(len(paths) >= 4, f"{oin} has {len(paths)} receipts")
        for path in paths:
            run.office.skp(oin, "verify-receipt", path).must()


def body(test):
    run = Round(test)
    a_renewed_key(run)
    a_lost_key(run)
    a_key_that_stays_wrong(run)
    check_receipts(run)
    test.check(run.office.broker.stop() == 0, "skpd does not stop")
    run.office.broker.verify_store()
    test.check_logs(run.office.broker.log_path)


Test("test_reseal").run(body)
