#!/usr/bin/python3
"""A broker that cannot start says in one sentence why, and leaves with the exit code of sysexits.h; the one that
runs beside it is not disturbed.

usage: test_refusals.py BUILD [--seed N]
"""
import os
import sqlite3
import subprocess

from process_testing import COUNSELLORS, Broker, Test, free_port, new_pki

USAGE, DATA, UNAVAILABLE, IO, CONFIG = 64, 65, 69, 74, 78


def cases(folder, pki, running):
    """(what, settings over those of a healthy broker, exit code, words that must be in the one line)"""
    store = running.store_path
    other = f"{pki}/participants/{COUNSELLORS[0]}"
    damaged = f"{folder}/damaged.db"
    with open(damaged, "wb") as file:
        file.write(b"this is no database " * 500)
    return [
        ("a second broker on the same store", {"store_path": store}, IO,
         f"another broker has the store {store} open: stop that one first"),
        ("a port in use", {"listen": f"127.0.0.1:{running.port}"}, UNAVAILABLE,
         f"cannot listen on 127.0.0.1:{running.port}: Address already in use"),
        ("a control socket in use", {"control_socket": running.control_path}, UNAVAILABLE,
         "another broker answers here; stop it first"),
        ("an address that is not ours", {"listen": "192.0.2.1:7443"}, UNAVAILABLE, "cannot listen on 192.0.2.1:7443"),
        ("an unknown option", {"colour": "red"}, CONFIG, "colour: no such option"),
        ("a duration without unit", {"idle_timeout": "60"}, CONFIG, "idle_timeout: 60 is not a duration"),
        ("a number out of range", {"max_sessions": "0"}, CONFIG, "max_sessions: 0"),
        ("a control socket with too long a path", {"control_socket": f"/{'0' * 107}"}, CONFIG,
         "is too long; give a path of at most 107 bytes"),
        ("an unknown log level", {"log_level": "loud"}, CONFIG, "log_level: loud"),
        ("an option left out", {"tls_cert": None}, CONFIG, "tls_cert: is missing"),
        ("a missing certificate", {"tls_cert": "/nowhere/tls.pem"}, CONFIG, "/nowhere/tls.pem: cannot be opened"),
        ("a missing key", {"sign_key": "/nowhere/sign.key"}, CONFIG, "/nowhere/sign.key: cannot be opened"),
        ("the key of another certificate", {"tls_key": f"{pki}/broker/sign.key"}, CONFIG, "is not the key of"),
        ("a certificate for clients", {"tls_cert": f"{other}/tls.pem", "tls_key": f"{other}/tls.key"}, CONFIG,
         "extendedKeyUsage"),
        ("a signature certificate of another", {"sign_cert": f"{other}/sign.pem", "sign_key": f"{other}/sign.key"},
         CONFIG, COUNSELLORS[0]),
        ("no CRL in the CRL file", {"crl_file": f"{pki}/ca.pem"}, CONFIG, "holds no readable PEM CRL"),
        ("a missing CRL", {"crl_file": "/nowhere/crl.pem"}, CONFIG, "/nowhere/crl.pem"),
        ("a folder that is not there", {"store_path": f"{folder}/no/store.db"}, IO, f"{folder}/no/store.db"),
        ("a store that may not be made", {"store_path": f"{folder}/new.db", "create_store": "no"}, IO,
         f"{folder}/new.db"),
        ("a file that is no store", {"store_path": damaged}, DATA, damaged),
    ]


def start(test, running, settings, *arguments):
    path = os.path.join(test.folder, "refused.conf")
    with open(path, "w") as file:
        file.writelines(f'{name} = "{value}"\n' for name, value in settings.items() if value is not None)
    return subprocess.run([running.binary, "--config", path, *arguments], capture_output=True, text=True, timeout=20)


def check_refusal(test, running, what, settings, code, words):
    healthy = {"store_path": f"{test.folder}/{len(os.listdir(test.folder))}.db",
               "control_socket": f"{test.folder}/other.sock", "listen": f"127.0.0.1:{free_port(test.rng)}"}
    done = start(test, running, running.settings | healthy | settings)
    lines = [line for line in done.stderr.splitlines() if "Z info " not in line]
    test.check(done.returncode == code, f"{what}: left with {done.returncode}, not {code}: {done.stderr}")
    test.check(words in done.stderr, f"{what}: '{words}' is not in: {done.stderr}")
    test.check(len(lines) == 1, f"{what}: {len(lines)} lines instead of one: {done.stderr}")
    test.row(None, f"{code}  {lines[0].replace(test.folder, '...')[-100:]}", what)


def check_command_line(test, running):
    for arguments, code in ((["--nonsense"], USAGE), (["left", "over"], USAGE), (["--set", "nothing"], CONFIG),
                            (["--check"], 0), (["--print-config"], 0), (["--version"], 0), (["--help"], 0)):
        done = start(test, running, running.settings, *arguments)
        test.check(done.returncode == code, f"{arguments}: left with {done.returncode}, not {code}: {done.stderr}")
    done = subprocess.run([running.binary, "--config", "/nowhere/skpd.conf"], capture_output=True, text=True)
    test.check(done.returncode == CONFIG and "/nowhere/skpd.conf" in done.stderr,
               f"no configuration file: left with {done.returncode}: {done.stderr}")


def check_known_fault(test, running):
    """The one that runs has said, once, what its SQLite cannot do to it; Python and skpd load the same library."""
    said = [line for line in running.log().splitlines() if " library_fault_avoided " in line]
    wanted = [f"library=SQLite version={sqlite3.sqlite_version} "] if sqlite3.sqlite_version_info < (3, 51, 3) else []
    test.check(len(said) == len(wanted) and all(words in line for words, line in zip(wanted, said)),
               f"SQLite {sqlite3.sqlite_version}, and the start says {said}")


def body(test):
    pki = new_pki(test.build, os.path.join(test.folder, "pki"))
    running = Broker(test.build, os.path.join(test.folder, "broker"), pki, free_port(test.rng)).start()
    test.on_exit(lambda: running.process and running.process.kill())
    for case in cases(test.folder, pki, running):
        check_refusal(test, running, *case)
    test.row("refusals", len(test.rows), "refusals")
    check_command_line(test, running)
    check_known_fault(test, running)
    test.check(running.admin("status")["play"] is False, "the broker that runs was disturbed")
    test.check(running.stop() == 0, "the broker that runs does not stop with 0")
    test.check_logs(running.log_path)


Test("test_refusals").run(body)
