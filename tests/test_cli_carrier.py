"""`voiced carrier`: the carrier of a daemon in memory, and everybody it calls."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
from click import ClickException, UsageError
from click.testing import CliRunner
from treq import json_content
from twisted.internet.defer import Deferred

from tests.house import PERSON, flow, say
from tests.test_cli_out import Client, Loopback, written
from voiced.call.flow import OnMachine
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Transfer
from voiced.call.steps.texting import Sms
from voiced.call.template import Template
from voiced.cli import main
from voiced.cli.apiclient import Wanted
from voiced.cli.carrier import FORGET_SECONDS, Crowd, serve
from voiced.settings.load import read
from voiced.simulator.carrier import ACCOUNT_SID, AUTH_TOKEN

OTHER, DESK = "+14155550198", "+14155550101"


class CarrierTests(Client):
    """A daemon, and the command that is its carrier."""

    def setUp(self) -> None:
        """A daemon whose flow has a menu."""
        super().setUp()
        self.configuration = read(written(Path(self.mktemp())), {})
        menu = Menu(Template.parse("Press 1."), {"1": "one"}, timeout=4, retries=0)
        self.lives_in(flow({"start": [menu], "one": [say("One.")]}, on_machine=OnMachine.HANGUP))

    def serves(self, crowd: Crowd, verbose: bool = False, taken: bool = False) -> Deferred[None]:
        """The command's run; `self.out` is what it prints, `self.interrupt` Ctrl-C."""
        self.out = StringIO()
        interrupts: list[Any] = []
        serving = serve(Loopback(self, taken), self.configuration, None, crowd, verbose,
                        lambda reactor, interrupted: interrupts.append(interrupted))  # fmt: skip
        with redirect_stdout(self.out):
            running = Deferred.fromCoroutine(serving)
        self.interrupt = interrupts[0] if interrupts else None
        return running

    def calls(self, *numbers: str, seconds: float = 60.0) -> list[str]:
        """What is printed while the daemon calls these."""
        before = len(self.out.getvalue())
        with redirect_stdout(self.out):
            for number in numbers:
                self.after(self.api.place(Wanted(number, flow="test")))
            self.passes(seconds)
        return self.out.getvalue()[before:].splitlines()

    def ends(self, running: Deferred[None]) -> str:
        """Ctrl-C; what is printed last."""
        with redirect_stdout(self.out):
            self.interrupt()
            self.interrupt()
            self.passes(5)
        self.successResultOf(running)
        return self.out.getvalue().splitlines()[-1]

    def listed(self) -> Deferred[Any]:
        """What the carrier says of its calls when it is asked."""
        url = f"http://api.twilio/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json"
        return self.network.http().get(url, auth=(ACCOUNT_SID, AUTH_TOKEN)).addCallback(json_content)

    def test_calls(self) -> None:
        """Each call is a line when it is over, with what was pressed; at the end they are summed up."""
        running = self.serves(Crowd(people={OTHER: "busy"}, press=["1"]))
        busy, answered = self.calls(PERSON, OTHER)
        self.assertEqual(busy, f"{OTHER:<16} busy        after    2 s: the called party is busy")
        self.assertRegex(answered, rf"^\{PERSON} +completed +after +\d+ s: <Hangup>; pressed 1$")
        self.assertEqual(self.ends(running), "2 calls: busy 1, completed 1")

    def test_everybody(self) -> None:
        """All may be machines, but for one; who hangs up does so when they were told to."""
        running = self.serves(Crowd("machine", {OTHER: "answers"}, talk=1.0))
        person, machine = self.calls(OTHER, PERSON, seconds=9)
        self.assertIn("completed   after    3 s: the caller hung up", person)
        self.assertEqual(self.ends(running), "2 calls: completed 2")
        self.assertIn("the caller hung up", machine)
        running = self.serves(Crowd("machine"))
        (machine,) = self.calls(PERSON)
        self.assertIn("completed through the REST API; machine_start", machine)
        self.ends(running)

    def test_desks(self) -> None:
        """Whoever is called at a desk is in the line of the call."""
        dial = Transfer(Template.parse(DESK), timeout=20, fallback=Template.parse(""))
        self.lives_in(flow({"start": [dial]}), named=frozenset({DESK}))
        running = self.serves(Crowd(desks={DESK: "busy"}))
        (line,) = self.calls(PERSON)
        self.assertTrue(line.endswith(f"; {DESK} busy"), line)
        self.ends(running)

    def test_texts(self) -> None:
        """A text message is a line, too."""
        self.lives_in(flow({"start": [Sms(Template.parse("Your table is booked."))]}))
        running = self.serves(Crowd())
        text, call = self.calls(PERSON)
        self.assertEqual(text, f"{PERSON:<16} text        Your table is booked.")
        self.assertIn("completed", call)
        self.ends(running)

    def test_verbose(self) -> None:
        """All that happens is shown where it is wanted, with whom it is about."""
        running = self.serves(Crowd(), verbose=True)
        lines = self.calls(PERSON)
        self.assertEqual({line.split()[0] for line in lines}, {PERSON})
        self.assertIn("answers", "\n".join(lines))
        self.ends(running)

    def test_ends(self) -> None:
        """Ctrl-C hangs up on those that live, and the port is free again."""
        running = self.serves(Crowd())
        self.calls(PERSON, seconds=3)
        self.assertEqual(self.ends(running), "1 calls: completed 1")
        self.ends(self.serves(Crowd()))

    def test_forgets(self) -> None:
        """What has been over for long is forgotten when the next one is called: a list may be long."""
        running = self.serves(Crowd())
        self.calls(PERSON, seconds=30)
        (call,) = self.after(self.listed())["calls"]
        self.passes(FORGET_SECONDS)
        self.calls(OTHER, seconds=30)
        (other,) = self.after(self.listed())["calls"]
        self.assertEqual((call["to"], other["to"]), (PERSON, OTHER))
        self.ends(running)

    def test_cannot(self) -> None:
        """A port that is taken, an account without a number and a carrier elsewhere are sentences."""
        running = self.serves(Crowd(), taken=True)
        self.assertIn("we cannot be there", str(self.failureResultOf(running, ClickException).value))
        settings = self.configuration.settings
        accounts = tuple(attrs.evolve(account, number=None) for account in settings.accounts)
        self.configuration = attrs.evolve(self.configuration, settings=attrs.evolve(settings, accounts=accounts))
        self.assertIn("no `number`", str(self.failureResultOf(self.serves(Crowd()), UsageError).value))

    def test_usage(self) -> None:
        """What is wrong with the command line ends with 2 and a sentence; a SIP address may have a `=` of its own."""
        config = str(written(Path(self.mktemp()), "https://api.twilio.com"))
        table = {
            (): "asks Twilio itself",
            ("--desk", "sip:night@pbx.example.com;transport=tcp=busy"): "asks Twilio itself",
            ("--person", "+14155550100"): "'+14155550100' is not NUMBER= and one of: answers, busy",
            ("--desk", f"{DESK}=machine"): "is not NUMBER= and one of: answers, busy, no-answer, failed",
            ("--press", "#x"): "'#x' are no keys",
        }
        for arguments, sentence in table.items():
            run = CliRunner().invoke(main, ["carrier", "--config", config, *arguments])
            self.assertEqual((run.exit_code, sentence in run.output), (2, True), run.output)

    def test_whole_numbers(self) -> None:
        """It knows every number of ours: those of `numbers:`, too."""
        settings = attrs.evolve(
            self.configuration.settings, numbers={DESK: "test", "+44*": "test", "default": "test"}
        )
        accounts = tuple(attrs.evolve(account, number=None) for account in settings.accounts)
        settings = attrs.evolve(settings, accounts=accounts)
        self.configuration = attrs.evolve(self.configuration, settings=settings)
        self.ways = attrs.evolve(self.ways, numbers={DESK: "main"})
        self.lives_in(flow({"start": [say("Hello.")]}))
        running = self.serves(Crowd())
        (line,) = self.calls(PERSON)
        self.assertIn("completed", line)
        self.ends(running)
