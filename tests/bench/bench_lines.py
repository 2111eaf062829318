"""Lines of key=value: reading, the median of several runs, writing. A line is a dict in the order of its keys."""

import json as json_module
import re

NUMBER = re.compile(r"-?\d+(\.\d+)?$")


def parse(text):
    lines = []
    for row in text.splitlines():
        line = dict(word.split("=", 1) for word in row.split() if "=" in word)
        if line:
            lines.append(line)
    return lines


def is_number(value):
    return bool(NUMBER.match(value))


def name_of(line):
    """What it measured: everything that is no number."""
    return tuple((key, value) for key, value in line.items() if not is_number(value))


def middle(values):
    """As it was written; of an even count the higher one."""
    return sorted(values, key=float)[len(values) // 2]


def median(lines):
    """Of lines of one name: the median of each number, the least ok."""
    line = {}
    for key, value in lines[0].items():
        values = [other[key] for other in lines]
        line[key] = min(values) if key == "ok" else middle(values) if is_number(value) else value
    return line


def medians(lines, runs):
    """One line per name, in the order of their first; `runs` says how many there should have been."""
    groups = {}
    for line in lines:
        groups.setdefault(name_of(line), []).append(line)
    return [dict(median(group), runs=str(len(group)), **({} if len(group) >= runs else {"missing": "yes"}))
            for group in groups.values()]


def text(line, json=False):
    if not json:
        return " ".join(f"{key}={value}" for key, value in line.items())
    return json_module.dumps({key: float(value) if is_number(value) else value for key, value in line.items()})
