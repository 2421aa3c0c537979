"""uvloop's reactor: it is found, it carries what tests/test_net_transport.py asks of transports, and it gives way."""

import os
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parent.parent
SUITE = ("tests.test_net_transport", "tests.uvnetwork_cases", "tests.test_net_uvweb", "tests.test_agents_socket")
"""What is run once more, on uvloop."""


class ReactorTests(TestCase):
    timeout = 120

    @inlineCallbacks
    def run_on(self, reactor_name, *arguments):
        """What trial says of these tests on that reactor, and its exit code."""
        command = [
            "-m",
            "twisted.trial",
            f"--reactor={reactor_name}",
            f"--temp-directory={self.mktemp()}",
            *arguments,
        ]
        environ = os.environ | {"PYTHONPATH": str(ROOT)}
        out, trouble, code = yield getProcessOutputAndValue(sys.executable, command, environ, reactor=reactor)
        return (out + trouble).decode(), code

    @inlineCallbacks
    def test_contract(self):
        """`trial --reactor=uvloop` runs, and all that transports and sockets promise is kept there, too."""
        said, code = yield self.run_on("uvloop", *SUITE)
        self.assertEqual(code, 0, said[said.find("\n=====") :])  # what failed comes after all names, each with that
        self.assertRegex(said, r"PASSED \(skips=\d+, successes=\d\d\d\)")
