"""The service as systemd sees it: its files, held against systemd's own judgement, and against the daemon."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import voiced
from voiced.settings.daemon import Plain
from voiced.settings.load import read
from voiced.tap import CUT_SHORT, LAST_ERRANDS

ROOT = Path(voiced.__file__).parent.parent
CONFIG = ROOT / "config"
README = (ROOT / "README.md").read_text("utf-8")
SERVICE = (CONFIG / "voiced.service").read_text("utf-8")
ANALYZE = shutil.which("systemd-analyze")
UNITS = ("voiced.service", "voiced@.service", "voiced.socket", "voiced@.socket")


class Unit(configparser.ConfigParser):
    """A unit file; of what it says several times, the last."""

    def __init__(self, text: str) -> None:
        super().__init__(strict=False, interpolation=None)
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read_string(text)


class AnalyzedTests(SynchronousTestCase):
    """What systemd-analyze says, of a copy whose ExecStart exists."""

    def setUp(self) -> None:
        """A copy."""
        if ANALYZE is None:
            raise SkipTest("systemd-analyze is not installed (apt-get install systemd)")
        self.copies = Path(self.mktemp())
        self.copies.mkdir()
        twistd = Path(sys.executable).with_name("twistd")
        for name in UNITS:
            text = (CONFIG / name).read_text("utf-8")
            (self.copies / name).write_text(text.replace("/opt/voiced/.venv/bin/twistd", str(twistd)))

    def analyze(self, *arguments: str) -> tuple[int, str]:
        """Its exit code, and what it writes."""
        command = [str(ANALYZE), *arguments]
        done = subprocess.run(command, cwd=self.copies, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        return done.returncode, done.stdout + done.stderr

    def test_verify(self) -> None:
        """They say nothing that systemd does not know."""
        for name in UNITS:
            one = name.replace("@.", "@1.")  # of a template, an instance: its port is a number then
            self.assertEqual(self.analyze("verify", "--man=no", one), (0, ""), name)

    def test_security(self) -> None:
        """They are exposed less than 3.0, of 10."""
        for name in UNITS[:2]:
            code, page = self.analyze("security", "--offline=true", "--no-pager", "--threshold=30", name)
            self.assertEqual(code, 0, page)
            self.assertIn("exposure level", page)


class UnitTests(SynchronousTestCase):
    """What the files and the daemon say of each other."""

    def test_time_to_stop(self) -> None:
        """systemd waits as long as a daemon may take that drains as it does unless set."""
        stop = float(Unit(SERVICE)["Service"]["TimeoutStopSec"])
        self.assertEqual(stop, Plain().drain_seconds + LAST_ERRANDS)

    def test_exit_codes(self) -> None:
        """A daemon that was told twice to stop is not started again."""
        self.assertEqual(Unit(SERVICE)["Service"]["RestartPreventExitStatus"], str(CUT_SHORT))

    def test_instances(self) -> None:
        """One of several is hardened, watched and stopped as the only one is."""
        several = (CONFIG / "voiced@.service").read_text("utf-8")
        one, many = ({line for line in text.splitlines() if not line.startswith("#")} for text in (SERVICE, several))
        self.assertEqual(one - many, {"Description=voiced, a telephony daemon"})
        self.assertEqual(
            many - one,
            {
                "Description=voiced, a telephony daemon (%i)",
                "Environment=PORT=808%i NODE=%i",
            },
        )

    def test_socket(self) -> None:
        """The socket is where the shipped settings listen, and its sentence for voiced.yaml can be read."""
        text = (CONFIG / "voiced.socket").read_text("utf-8")
        port = Unit(text)["Socket"]["ListenStream"].rpartition(":")[2]
        self.assertIn("${PORT:-" + port + "}", (CONFIG / "voiced.yaml").read_text("utf-8"))
        listen = re.findall(r'^#   (listen: "[^"]+")', text, re.MULTILINE)
        self.assertEqual(listen, ['listen: "uvsystemd:domain=INET:index=0"'])

    def test_sockets(self) -> None:
        """Of several, each has the port that its service says, and all else as the only one."""
        one, many = ((CONFIG / name).read_text("utf-8") for name in ("voiced.socket", "voiced@.socket"))
        service = Unit((CONFIG / "voiced@.service").read_text("utf-8"))["Service"]["Environment"]
        listens = Unit(many)["Socket"]["ListenStream"]
        self.assertIn("PORT=" + listens.rpartition(":")[2] + " ", service)
        self.assertEqual({**Unit(one)["Socket"], "ListenStream": listens}, dict(Unit(many)["Socket"]))
        self.assertIn('listen: "uvsystemd:domain=INET:index=0"', many)

    def test_credentials(self) -> None:
        """The install section's edit puts the credentials that the unit loads into the shipped settings."""
        edits = re.findall(r"s/\\(\$\{\w+\})/(\$\{credential:\w+\})/", README)
        loaded = dict(line.split(":", 1) for line in re.findall(r"^LoadCredential=(.*)", SERVICE, re.MULTILINE))
        self.assertEqual({new for _, new in edits}, {"${credential:" + name + "}" for name in loaded})
        home = Path(self.mktemp())
        shutil.copytree(CONFIG / "flows", home / "flows")
        text = (CONFIG / "voiced.yaml").read_text("utf-8")
        for old, new in edits:
            self.assertIn(old, text)
            text = text.replace(old, new)
        (home / "voiced.yaml").write_text(text)
        for name in loaded:
            (home / name).write_text(f"the-{name}\n")
        environment = {
            "SERVER_DOMAIN": "voice.example.com",
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "CREDENTIALS_DIRECTORY": str(home),
        }
        (account,) = read(home / "voiced.yaml", environment).settings.accounts
        self.assertEqual([token.reveal() for token in account.tokens], ["the-twilio_auth_token"])
