#!/usr/bin/env python3
"""Runs a peer's client beside its server and prints one line of key=value.

  meter.py PEER BENCH SERVER_PROCESS DATA_FOLDER DURABLE CLIENT

srv_cpu_s is user and system time of the server's process tree; rss_mb the peak of its memory (proportional set size,
4 times a second); disk_mb the peak of what the data folder takes (once a second: short runs are seen too rarely);
flushes what the block device was asked to flush, whole machine; other_cpu_s CPU of neither side: large means disturbed.
"""

import os
import re
import subprocess
import sys
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
PSS_S = 0.25
DISK_EVERY = 4


def stat_fields(pid):
    """What follows the name in /proc/PID/stat; None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            text = file.read()
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()


def tree(root):
    """The fields of a process and all below it, by id."""
    fields = {int(name): stat_fields(name) for name in os.listdir("/proc") if name.isdigit()}
    found, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        if fields.get(pid):
            found[pid] = fields[pid]
            waiting += [child for child, of in fields.items() if of and int(of[1]) == pid]
    return found


def cpu_s(root):
    return sum(sum(map(int, fields[11:15])) for fields in tree(root).values()) / TICKS


def pss_mb(root):
    total = 0
    for pid in tree(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total / 1024


def disk_mb(folder):
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except OSError:
                pass
    return total / (1 << 20)


def flushes(folder):
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/diskstats") as file:
        for line in file:
            fields = line.split()
            if f"{fields[0]}:{fields[1]}" == wanted and len(fields) > 18:
                return int(fields[18])
    return 0


def machine_cpu_s():
    with open("/proc/stat") as file:
        fields = [int(word) for word in file.readline().split()[1:]]
    return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / TICKS


class Peaks(threading.Thread):
    def __init__(self, root, folder):
        super().__init__(daemon=True)
        self.root, self.folder, self.ended = root, folder, False
        self.pss, self.disk = 0.0, 0.0

    def look(self, disk=True):
        self.pss = max(self.pss, pss_mb(self.root))
        if disk:
            self.disk = max(self.disk, disk_mb(self.folder))

    def run(self):
        count = 0
        while not self.ended:
            self.look(count % DISK_EVERY == 0)
            count += 1
            time.sleep(PSS_S)


def main():
    peer, bench, root, folder, durable = sys.argv[1:6]
    root = int(root)
    peaks = Peaks(root, folder)
    busy, server, flushed = machine_cpu_s(), cpu_s(root), flushes(folder)
    peaks.start()
    client = subprocess.run(sys.argv[6:], stdout=subprocess.PIPE, text=True)
    busy, server, flushed = machine_cpu_s() - busy, cpu_s(root) - server, flushes(folder) - flushed
    peaks.ended = True
    peaks.join()
    peaks.look()
    said = dict(re.findall(r"(\w+)=(\S+)", client.stdout.partition("CLIENT")[2]))
    if client.returncode != 0 or not said:
        sys.exit(f"{peer}: the client left with {client.returncode}")
    other = max(0.0, busy - server - float(said["cli_cpu_s"]))
    print(f"peer={peer} bench={bench} wall_s={said['wall_s']} msgs_per_s={said['msgs_per_s']} srv_cpu_s={server:.2f} "
          f"cli_cpu_s={said['cli_cpu_s']} rss_mb={peaks.pss:.0f} disk_mb={peaks.disk:.1f} flushes={flushed} "
          f"durable_ack={durable} ok={said['ok']} msgs={said['msgs']} dups={said['dups']} other_cpu_s={other:.2f}")


if __name__ == "__main__":
    main()
