#!/usr/bin/python3
"""Files as offices hand them in: written by another program, saved by a spreadsheet, sorted, cut, with bad rows in
between. One bad row never stops a file: it comes back with its line number, a code and a Dutch sentence.

usage: test_files.py BUILD [--seed N]
"""
import csv
import io
import os

from process_testing import Test
from skp_office import COUNSELLOR, CREDITOR, CREDITOR_NAME, OTHER_NAME, SkpOffice

SOME = 1
CASE = {"TypeSchuldregeling": "SK", "Begeleiding": "budgetcoaching", "Peildatum": "2-11-2026", "GemeenteOIN": COUNSELLOR,
        "Geslacht": "V", "Voorletters": "L.", "Achternaam": "Proefpersoon", "Geboortedatum": "4-12-1971",
        "Straat": "Proefstraat", "Huisnummer": "1", "Postcode": "1312 ab", "Woonplaats": "Proefstad",
        "Schuldeiser": CREDITOR_NAME, "SoortVordering": "zorgpremie", "KlantnummerSE": "", "Factuurnummer": "",
        "Bedrag": "", "Dossier": "", "Slot": "x"}

# Dossier, what differs, and what the result file says of the line: status, code, the column that the sentence names.
REGISTRATION = (
    ("D1", {"Voornamen": "Loïs", "Straat": "Laan; achter", "KlantnummerSE": "'00071", "Bedrag": "€ 1.234,5"},
     "aangemeld", "", ""),
    ("D1", {"Voornamen": "Loïs", "Straat": "Laan; achter", "Schuldeiser": OTHER_NAME, "Bedrag": "12.34"},
     "geweigerd", "VALUE_INVALID", "Bedrag"),
    ("D2", {"Postcode": "99"}, "geweigerd", "POSTCODE_INVALID", "Postcode"),
    ("D3", {"GemeenteOIN": "9,9E+13"}, "geweigerd", "OIN_FORMAT", "GemeenteOIN"),
    ("D4", {"Achternaam": "=cmd|' /C calc'!A0", "Factuurnummer": "=1+1", "KlantnummerSE": "71"}, "aangemeld", "", ""),
    ("D5", None, "geweigerd", "CSV_LINE", ""),
    ("D6", {"Schuldeiser": "Garage Onbekend (test)"}, "per brief", "", ""),
    ("D7", {"Peildatum": "31-02-2026"}, "geweigerd", "DATE_INVALID", "Peildatum"),
    ("D8", {}, "geweigerd", "VALUE_INVALID", "regel 11"),
    ("D8", {"Begeleiding": "iets"}, "geweigerd", "ENUM_VALUE", "Begeleiding"),
)


def table(header, rows, end="\r\n"):
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator=end).writerows([header, *rows])
    return out.getvalue()


def rows_of(path):
    """The rows of a file that skp wrote, and what holds for all of them."""
    with open(path, "rb") as file:
        data = file.read()
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\n") == data.count(b"\r\n"), path
    assert os.stat(path).st_mode & 0o777 == 0o600, path
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))


def registration():
    columns = list(CASE | {"Voornamen": ""})
    rows = [[(CASE | {"Dossier": dossier} | changes).get(name, "") for name in columns] if changes is not None
            else [dossier, "too", "short"] for dossier, changes, *_ in REGISTRATION]
    return table(columns, rows)


def check_registration(test, office):
    path = office.write("aanmelding.csv", registration(), "cp1252")
    done = office.skp(COUNSELLOR, "counsellor", "register", path, "--result", office.path("resultaat.csv")).must(SOME)
    rows = rows_of(office.path("resultaat.csv"))
    results = {int(row["Regel"]): row for row in rows}
    test.check([int(row["Regel"]) for row in rows] == list(range(2, 2 + len(REGISTRATION))), f"rows: {rows}")
    for line, (dossier, _, status, code, column) in enumerate(REGISTRATION, 2):
        row = results.get(line)
        test.check(row, f"line {line} ({dossier}) is not in the result file: {done.out}{done.err}")
        test.check((row["Status"], row["Code"]) == (status, code), f"line {line} ({dossier}): {row}")
        test.check(column in row["Melding"], f"line {line}: the sentence does not name {column}: {row}")
        test.check(bool(row["Melding"] and row["Oplossing"]) == bool(code), f"line {line}: sentence or remedy: {row}")
        test.check(not code or row["Dossier"].strip("'") in (dossier, ""), f"line {line}: whose row: {row}")
    test.check("1234,56" in results[3]["Oplossing"], f"no form of an amount: {results[3]}")
    test.check("budgetcoaching" in results[11]["Oplossing"], f"not the words that are allowed: {results[11]}")
    test.row("rows", len(REGISTRATION), "rows in Windows-1252, of which bad ones came back with line, code and sentence")


def check_again(test, office):
    """The same file again, as UTF-8 without mark and with LF: nothing is registered twice."""
    text = registration().replace("\r\n", "\n")
    path = office.write("nogmaals.csv", text)
    office.skp(COUNSELLOR, "counsellor", "register", path, "--result", office.path("nogmaals-resultaat.csv")).must(SOME)
    again = {int(row["Regel"]): row["Status"] for row in rows_of(office.path("nogmaals-resultaat.csv"))}
    test.check((again[2], again[6]) == ("al aangemeld", "al aangemeld"), f"registered again: {again}")


def spreadsheet(rows):
    """Opened, filled in, sorted, a row thrown away and zeros eaten, saved without mark in Windows-1252."""
    header = sorted(rows[0])
    for row in rows:
        row["OpenstaandBedrag"] = "1.234,5" if row["Voornamen"] == "Loïs" else "12.34"
        row["KlantnummerSHV"] = row["KlantnummerSHV"].lstrip("'0")
    rows.sort(key=lambda row: row["Achternaam"], reverse=True)
    return table(header, [[row[name] for name in header] for row in rows], "\n"), [row["Voornamen"] for row in rows]


def check_list(test, office):
    office.ctl("clock", "advance", "--to", "2026-11-02T12:00").must()
    office.skp(CREDITOR, "creditor", "collect", "--out", office.path("lijsten")).must()
    (name,) = os.listdir(office.path("lijsten"))
    test.check("Loïs" not in name and "Proefpersoon" not in name, f"a name in a file name: {name}")
    rows = rows_of(os.path.join(office.path("lijsten"), name))
    test.check(len(rows) == 2, f"the list has {len(rows)} rows")
    by_name = {row["Voornamen"]: row for row in rows}
    test.check(by_name["Loïs"]["Straat"] == "Laan; achter", "the quoted separator is lost")
    test.check(by_name["Loïs"]["KlantnummerSEVolgensSHV"] == "'00071", f"leading zeros: {by_name['Loïs']}")
    test.check(by_name["Loïs"]["BedragVolgensSHV"] == "1234,50", f"amount: {by_name['Loïs']}")
    test.check(by_name[""]["Achternaam"] == "'=cmd|' /C calc'!A0", f"a formula is not neutralised: {by_name['']}")
    test.check(by_name[""]["FactuurnummerVolgensSHV"] == "'=1+1", f"a formula is not neutralised: {by_name['']}")
    for row in rows:
        for cell in row.values():
            test.check(not cell or cell[0] not in "=+-@", f"a spreadsheet would run {cell}")
    return rows


def check_answers(test, office, rows):
    text, order = spreadsheet(rows)
    path, result = office.write("antwoord.csv", text, "cp1252"), office.path("antwoord-resultaat.csv")
    office.skp(CREDITOR, "creditor", "answer", path, "--result", result).must(SOME)
    results = {int(row["Regel"]): row for row in rows_of(result)}
    good, bad = order.index("Loïs") + 2, order.index("") + 2
    test.check(results[good]["Status"] == "aangemeld", f"the good answer: {results}")
    test.check((results[bad]["Status"], results[bad]["Code"]) == ("geweigerd", "VALUE_INVALID"), f"{results}")
    test.check("OpenstaandBedrag" in results[bad]["Melding"], f"the bad answer does not name its column: {results}")
    office.skp(COUNSELLOR, "counsellor", "watch", "--once", "--out", office.path("terug")).must()
    answers = [row for row in rows_of(office.path("terug/antwoorden.csv")) if row["Bedrag"]]
    test.check([(row["Dossier"].strip("'"), row["Bedrag"]) for row in answers] == [("D1", "1234,50")], f"{answers}")


def body(test):
    office = SkpOffice(test).open()
    check_registration(test, office)
    check_again(test, office)
    check_answers(test, office, check_list(test, office))
    test.check_logs(office.broker.log_path)


Test("test_files").run(body)
