"""The real process is killed in the middle of a sound, and its caller hears all of it."""

import json
import os
import sys
from pathlib import Path

from click import ClickException
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase, TestCase

import voiced
from voiced.cli.demokill import CONFIG, Shortfall, check
from voiced.settings.load import read
from voiced.simulator.mulaw import RATE, silence, wav

SHIPPED = Path(voiced.__file__).parent.parent / CONFIG
SOUND = b"".join(bytes([n]) * 160 for n in range(1, 121)) * 2
"""4.8 seconds that are another one every 20 ms."""
FLOW = """
flow: kill
start: a
nodes:
  a:
    - play: sound.wav
"""
SHOW = """
import sys
from pathlib import Path
from voiced.cli import demokill
from voiced.cli.running import run
demokill.SPOKEN = 1.5
run(lambda reactor: demokill.show(reactor, Path(sys.argv[1]), Path(sys.argv[2])))
"""


class KilledTests(TestCase):
    """A daemon, a carrier, and kill -9, over real sockets."""

    timeout = 90

    def house(self):
        """A directory with the demonstration's settings, and a sound in the place of its sentence."""
        here = Path(self.mktemp()).absolute()
        (here / "kill").mkdir(parents=True)
        (here / "kill.yaml").write_text(SHIPPED.read_text("utf-8"), "utf-8")
        (here / "kill" / "kill.yaml").write_text(FLOW, "utf-8")
        (here / "kill" / "sound.wav").write_bytes(wav(SOUND))
        return here

    async def test_whole(self):
        """The caller hears all of it; there is one record, which says that there were two streams."""
        here = self.house()
        command = ["-c", SHOW, str(here / "kill.yaml"), str(here / "heard.wav")]
        out, err, code = await getProcessOutputAndValue(sys.executable, command, env=os.environ)
        self.assertEqual(code, 0, (out + err).decode(errors="replace"))
        self.assertIn(b"The caller has heard the whole sentence", out)
        journal = (here / "var" / "kill" / "journal.jsonl").read_text("utf-8").splitlines()
        self.assertEqual([json.loads(line)["event"] for line in journal], ["began", "ended"] * 2)


class CheckTests(SynchronousTestCase):
    """What is held against a caller who has not heard all."""

    def test_check(self):
        """All of it, with a break and something said again; a gap, and no break at all, are told."""
        whole = SOUND[: 2 * RATE]
        check(whole, silence(1.0) + whole[:8000] + silence(2.0) + whole[7000:] + silence(1.0))
        for heard, message in ((whole[:6000] + silence(1.0) + whole[7600:], "0.20 s"), (whole, "not killed")):
            error = self.assertRaises(Shortfall, check, whole, heard)
            self.assertIn(message, str(error))
            self.assertIsInstance(error, ClickException)

    def test_shipped(self):
        """The shipped settings of the demonstration are good."""
        self.assertEqual(read(SHIPPED, {}).settings.listen, "systemd:domain=INET:index=0")
