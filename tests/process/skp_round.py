"""Requests and answers of one counsellor and one creditor, by CSV and skp on both sides."""
import csv
import glob
import io
import os

from process_testing import make_certs
from skp_office import COUNSELLOR, CREDITOR, CREDITOR_NAME, SkpOffice

COLUMNS = ("Dossier", "TypeSchuldregeling", "Begeleiding", "Peildatum", "GemeenteOIN", "Geslacht", "Achternaam",
           "Geboortedatum", "Straat", "Huisnummer", "Postcode", "Woonplaats", "Schuldeiser", "SoortVordering", "Bedrag",
           "Slot")


def rows_of(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def write_rows(path, rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        file.write(out.getvalue())


class Round:
    def __init__(self, test):
        self.test, self.office = test, SkpOffice(test).open()
        self.folders, self.said = 0, None

    def write_dossiers(self, *dossiers):
        path = self.office.path("aanmelding.csv")
        write_rows(path, [dict(zip(COLUMNS, (
            dossier, "SK", "budgetbeheer", "02-11-2026", COUNSELLOR, "V", f"Verzonnen-{dossier}", "05-05-1988",
            "Proefstraat", "1", "1234AB", "Proefstad", CREDITOR_NAME, "zorgpremie", "12,50", "x"))) for dossier in dossiers])
        return path

    def register(self, *dossiers):
        self.office.skp(COUNSELLOR, "counsellor", "register", self.write_dossiers(*dossiers)).must()

    def collect(self, *codes):
        """The rows of all lists that were written, and the result of skp; self.said is all it said."""
        self.folders += 1
        folder = self.office.path(f"lijsten-{self.folders}")
        done = self.office.skp(CREDITOR, "creditor", "collect", "--out", folder, "--json").must(*codes)
        self.lists = sorted(glob.glob(f"{folder}/*.csv"))
        self.said = done
        return [row for path in self.lists for row in rows_of(path)], done.json()

    def send_back(self, *codes):
        for path in self.lists:
            self.office.skp(CREDITOR, "creditor", "answer", path).must(*codes)

    def watch(self, *codes):
        return self.office.skp(COUNSELLOR, "counsellor", "watch", "--once", "--out", self.office.path("terug"),
                               "--json").must(*codes)

    def report(self):
        return self.office.skp(COUNSELLOR, "counsellor", "report", "--json").must().json()

    def renew_key(self):
        """The certificate of before."""
        make_certs(self.office.pki, "--renew", f"{CREDITOR}/enc")
        old = glob.glob(f"{self.office.pki}/participants/{CREDITOR}/enc-*.pem")
        return max(old, key=os.path.getmtime)

    def answer_all(self, rows):
        for row in rows:
            row["OpenstaandBedrag"] = "10,00"
        write_rows(self.office.path("antwoord.csv"), rows)
        self.office.skp(CREDITOR, "creditor", "answer", self.office.path("antwoord.csv")).must()

    def check_same(self):
        self.office.skp(COUNSELLOR, "counsellor", "verify").must()

    def check_unreadable(self, rows, count):
        names = [row for row in rows if row["Achternaam"]]
        self.test.check(len(rows) == count and not names, f"not {count} rows without names: {rows}")
        self.test.check(all(row["Onleesbaar"] == "Ja" for row in rows), f"not filled in: {rows}")
        self.test.check(all(row["Status"] == "onleesbaar voor schuldeiser" for row in rows), f"status: {rows}")

    def check_read(self, rows, *dossiers):
        self.test.check({row["Achternaam"] for row in rows} == {f"Verzonnen-{d}" for d in dossiers}, f"names: {rows}")
        self.test.check(not any(row["Onleesbaar"] for row in rows), f"filled in: {rows}")
