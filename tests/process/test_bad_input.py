#!/usr/bin/python3
"""Every kind of bad input that tests/BAD_INPUT.md lists, sent to a real skpd over TLS by somebody who wrote the client
from proto/PROTOCOL.md: it gets its code, path, sentence and remedy, no value is ever echoed, the session stays or
ends as documented, and an honest participant beside it does not notice.

usage: test_bad_input.py BUILD [--seed N] [--only CHAPTER]
"""
import time
import traceback

import bad_frames
import bad_identity
import bad_wire
from bad_scene import Judge, Neighbour, Scene, check_end
from process_testing import Test

MODULES = (bad_frames, bad_wire, bad_identity)


def play(scene, chapter):
    started = time.monotonic()
    try:
        chapter(scene)
    except Exception:
        traceback.print_exc()
        scene.story.says(f"{chapter.__name__} comes to its end", False)
    print(f"  {time.monotonic() - started:5.1f} s  {chapter.__doc__.splitlines()[0]}", flush=True)


def body(test):
    story = Judge()
    scene = Scene(test, story, max_sessions_per_participant="12").open()
    neighbour = Neighbour(scene)
    neighbour.start()
    for module in MODULES:
        for chapter in module.CHAPTERS:
            if test.arguments.only in (None, chapter.__name__):
                play(scene, chapter)
    neighbour.finish(story)
    check_end(scene)
    print(f"{len(story.seen)} codes were met: {' '.join(sorted(story.seen))}")
    test.checks = story.passed
    test.check(story.ends() == 0, "see the lines that say FAILED")


Test("test_bad_input", (("--only", {"help": "one chapter"}),)).run(body)
