#!/usr/bin/env python3
"""Tests with a real browser, Debian's chromium and chromium-driver: python3 tests/browser [TEST...]

The server is .build/release/chatroom-master, or $CHATROOM_MASTER; a TEST is a file's, a class' or a test's name, as
unittest takes it (test_origin.Origin).  Pictures of the page are left in .build/browser/."""
import os
import sys
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    loader = unittest.TestLoader()
    tests = loader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:] else loader.discover(FOLDER)
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful())
