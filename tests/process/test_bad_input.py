#!/usr/bin/python3
"""Every kind of bad input that tests/BAD_INPUT.md lists, sent to a real skpd over TLS by somebody who wrote the client
from proto/PROTOCOL.md: it gets its code, path, sentence and remedy, no value is ever echoed, the session stays or
ends as documented, and an honest participant beside it does not notice.

usage: test_bad_input.py BUILD [--seed N] [--only CHAPTER]
"""
import bad_frames
import bad_identity
import bad_meaning
import bad_sequence
import bad_wire
from bad_scene import play_chapters
from process_testing import Test

MODULES = (bad_frames, bad_wire, bad_identity, bad_sequence, bad_meaning)

test = Test("test_bad_input", (("--only", {"help": "one chapter"}),))
test.run(lambda test: play_chapters(test, MODULES, max_sessions_per_participant="12"))
