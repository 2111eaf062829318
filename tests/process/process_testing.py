"""Real processes for tests: certificates, skpd and load clients, on loopback, in a folder of their own.

Used by the test_*.py of this folder. Everything lives in one temporary folder, which is removed when the
test went well and kept, and named, when it did not.
"""
import argparse
import contextlib
import fcntl
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BROKER_OIN = "00000099000000000001"
COUNSELLORS = ["00000099000000001000", "00000099000000001001", "00000099000000001002", "00000099000000001003"]
CREDITORS = ["00000099000000002000", "00000099000000002001", "00000099000000002002", "00000099000000002003"]
NEWCOMER = "00000099000000003000"
ROLES = {oin: "counsellor" for oin in COUNSELLORS} | {oin: "creditor" for oin in CREDITORS}

# What a sanitizer or an assert leaves behind in a log.
BAD_WORDS = ["AddressSanitizer", "runtime error:", "LeakSanitizer", "Assertion", "engine_failed"]


class Failure(Exception):
    """Something the test says in one sentence."""


def need(condition, sentence):
    if not condition:
        raise Failure(sentence)


# Cases are told complete a while after their last answer (FOLD_PAUSE_MS of the broker); a little more than that.
FOLD_PAUSE_S = 0.5


def wait_until(what, condition, seconds=30.0, pause=0.02):
    end = time.monotonic() + seconds
    while not (value := condition()):
        need(time.monotonic() < end, f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return value


def cpu_seconds(pid):
    """What a process has used so far, in user and kernel mode."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port(rng):
    """Below the ephemeral range: a client that dials a dead broker's port could otherwise be given that very
    port as its own and be connected to itself."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        low = int(file.read().split()[0])
    for _ in range(200):
        port = rng.randrange(low // 2, low)
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise Failure("no free port below the ephemeral range")


# ---------------------------------------------------------------- certificates


def make_certs(folder, *arguments):
    done = subprocess.run([os.path.join(SOURCE, "certs/make"), folder, *arguments], capture_output=True, text=True)
    need(done.returncode == 0, f"certs/make {' '.join(arguments)}: {done.stderr}")


def new_pki(build, folder):
    """A copy of the certificates that were made once for this build folder, to renew and revoke at will."""
    cache = os.path.join(build, "tests/process/pki")
    os.makedirs(os.path.dirname(cache), exist_ok=True)
    with open(cache + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_certs(cache, *COUNSELLORS, *CREDITORS[1:], "--rsa", CREDITORS[0])
        shutil.copytree(cache, folder)
    return folder


# ---------------------------------------------------------------- the broker


class Broker:
    def __init__(self, build, folder, pki, port, **settings):
        self.binary = os.path.join(build, "broker/skpd")
        self.folder, self.pki, self.port = folder, pki, port
        os.makedirs(folder, exist_ok=True)
        self.log_path = os.path.join(folder, "skpd.log")
        self.config_path = os.path.join(folder, "skpd.conf")
        self.control_path = os.path.join(folder, "control.sock")
        self.store_path = os.path.join(folder, "store.db")
        self.process = None
        self.notify = None
        self.prefix = []  # a command that runs skpd in its own process: prlimit, strace -D
        self.environment = {}
        self.settings = {
            "store_path": self.store_path,
            "listen": f"127.0.0.1:{port}",
            "control_socket": self.control_path,
            "ca_file": f"{pki}/ca.pem",
            "crl_file": f"{pki}/crl.pem",
            "tls_cert": f"{pki}/broker/tls.pem",
            "tls_key": f"{pki}/broker/tls.key",
            "sign_cert": f"{pki}/broker/sign.pem",
            "sign_key": f"{pki}/broker/sign.key",
        } | settings
        self.write_config(self.settings)

    def write_config(self, settings):
        with open(self.config_path, "w") as file:
            file.writelines(f'{name} = "{value}"\n' for name, value in settings.items())

    def spawn(self):
        """Starts skpd and returns at once; wait_ready() waits for its READY=1."""
        need(self.process is None, "the broker already runs")
        path = os.path.join(self.folder, "notify.sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        if self.notify:
            self.notify.close()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, self.binary, "--config", self.config_path],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=os.environ | {"NOTIFY_SOCKET": path} | self.environment)

    def wait_ready(self, seconds=30.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.notify], [], [], 0.05)[0] and b"READY=1" in self.notify.recv(4096):
                return
            need(self.process.poll() is None, f"skpd left at start with {self.process.returncode}:\n{self.log_tail()}")
        raise Failure(f"skpd is not ready after {seconds:.0f} s:\n{self.log_tail()}")

    def start(self):
        self.spawn()
        self.wait_ready()
        return self

    def kill(self):
        """kill -9; it must have been alive until then."""
        code = self.process.poll()
        need(code is None, f"skpd left by itself with {code}:\n{self.log_tail()}")
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self, seconds=30.0):
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"skpd does not stop within {seconds:.0f} s:\n{self.log_tail()}") from None
        self.process = None
        return code

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def admin(self, command, **arguments):
        """One command over the control socket; a refusal is a Failure."""
        answer = self.admin_raw(command, **arguments)
        need(answer.get("ok"), f"{command} was refused: {answer}")
        return answer

    def admin_raw(self, command, **arguments):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(30)
            stream.connect(self.control_path)
            stream.sendall(json.dumps({"command": command} | arguments).encode() + b"\n")
            with stream.makefile("rb") as lines:
                return json.loads(lines.readline())

    def add_participant(self, oin, role, **more):
        self.admin("participant.add", oin=oin, name=f"TEST {role} {oin}", roles=[role], **more)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def log_tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    def verify_store(self):
        done = subprocess.run([self.binary, "--config", self.config_path, "--verify-store"], capture_output=True,
                              text=True)
        need(done.returncode == 0, f"--verify-store left with {done.returncode}:\n{done.stderr}")


# ---------------------------------------------------------------- load clients


class Client:
    """One load_client: told what to do by lines on stdin, telling how it stands by lines on stdout."""

    def __init__(self, build, folder, pki, port, oin, role, peers, seed, *options):
        self.oin, self.role = oin, role
        self.history_path = os.path.join(folder, f"{oin}.history")
        self.log_path = os.path.join(folder, f"{oin}.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(build, "tests/process/load_client"), "--role", role, "--oin", oin, "--pki", pki,
                 "--port", str(port), "--peers", str(peers), "--seed", str(seed), "--history", self.history_path,
                 "--head", os.path.join(folder, f"{oin}.head"), *options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)

    def tell(self, word):
        self.process.stdin.write(word + "\n")

    def hear(self, seconds=60.0):
        ready = select.select([self.process.stdout], [], [], seconds)[0]
        line = self.process.stdout.readline().strip() if ready else ""
        need(line, f"load client {self.oin} says nothing: exit {self.process.poll()}, log:\n{self.log()}")
        return line

    def wait_ready(self):
        need(self.hear() == "ready", f"load client {self.oin} is not ready")

    def status(self):
        """How many batches and collects are under way, how many batches were acknowledged, and so on."""
        self.tell("status")
        return {name: int(value) for name, value in (word.split("=") for word in self.hear().split())}

    def finish(self):
        self.tell("finish")
        code = self.process.wait(60)
        need(code == 0, f"load client {self.oin} left with {code}:\n{self.log()}")

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def history(self):
        with open(self.history_path) as file:
            return [json.loads(line) for line in file]


# ---------------------------------------------------------------- a whole post office


class Office:
    """A broker with participants and a load client for each."""

    def __init__(self, test, counsellors, creditors, options=(), **settings):
        self.test = test
        self.pki = new_pki(test.build, os.path.join(test.folder, "pki"))
        self.broker = Broker(test.build, os.path.join(test.folder, "broker"), self.pki, free_port(test.rng), **settings)
        test.on_exit(self.end)
        self.oins = COUNSELLORS[:counsellors] + CREDITORS[:creditors]
        self.peers = {"counsellor": creditors, "creditor": counsellors}
        self.options = options
        self.client_port = None  # where clients connect, when that is not the broker itself
        self.clients = []

    def open(self):
        self.broker.start()
        for oin in self.oins:
            self.broker.add_participant(oin, ROLES[oin], bsn_entitled=True)
        for oin in self.oins:
            self.add_client(oin, *self.options)
        for client in self.clients:
            client.wait_ready()
        return self

    def add_client(self, oin, *options):
        role = ROLES[oin]
        port = self.client_port or self.broker.port
        client = Client(self.test.build, self.test.folder, self.pki, port, oin, role, self.peers[role],
                        self.test.rng.getrandbits(32), *options)
        self.clients.append(client)
        return client

    def tell(self, word):
        for client in self.clients:
            client.tell(word)

    def wait_acked(self, seconds):
        """Until somebody writes down that a batch was acknowledged, or the time is over."""
        end = time.monotonic() + seconds
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(open(client.history_path)) for client in self.clients]
            for file in files:
                file.seek(0, os.SEEK_END)
            while time.monotonic() < end and not any('"e":"ok"' in file.read() for file in files):
                time.sleep(0.005)

    def total(self, name):
        return sum(client.status()[name] for client in self.clients)

    def sessions(self):
        return sum(row["state"] == "up" for row in self.broker.admin("sessions")["rows"])

    def look(self):
        """Every client is alive and at peace with the broker."""
        for client in self.clients:
            status = client.status()
            need(not status["stopped"], f"client {client.oin} gave up; see {client.history_path}")
            need(not status["problems"], f"client {client.oin} has problems; see {client.history_path}")

    def drain(self, seconds=60.0):
        """No new cases; waits until every batch has its receipt, every mailbox is empty and nobody collects."""
        self.tell("stop")
        before, since = None, 0.0

        def quiet():
            nonlocal before, since
            now = [client.status() for client in self.clients]
            waiting = self.broker.admin("status")["waiting_in_mailboxes"]
            if now != before or waiting != 0 or any(s["outstanding"] or s["collecting"] for s in now):
                before, since = now, time.monotonic()
            return time.monotonic() - since > FOLD_PAUSE_S

        try:
            wait_until("draining", quiet, seconds, pause=0.1)
        except Failure as failure:
            raise Failure(f"{failure}\nclients: {before}\nmailboxes: {self.broker.admin('mailbox.list')['rows']}\n"
                          f"sessions: {self.broker.admin('sessions')['rows']}") from None

    def finish(self):
        """Ends the clients and gives their histories by OIN."""
        for client in self.clients:
            client.finish()
        histories = {client.oin: client.history() for client in self.clients}
        self.clients = []
        return histories

    def end(self):
        for process in [self.broker.process] + [client.process for client in self.clients]:
            if process and process.poll() is None:
                process.kill()
                process.wait()


# ---------------------------------------------------------------- a test


class Test:
    """One test program: arguments, seed, folder, the table at the end and the exit code."""

    def __init__(self, name, arguments=()):
        parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
        parser.add_argument("build", help="build folder")
        parser.add_argument("--seed", type=int, help="repeat a run (its choices; the scheduler has its own)")
        for flag, options in arguments:
            parser.add_argument(flag, **options)
        self.arguments = parser.parse_args()
        self.name, self.build = name, os.path.abspath(self.arguments.build)
        self.seed = self.arguments.seed if self.arguments.seed is not None else random.SystemRandom().getrandbits(32)
        self.rng = random.Random(self.seed)
        self.folder = tempfile.mkdtemp(prefix="skp-")
        self.checks, self.rows, self.exits = 0, [], []

    def on_exit(self, function):
        self.exits.append(function)

    def check(self, condition, sentence):
        """One promise; the first that does not hold ends the test."""
        need(condition, sentence)
        self.checks += 1

    def met(self, codes):
        """These codes of proto/errors.def came from the broker, as tests/testing.h test_met(): for check_error_codes."""
        if folder := os.environ.get("SKP_CODES_MET"):
            with open(os.path.join(folder, f"process_{self.name}"), "a") as file:
                file.writelines(f"{code}\n" for code in sorted(codes))

    def row(self, key, value, words):
        """For the table at the end, and where there is a key for the key=value lines."""
        self.rows.append((key, value, words))

    def check_logs(self, *paths):
        for path in paths:
            with open(path, errors="replace") as file:
                text = file.read()
            for word in BAD_WORDS:
                need(word not in text, f"{path}: {word}:\n{text[max(0, text.find(word) - 2000):][:6000]}")

    def run(self, body):
        started, failure = time.monotonic(), None
        try:
            body(self)
        except Failure as error:
            failure = error
        except Exception:  # a fault of the test itself: as loud, and with the same last lines
            failure = traceback.format_exc()
        finally:
            for function in reversed(self.exits):
                function()
        self.print_table()
        seconds = time.monotonic() - started
        if failure:
            print(f"\n{failure}\n\n{self.name}: FAILED seed={self.seed}, files are in {self.folder}\n"
                  f"again: {' '.join(sys.argv[:2])} --seed {self.seed}")
            sys.exit(1)
        shutil.rmtree(self.folder)
        print(f"{self.name}: ok, {self.checks} checks in {seconds:.1f} s, seed={self.seed}")

    def print_table(self):
        if not self.rows:
            return
        width = max(len(words) for _, _, words in self.rows)
        print("\n".join(f"  {words:<{width}}  {value}" for _, value, words in self.rows) + "\n")
        print("\n".join(f"{key}={value}" for key, value, _ in self.rows if key))
