"""A real skpd in a folder of its own: certificates by certs/make, a new store, a free port, the control socket."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

BROKER = "00000099000000000001"
START_SECONDS = 60


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    def __init__(self, skpd, certs_make, participants):
        """participants: arguments of certs/make."""
        self.skpd, self.process = skpd, None
        self.folder = tempfile.mkdtemp(prefix="skp-round-")
        self.pki = os.path.join(self.folder, "pki")
        subprocess.run([certs_make, self.pki, *participants], check=True, timeout=120)
        self.address = ("127.0.0.1", _free_port())
        self.control_path = os.path.join(self.folder, "control.sock")
        self.log = open(os.path.join(self.folder, "skpd.log"), "ab")  # closed by remove()
        self._write_config()

    def _write_config(self):
        files = {"ca_file": "ca.pem", "crl_file": "crl.pem", "tls_cert": "broker/tls.pem",
                 "tls_key": "broker/tls.key", "sign_cert": "broker/sign.pem", "sign_key": "broker/sign.key"}
        self.config = os.path.join(self.folder, "skpd.conf")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(f"store_path = {self.folder}/store.db\n"
                      f"control_socket = {self.control_path}\n"
                      f"listen = {self.address[0]}:{self.address[1]}\n"
                      "play = yes\n")
            out.writelines(f"{name} = {self.pki}/{file}\n" for name, file in files.items())

    def start(self):
        self.process = subprocess.Popen([self.skpd, "--config", self.config], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.control("status")
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"skpd did not start, exit code {self.process.poll()}")

    def stop(self):
        """Asks it to stop, as an operator does; the exit code."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.terminate()
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def control(self, command, **arguments):
        """One command of the control socket: the answer, which must be a good one."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(60)
            door.connect(self.control_path)
            door.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            answer = json.loads(door.makefile("rb").readline())
        if not answer["ok"]:
            raise RuntimeError(f"{command}: {answer['error']}")
        return answer

    def pass_working_days(self, count, seconds=60):
        """Moves the business clock; it stops at each deadline on the way until that was acted on."""
        answer = self.control("clock.advance", working_days=count)
        deadline = time.monotonic() + seconds
        while not answer["reached"]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the clock stands still: {answer}")
            time.sleep(0.02)
            answer = self.control("clock.advance", to=answer["target"])

    def verify_store(self):
        """The exit code of skpd reading its whole store again."""
        return subprocess.run([self.skpd, "--config", self.config, "--verify-store"], stdout=self.log,
                              stderr=self.log, timeout=120, check=False).returncode

    def last_words(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-40:])

    def remove(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.folder)
