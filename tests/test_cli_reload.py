"""`voiced reload`, in memory: against the daemon itself; as a process in test_twistd."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from click import ClickException
from click.testing import CliRunner
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.files_house import FLOW, KEY, NARROW, FilesHouse
from tests.test_cli_out import written
from voiced.cli import main
from voiced.cli.apiclient import Api
from voiced.cli.reload import WITHOUT, ask
from voiced.secret import Secret


class AskTests(FilesHouse):
    """What it says of a daemon's answer."""

    def ask(self, key: str = KEY) -> tuple[Deferred[None], str]:
        """It asks, and prints this."""
        with redirect_stdout(StringIO()) as out:
            asked = Deferred.fromCoroutine(ask(Api(self.network.http(), "http://daemon", Secret(key), self.reactor)))
            self.passes(0)
        return asked, out.getvalue()

    def refusal(self, key: str = KEY) -> str:
        """What it says when it does not work."""
        asked, out = self.ask(key)
        error = self.failureResultOf(asked, ClickException).value
        self.assertEqual((out, error.exit_code), ("", 1))
        return str(error.message)

    def test_good(self) -> None:
        """The new version, its flows, and what needs a restart."""
        self.settings(("tcp:8080", "tcp:9090"))
        asked, out = self.ask()
        self.successResultOf(asked)
        first, second = out.splitlines()
        self.assertEqual(
            first, f"reloaded: version {self.read().hash} (2023-11-14T22:13:20.000+00:00), 1 flow(s): test"
        )
        self.assertTrue(second.startswith("`listen` is another now"), second)

    def test_faults(self) -> None:
        """What is wrong in the daemon's files, place by place."""
        self.write("flows/test.yaml", FLOW.format("old").replace("start: start", "start: begin"))
        says, fault = self.refusal().splitlines()
        self.assertIn("1 fault in the settings: nothing has changed", says)
        self.assertIn("flows/test.yaml:3:8: ", fault)

    def test_keys(self) -> None:
        """A wrong key, and one that may not: what can be done instead."""
        self.assertIn("does not know this key", self.refusal("wrong" * 8))
        for key in ("wrong" * 8, NARROW):
            self.assertIn(WITHOUT, self.refusal(key))

    def test_nobody(self) -> None:
        """Nobody is there."""
        self.network.forget("daemon")
        self.assertIn("with these settings? If it runs, look into its log; without", self.refusal())
        self.assertIn("systemctl reload voiced", self.refusal())


class CommandTests(SynchronousTestCase):
    """What it does before it asks."""

    def test_faults(self) -> None:
        """Files that are wrong are not for the daemon."""
        config = written(Path(self.mktemp()))
        (config.parent / "flows/test.yaml").write_text(FLOW.replace("flow: test", "flow: test\nstrat: start"))
        result = CliRunner().invoke(main, ["reload", "--config", str(config)])
        self.assertEqual(result.exit_code, 1)
        self.assertIn("test.yaml:3:1: ", result.output)
        self.assertIn("the daemon was not asked", result.output)

    def test_no_keys(self) -> None:
        """Settings without keys have no API: what can be done instead."""
        config = written(Path(self.mktemp()))
        config.write_text(
            "".join(line for line in config.read_text().splitlines(True) if not line.startswith("api:"))
        )
        result = CliRunner().invoke(main, ["reload", "--config", str(config)], env={"VOICED_API_KEY": ""})
        self.assertEqual(result.exit_code, 2)
        self.assertIn("no `api.keys`", result.output)
        self.assertIn("kill -HUP", " ".join(result.output.split()))
