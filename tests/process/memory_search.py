"""Searches all memory of a process, and all files of a folder, for texts in any usual dress."""
import base64
import os

from process_testing import need

CHUNK = 4 << 20
SHADOW = 1 << 40  # nothing but a sanitizer's shadow is so large: notes about bytes, not the bytes
PAGE = os.sysconf("SC_PAGE_SIZE")
PRESENT = 1 << 63 | 1 << 62  # of a pagemap entry: in memory or swapped out


def dresses(text):
    """The bytes to look for: as it is, UTF-16, hex, and base64 at each of its three alignments."""
    raw = text.encode()
    found = {raw, text.encode("utf-16-le"), raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        code = base64.b64encode(b"\0" * shift + raw)
        found.add(code[4 if shift else 0:len(code) - 4])
    return found


class Search:
    def __init__(self, texts):
        self.needles = [(text, dress) for text in texts for dress in dresses(text)]
        self.overlap = max(len(dress) for _, dress in self.needles) - 1
        self.bytes = 0

    def look_at(self, chunks, place, found):
        tail = b""
        for chunk in chunks:
            self.bytes += len(chunk)
            window = tail + chunk
            found.extend((text, place) for text, dress in self.needles if dress in window)
            tail = window[-self.overlap:]

    def folder(self, path):
        """[(text, where)] in all files below; files that vanish meanwhile were looked at as far as they went."""
        found = []
        for parent, _, names in os.walk(path):
            for name in names:
                whole = os.path.join(parent, name)
                if os.path.isfile(whole):
                    with open(whole, "rb") as file:
                        self.look_at(iter(lambda: file.read(CHUNK), b""), whole, found)
        return found

    def process(self, pid):
        """[(text, where)] in every readable page of the process that exists."""
        found = []
        with open(f"/proc/{pid}/maps") as maps:
            regions = [line.split(None, 5) for line in maps]
        with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/pagemap", "rb", 0) as pagemap:
            for fields in regions:
                name = fields[5].strip() if len(fields) > 5 else "anonymous"
                start, end = (int(part, 16) for part in fields[0].split("-"))
                if "r" in fields[1] and end - start < SHADOW and name not in ("[vvar]", "[vsyscall]"):
                    self.look_at(present(memory, pagemap, start, end), name, found)
        need(self.bytes > 1 << 20, f"the memory of {pid} could not be read")
        return found


def present(memory, pagemap, start, end):
    """The bytes of those pages that exist; reading the others would make them."""
    step = 1 << 30
    for base in range(start, end, step):
        pages = (min(base + step, end) - base) // PAGE
        entries = memoryview(os.pread(pagemap.fileno(), pages * 8, base // PAGE * 8)).cast("Q")
        first = None
        for index in range(len(entries) + 1):
            exists = index < len(entries) and entries[index] & PRESENT
            if exists and first is None:
                first = index
            if first is not None and (not exists or (index - first) * PAGE >= CHUNK):
                yield os.pread(memory.fileno(), (index - first) * PAGE, base + first * PAGE)
                first = index if exists else None
