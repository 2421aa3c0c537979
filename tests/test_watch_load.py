"""What the live calls cost this machine."""

from __future__ import annotations

import resource
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.iwatch import ILoad
from voiced.watch.lag import Lag
from voiced.watch.load import STATM, Load


class LoadTests(SynchronousTestCase):
    def memory(self, content):
        """What a file of that content says."""
        path = Path(self.mktemp())
        path.write_text(content)
        return Load(Lag(Clock()), path).memory()

    def test_contract(self):
        """It is what others are promised."""
        verifyObject(ILoad, Load(Lag(Clock())))

    def test_resident(self):
        """The second figure, in pages."""
        self.assertEqual(self.memory("9000 500 200 5 0 700 0\n"), 500 * resource.getpagesize())

    def test_this_process(self):
        """This process has some memory, and less than a machine has."""
        if not STATM.exists():
            self.skipTest("this system has no /proc")
        self.assertTrue(5_000_000 < Load(Lag(Clock())).memory() < 10**12)

    def test_unknown(self):
        """Where there is no such file, or it says something else, nobody knows."""
        self.assertIsNone(Load(Lag(Clock()), Path("/nowhere/at/all")).memory())
        self.assertEqual((self.memory(""), self.memory("1 many")), (None, None))
