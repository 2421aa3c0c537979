"""`voiced dnc`: the operator looks at the list beside the daemon, and changes it while that is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import CliRunner
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_cli import FLOW, SETTINGS
from tests.test_store_optedout import ANN
from voiced.cli import main
from voiced.settings.load import read
from voiced.store.store import FILE, Store, open_store


class DncTests(SynchronousTestCase):
    """Its three commands."""

    def setUp(self) -> None:
        """Settings, and a directory for what the daemon keeps."""
        self.home = Path(self.mktemp())
        (self.home / "flows").mkdir(parents=True)
        (self.home / "voiced.yaml").write_text(SETTINGS)
        (self.home / "flows/test.yaml").write_text(FLOW % '"Hello."')

    def dnc(self, *arguments: str, code: int = 0) -> Any:
        """What the tool prints; it ends with this code."""
        result = CliRunner().invoke(main, ["dnc", *arguments, "--config", str(self.home / "voiced.yaml")])
        self.assertEqual(result.exit_code, code, result.output)
        return result.output

    def daemon(self) -> Store:
        """The store of a daemon that begins."""
        (self.home / "var").mkdir(exist_ok=True)
        store = open_store(self.home / "var" / FILE, maybeDeferred, Clock())
        self.addCleanup(store.close)
        return store

    def test_nobody(self) -> None:
        """Where nobody has opted out, or no daemon ever ran, nothing is printed."""
        self.assertEqual(self.dnc("list"), "")

    def test_beside_a_daemon(self) -> None:
        """The list can be looked at while a daemon runs, and not be changed."""
        self.successResultOf(self.daemon().opted_out.keep([ANN]))
        self.assertEqual(self.dnc("list"), f"+14155550100  # 2023-11-14T22:13:20+00:00 key {ANN.call}\n")
        for command in ("add", "remove"):
            self.assertIn("stop it, change the list", self.dnc(command, ANN.number, code=1))

    def test_add_and_remove(self) -> None:
        """A number can be put on it and taken off, and the daemon knows with its next start."""
        self.assertIn("nobody calls it", self.dnc("add", "+1 (415) 555-0100"))
        store = self.daemon()
        self.assertEqual([(each.number, each.how) for each in store.opted_out.load()], [(ANN.number, "operator")])
        self.successResultOf(store.close())
        self.assertIn("may be called again", self.dnc("remove", ANN.number))
        self.assertIn("is not on the list", self.dnc("remove", ANN.number, code=1))

    def test_no_number(self) -> None:
        """What is no number is a mistake."""
        for nobody in ("ann", "4155550100", "sip:ann@pbx.example"):
            self.assertIn("is no telephone number", self.dnc("add", nobody, code=2))

    def test_broken(self) -> None:
        """A file that is none is said to be none."""
        (self.home / "var").mkdir()
        (self.home / "var" / FILE).write_text("no database" * 100)
        self.assertIn("cannot be read", self.dnc("list", code=1))
        said = self.dnc("remove", ANN.number, code=1)
        self.assertIn("is broken", said)
        self.assertNotIn("While a daemon runs", said)

    def test_no_directory(self) -> None:
        """Where the data directory cannot be, the setting is named, and no daemon that might run."""
        (self.home / "var").write_text("")
        for said in (self.dnc("add", ANN.number, code=1), self.dnc("remove", ANN.number, code=1)):
            self.assertIn("`data:` in voiced.yaml names another", said)
            self.assertNotIn("While a daemon runs", said)

    def test_as_a_list(self) -> None:
        """What is printed is a file that `outbound.dnc` takes."""
        self.dnc("add", ANN.number)
        (self.home / "dnc.txt").write_text(self.dnc("list"))
        (self.home / "voiced.yaml").write_text(SETTINGS + "outbound: {dnc: dnc.txt}\n")
        rules = read(self.home / "voiced.yaml", {}).settings.outbound
        self.assertEqual(rules.dnc, {ANN.number})
