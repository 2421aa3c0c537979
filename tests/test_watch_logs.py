"""What the log looks like, and how much of it there is."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path

from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python import syslog as twisted_syslog
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.logfile import DEFAULT, observer
from voiced.watch.logs import Logging, Logs


class LogCase(SynchronousTestCase):
    """A log into memory: `self.log(subject)` speaks, `self.lines` has what was written."""

    def opens(self, **logs):
        """Log like that."""
        self.file = io.StringIO()
        self.logging = Logging(Logs(**logs))
        self.publisher = LogPublisher(self.logging.into(self.file))

    def log(self, subject="voiced.call.session"):
        """Somebody's logger."""
        return Logger(namespace=subject, observer=self.publisher)

    @property
    def lines(self):
        """What was written."""
        return self.file.getvalue().splitlines()

    @property
    def messages(self):
        """The sentences of JSON lines."""
        return [json.loads(line)["message"] for line in self.lines]


class JsonTests(LogCase):
    def setUp(self):
        """Lines for programs."""
        self.opens(json=True)

    def test_line(self):
        """One flat object: when, how grave, about what, which call, and the sentence; nothing else of the event."""
        self.log().warn("{call}: a voice failed: {error}", call="CA1", error="no credits", secret="a token")
        (line,) = map(json.loads, self.lines)
        self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")
        self.assertEqual(
            line,
            {
                "level": "warn",
                "subject": "voiced.call.session",
                "call": "CA1",
                "message": "CA1: a voice failed: no credits",
            },
        )

    def test_no_call(self):
        """What is about no call names none; what is no text is no call's name."""
        self.log().info("ready")
        self.log().info("strange: {call}", call=object())
        self.assertEqual(
            [sorted(json.loads(line)) for line in self.lines], [["level", "message", "subject", "time"]] * 2
        )

    def test_traceback(self):
        """A fault of ours has its traceback beside its sentence."""
        try:
            raise ValueError("boom")
        except ValueError:
            self.log().failure("the flow broke down")
        (line,) = map(json.loads, self.lines)
        self.assertEqual((line["level"], line["message"]), ("critical", "the flow broke down"))
        self.assertIn("ValueError: boom", line["traceback"])

    def test_strangers(self):
        """Whatever a stranger makes us say is one line of ASCII."""
        self.log().info("{text}", text='two\nlines "quoted" \u2028 \x1b[31m ünd \ud800')
        (line,) = self.lines
        self.assertTrue(line.isascii())
        self.assertIn("two\nlines", json.loads(line)["message"])

    def test_nothing(self):
        """What says nothing is no line."""
        self.log().info("")
        self.assertEqual(self.lines, [])

    def test_broken(self):
        """A sentence that cannot be made does not keep the others from being written."""
        self.log().info("{nobody.knows}")
        self.log().info("next")
        self.assertEqual(len(self.lines), 2)
        self.assertEqual(self.messages[1], "next")


class LevelTests(LogCase):
    def says(self, *subjects):
        """Every subject speaks at every level; which did get through."""
        for subject in subjects:
            for level in ("debug", "info", "error"):
                self.log(subject).emit(LogLevel.lookupByName(level), "{subject} {how}", subject=subject, how=level)
        written, _ = self.messages, self.file.truncate(0)
        self.file.seek(0)
        return written

    def test_default(self):
        """Nobody is bothered with debug lines."""
        self.opens(json=True)
        self.assertEqual(self.says("voiced.call.flow"), ["voiced.call.flow info", "voiced.call.flow error"])

    def test_subjects(self):
        """The longest beginning that fits holds; a beginning is whole words between dots."""
        self.opens(json=True, level="error", levels={"voiced.agents": "debug", "voiced.agents.local": "info"})
        said = self.says("voiced.agents.socket", "voiced.agents.local", "voiced.agentsmith", "twisted.web")
        self.assertEqual(
            [line.split()[1] for line in said], ["debug", "info", "error", "info", "error", "error", "error"]
        )

    def test_follow(self):
        """Levels may change while it is at work."""
        self.opens(json=True)
        self.logging.follow(Logs(level="debug"))
        self.assertEqual(len(self.says("voiced.call.flow")), 3)
        self.logging.follow(Logs(level="info", levels={"voiced.call": "error"}))
        self.assertEqual(len(self.says("voiced.call.flow")), 1)

    def test_text(self):
        """Lines for people are as Twisted has them."""
        self.opens()
        self.log().info("ready")
        self.log().debug("not this")
        self.assertEqual(len(self.lines), 1)
        self.assertRegex(self.lines[0], r"^\S+ \[voiced.call.session#info\] ready$")


class FileTests(SynchronousTestCase):
    def setUp(self):
        """Nobody has taken the signal; a place for files."""
        before = signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        self.file = Path(self.mktemp())

    def opens(self, **options):
        """The observer of these options of twistd's, as a logger that speaks to it."""
        self.later = []
        made = observer(options, Logging(Logs(json=True)), self.later.append)
        verifyObject(ILogObserver, made)
        return Logger(namespace="voiced", observer=made)

    def test_moved_away(self):
        """It goes into the file, which is opened anew when somebody has moved it away and says so."""
        log = self.opens(logfile=str(self.file))
        log.info("one")
        self.file.rename(f"{self.file}.1")
        log.info("two")
        os.kill(os.getpid(), signal.SIGUSR1)
        (reopen,) = self.later
        reopen()
        log.info("three")
        old = Path(f"{self.file}.1").read_text("utf-8").splitlines()
        self.assertEqual([json.loads(line)["message"] for line in old], ["one", "two"])
        self.assertEqual(json.loads(self.file.read_text("utf-8"))["message"], "three")

    def test_not_rotated(self):
        """However long it grows, it stays one file."""
        log = self.opens(logfile=str(self.file))
        for _ in range(30):
            log.info("x" * 50_000)
        self.assertGreater(self.file.stat().st_size, 1_000_000)
        self.assertEqual([path.name for path in self.file.parent.glob(self.file.name + "*")], [self.file.name])

    def test_stdout(self):
        """A process that stays writes to its output."""
        for name in ("", "-", None):
            out = io.StringIO()
            self.patch(sys, "stdout", out)
            self.opens(logfile=name, nodaemon=True).info("here")
            self.assertEqual(json.loads(out.getvalue())["message"], "here")

    def test_daemon(self):
        """One that goes away cannot; it writes to where twistd would."""
        self.assertRaises(SystemExit, self.opens, logfile="-")
        before = Path.cwd()
        self.file = self.file.absolute()
        self.file.mkdir()
        os.chdir(self.file)
        self.addCleanup(os.chdir, before)
        self.opens().info("here")
        self.assertIn("here", (self.file / DEFAULT).read_text("utf-8"))

    def test_syslog(self):
        """The system's own log is written to where it is asked for, through the same levels."""
        said = []
        self.patch(twisted_syslog, "SyslogObserver", lambda prefix: FakeSyslog(prefix, said))
        log = self.opens(syslog=True, prefix="voiced")
        log.info("here")
        log.debug("not this")
        self.assertEqual(said, [("voiced", "here")])


class FakeSyslog:
    """Twisted's observer of the system's log, which keeps what it is told."""

    def __init__(self, prefix, said):
        self.prefix, self.said = prefix, said

    def emit(self, event):
        """Named by Twisted."""
        self.said.append((self.prefix, " ".join(event["message"]) or event["format"] % event))
