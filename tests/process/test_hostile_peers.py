#!/usr/bin/python3
"""Peers that mean harm with what is allowed: slow, silent, greedy, cut off in the middle. Each hurts only itself: an
honest participant beside them sends and asks all the while, and the broker's memory stays bounded.

usage: test_hostile_peers.py BUILD [--seed N] [--only CHAPTER]
"""
import bad_greed
import bad_peers
from bad_scene import play_chapters
from process_testing import Test

SETTINGS = {"handshake_timeout": "1s", "hello_timeout": "1s", "frame_timeout": "2s", "idle_timeout": "4s",
            "stall_timeout": "2s", "intake_bytes": "16MiB"}

test = Test("test_hostile_peers", (("--only", {"help": "one chapter"}),))
test.run(lambda test: play_chapters(test, (bad_peers, bad_greed), **SETTINGS))
