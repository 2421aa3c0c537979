"""The tools around the daemon, as far as they need no process of their own (the others are in test_twistd)."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

from click import ClickException, UsageError
from click.testing import CliRunner
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.house import NUMBER, House, flow, say
from voiced.call.steps.digits import Menu
from voiced.call.template import Template
from voiced.cli import main
from voiced.cli.call import carrier_for, keep, listening_at, spoken, what_went_wrong
from voiced.cli.demo import ANSWER, DaemonProcess, Shortfall, check_answer, record, shown, turns
from voiced.settings.load import read
from voiced.simulator.caller import Caller, Spoken
from voiced.simulator.mulaw import SILENCE
from voiced.testing.fakes import spell

SETTINGS = """
public_url: https://voiced.test
twilio: {account_sid: AC00000000000000000000000000000000, auth_token: a token}
voices: {anna: {engine: local}}
numbers: {default: test}
"""
FLOW = "flow: test\nstart: start\nnodes:\n  start:\n    - say: %s\n"


class CheckTests(SynchronousTestCase):
    """`voiced check`."""

    def check(self, flow: str, *options: str) -> Any:
        """Its result for settings with this flow."""
        home = Path(self.mktemp())
        (home / "flows").mkdir(parents=True)
        (home / "voiced.yaml").write_text(SETTINGS)
        (home / "flows/test.yaml").write_text(flow)
        return CliRunner().invoke(main, ["check", "--config", str(home / "voiced.yaml"), *options])

    def test_warnings(self) -> None:
        """What works and nobody can have meant is said, and ends it with 1 only when that is asked for."""
        odd = FLOW % '"Hello."' + "  other:\n    - hangup\n"
        for options, code in (((), 0), (("--strict",), 1)):
            result = self.check(odd, *options)
            self.assertEqual(result.exit_code, code)
            self.assertIn("test.yaml:6:3: warning: nodes.other: no step and no setting leads to", result.output)
            self.assertIn("good. 1 number(s)", result.output)
        self.assertEqual(self.check(FLOW % '"Hello."', "--strict").exit_code, 0)

    def test_good(self) -> None:
        """Good settings are praised in a line, with code 0."""
        result = self.check(FLOW % '"Hello."')
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertRegex(result.output, r"good. 1 number\(s\), 1 flow\(s\), 1 voice\(s\), version [0-9a-f]{12}; ")

    def test_bad(self) -> None:
        """Faults come with their place, with code 1."""
        result = self.check(FLOW % '"Hello {."')
        self.assertEqual(result.exit_code, 1)
        self.assertIn("test.yaml:5:12: ", result.output)
        self.assertIn("1 fault in the settings", result.output)

    def test_missing(self) -> None:
        """So does a file that is not there."""
        result = CliRunner().invoke(main, ["check", "--config", "nowhere.yaml"])
        self.assertEqual(result.exit_code, 1)
        self.assertIn("nowhere.yaml:1:1: ", result.output)


class AccountTests(SynchronousTestCase):
    """`voiced call --account`."""

    def test_unknown(self) -> None:
        """An account that is not in the settings is a mistake, and those that are there are named."""
        home = Path(self.mktemp())
        (home / "flows").mkdir(parents=True)
        (home / "voiced.yaml").write_text(SETTINGS)
        (home / "flows/test.yaml").write_text(FLOW % '"Hello."')
        configuration = read(home / "voiced.yaml", {})
        error = self.assertRaises(UsageError, carrier_for, Clock(), configuration, NUMBER, "sales")
        self.assertIn("no account is called 'sales'; there are: main", str(error))

    def test_systemd(self) -> None:
        """A daemon whose socket systemd holds cannot be found by its settings; one with a node_url can."""
        home = Path(self.mktemp())
        (home / "flows").mkdir(parents=True)
        (home / "flows/test.yaml").write_text(FLOW % '"Hello."')
        (home / "voiced.yaml").write_text(SETTINGS + 'listen: "systemd:domain=INET:index=0"\n')
        error = self.assertRaises(UsageError, carrier_for, Clock(), read(home / "voiced.yaml", {}), NUMBER)
        self.assertIn("nobody but systemd knows", str(error))
        (home / "voiced.yaml").write_text(SETTINGS + "node_url: https://voiced.test/one\n")
        carrier = carrier_for(Clock(), read(home / "voiced.yaml", {}), NUMBER)
        way = carrier.account.way("wss://voiced.test/one/call/connection/CA1")
        self.assertEqual(way, (carrier.account.daemon, "wss://voiced.test/call/connection/CA1"))


class EndpointTests(SynchronousTestCase):
    """Where to ring, by where the daemon listens."""

    def test_table(self) -> None:
        """Server descriptions and the client descriptions that reach them."""
        table = {
            "tcp:8080:interface=127.0.0.1": "tcp:127.0.0.1:8080",
            "tcp:8080": "tcp:127.0.0.1:8080",
            "uv:8080:interface=127.0.0.1": "tcp:127.0.0.1:8080",
            "uvunix:/run/voiced.sock:mode=660": "unix:/run/voiced.sock",
            "tcp:port=99:interface=10.0.0.1": "tcp:10.0.0.1:99",
            "tcp6:8080": r"tcp:\:\:1:8080",
            r"tcp:8080:interface=\:\:1": r"tcp:\:\:1:8080",
            "unix:/run/voiced.sock": "unix:/run/voiced.sock",
        }
        for listen, client in table.items():
            self.assertEqual(listening_at(listen), client)


class DemoTests(House):
    """What the demonstration takes for a good call."""

    def rung(self, *acts: str | Spoken, most: float = 30.0) -> tuple[Any, Caller]:
        """A call through a menu by a caller who does these things."""
        menu = Menu(Template.parse("Press 1."), {"1": "one"}, timeout=2, retries=0)
        self.lives_in(flow({"start": [say("Hello."), menu], "one": [say("One.")]}))
        call = self.carrier.ring(NUMBER)
        caller = Caller(call, self.clock, acts, most=most)
        self.passes(40)
        return call, caller

    def test_good(self) -> None:
        """Greeting, key, answer, hang-up: all there."""
        call, caller = self.rung("1")
        self.assertEqual(set(turns(call, 1).values()), {True})
        self.assertIsNone(what_went_wrong(call, caller))

    def test_missing(self) -> None:
        """A call in which nothing was done lacks a turn, and it is named; so does one that got no answer."""
        call, _ = self.rung()
        missing = [turn for turn, happened in turns(call, 1).items() if not happened]
        self.assertEqual(missing, ["the caller does all that was planned"])
        call, _ = self.rung("2")
        missing = [turn for turn, happened in turns(call, 1).items() if not happened]
        self.assertEqual(missing, ["the caller hears an answer to each"])

    def test_speaks(self) -> None:
        """A caller may say something when it is quiet; the carrier has it on the line then."""
        call, _ = self.rung(Spoken(spell("One, please"), "One, please"), "1")
        acts = [entry.what for entry in call.sheet if entry.what in ("speaks", "presses")]
        self.assertIn("One, please", "".join(map(str, call.sheet)))
        self.assertEqual((acts, call.spoken.strip(SILENCE)), (["speaks"], spell("One, please")))

    def test_given_up(self) -> None:
        """A call that the caller had to end was not a good one."""
        call, caller = self.rung(most=1.0)
        self.assertEqual(what_went_wrong(call, caller), "the call did not end by itself: the caller gave up")

    def test_refused(self) -> None:
        """Nor was one that never got a stream: what was said instead is told."""
        self.lives_in(flow({"start": [say("Hello.")]}), most_calls=0, busy="Busy.")
        call = self.carrier.ring(NUMBER)
        caller = Caller(call, self.clock, [])
        self.passes(9)
        self.assertEqual(what_went_wrong(call, caller), "the daemon opened no media stream: it said Busy.")


class SpokenTests(House):
    """A caller with a voice."""

    def test_speaks_english(self) -> None:
        """A text becomes telephone audio; one with nothing of English in it does not."""
        self.lives_in(flow({"start": [say("Hello.")]}))
        self.assertGreater(len(spoken("Is it far?").audio), 4000)
        self.assertIn("English only", str(self.assertRaises(ClickException, spoken, "日本")))

    def test_both_sides_are_kept(self) -> None:
        """Who speaks is on the other channel of what is kept; a silent caller has none."""
        path = Path(self.mktemp())
        self.lives_in(flow({"start": [say("Hello.")]}))
        calls = [self.carrier.ring(NUMBER), self.carrier.ring(NUMBER)]
        self.passes(0)
        calls[1].speak(spell("Hi"))
        self.passes(9)
        for kept, channels in ((calls[:1], 1), (calls, 2)):
            keep(kept, path)
            with wave.open(str(path)) as file:
                self.assertEqual(file.getnchannels(), channels)
        self.assertRaises(ClickException, keep, calls, path / "below")


class RecordTests(SynchronousTestCase):
    """The daemon's journal, as the demonstration shows it."""

    def setUp(self) -> None:
        """A journal with one call that has ended and one that has not."""
        step = {"node": "hours", "verb": "say", "result": "done"}
        said = [{"who": "caller", "text": "When is breakfast?"}, {"who": "agent", "text": "From six until nine."}]
        ended = {"call": "CA1", "event": "ended", "ending": "completed", "seconds": 2.5, "first_audio_ms": 9.0,
                 "agents": [{"transcript": said}]}  # fmt: skip
        self.journal = Path(self.mktemp())
        lines = [{"call": "CA1", "event": "began"}, {**ended, "steps": [step]}, {"call": "CA2", "event": "began"}]
        self.journal.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def test_shown(self) -> None:
        """How it ended, each step with its result, and what was said."""
        text = shown(record(self.journal, "CA1", ["hours"]))
        self.assertIn("completed after 2.5 s; first audio after 9.0 ms", text)
        self.assertIn("hours      say      done", text)
        self.assertIn("caller:    When is breakfast?", text)

    def test_answer(self) -> None:
        """Only the right answer is one."""
        kept = record(self.journal, "CA1", [])
        self.assertRaises(Shortfall, check_answer, kept)
        kept["agents"][0]["transcript"][1]["text"] = f"It is served from {ANSWER}."
        check_answer(kept)

    def test_another_way(self) -> None:
        """A call that never came to where it was meant to go is a shortfall."""
        self.assertRaises(Shortfall, record, self.journal, "CA1", ["hours", "goodbye"])

    def test_missing(self) -> None:
        """A call without an end in the journal is a shortfall."""
        self.assertRaises(Shortfall, record, self.journal, "CA2", [])
        self.assertRaises(Shortfall, record, self.journal / "nowhere", "CA1", [])


class ProcessTests(SynchronousTestCase):
    """The daemon's process, as the demonstration watches it."""

    def test_trouble(self) -> None:
        """Errors and tracebacks in its log are trouble; all else is not."""
        process = DaemonProcess()
        process.outReceived(b"a [x#info] fine\nb [x#er")
        process.errReceived(b"ror] bad\nTraceback (most recent call last)\n")
        self.assertEqual(process.trouble, ["b [x#error] bad", "Traceback (most recent call last)"])

    def test_listening(self) -> None:
        """It listens when it says so."""
        process = DaemonProcess()
        process.outReceived(b"[x#info] voiced listens on tcp:1\n")
        self.successResultOf(process.listening)
        process.processEnded(Failure(ProcessDone(0)))
        self.assertEqual(process.code, 0)

    def test_dies(self) -> None:
        """One that ends before it listens is a failure, also by a signal."""
        process = DaemonProcess()
        process.processEnded(Failure(ProcessTerminated(signal=9)))
        self.failureResultOf(process.listening, ProcessTerminated)
        self.assertEqual(process.code, -1)
