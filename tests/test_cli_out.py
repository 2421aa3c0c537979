"""`voiced call --out`, and the daemon's API as the command line speaks it: against the daemon itself, in memory."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
from click import ClickException, UsageError
from click.testing import CliRunner
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.trial.unittest import SynchronousTestCase

from tests.api_double import ApiDouble
from tests.house import KEY, NUMBER, PERSON, House, flow, say
from tests.memory_reactor import Connector
from voiced.call.flow import OnMachine
from voiced.call.records import Ending
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Transfer
from voiced.call.template import Template
from voiced.cli import main
from voiced.cli.apiclient import Api, Call, Denied, Unanswered, Wanted
from voiced.cli.outgoing import ended, played, simulated, watched
from voiced.cli.reaching import HERE, address, first_key, local_http
from voiced.cli.ringing import Stage, what_went_wrong
from voiced.errors import Refused
from voiced.secret import Secret
from voiced.settings.load import Configuration, read
from voiced.simulator.carrier import ACCOUNT_SID, AUTH_TOKEN
from voiced.simulator.line import Line
from voiced.simulator.memory import elapse

SETTINGS = f"""
listen: tcp:8080:interface=127.0.0.1
public_url: https://voiced.test
twilio: {{account_sid: {ACCOUNT_SID}, auth_token: "{AUTH_TOKEN}", number: "{NUMBER}", base_url: BASE}}
voices: {{anna: {{engine: local}}}}
numbers: {{default: test}}
api: {{keys: ["${{UNSET:-}}", {{name: crm, key: "${{CRM_KEY:-{KEY}}}"}}]}}
"""
FLOW = "flow: test\nstart: start\nnodes:\n  start:\n    - say: Hello.\n"


def written(home: Path, base: str = "http://127.0.0.1:8081", settings: str = SETTINGS) -> Path:
    """A settings file with a flow beside it."""
    (home / "flows").mkdir(parents=True)
    (home / "flows/test.yaml").write_text(FLOW)
    (home / "voiced.yaml").write_text(settings.replace("BASE", base))
    return home / "voiced.yaml"


class Client(House):
    """Test cases that ask the daemon through the command line's client."""

    def setUp(self) -> None:
        """A daemon that says hello."""
        super().setUp()
        self.lives_in(flow({"start": [say("Hello.")]}))
        self.api = self.client()

    def client(self, key: str = KEY) -> Api:
        """A client of it."""
        return Api(self.network.http(), "http://daemon", Secret(key), self.clock)

    def after(self, asked: Deferred[Any], seconds: float = 0.0) -> Any:
        """What it fires with, after so long."""
        self.passes(seconds)
        return self.successResultOf(asked)

    def denied(self, asked: Deferred[Any]) -> Denied:
        """Why not."""
        self.passes(1)
        error: Denied = self.failureResultOf(asked, Denied).value
        return error


class ApiTests(Client):
    """The client."""

    def test_place_and_look(self) -> None:
        """A call is placed once for its key, looked at while it lives, and when it is over."""
        self.ways = attrs.evolve(self.ways, flow="test")
        self.lives_in(flow({"start": [say("Hello.")]}))
        wanted = Wanted(PERSON, variables={"name": "Ann"}, idempotency_key="k")
        call_sid = self.after(self.api.place(wanted))
        self.assertEqual(self.after(self.api.place(wanted)), call_sid)
        self.assertEqual([call.sid for call in self.carrier.placed], [call_sid])
        call = self.after(self.api.look(call_sid))
        self.assertEqual((call.state, call.over, call.ending), ("live", False, None))
        self.passes(30)
        call = self.after(self.api.look(call_sid))
        self.assertEqual((call.over, call.ending), (True, "completed"))
        self.assertGreater(call.seconds, 2.0)

    def test_hang_up(self) -> None:
        """A call is ended at once."""
        call_sid = self.after(self.api.place(Wanted(PERSON, flow="test")))
        self.after(self.api.hang_up(call_sid), 1)
        self.passes(5)
        self.assert_ended(self.carrier.calls[call_sid], Ending.CANCELLED)

    def test_denied(self) -> None:
        """What the daemon says no with is all there: status, path, rule, the carrier's code, how long to wait."""
        wanted = Wanted(PERSON, flow="test")
        self.assertEqual(self.denied(self.client("x" * 20).place(wanted)).status, 401)
        wrong = self.denied(self.api.place(Wanted("somebody", flow="test")))
        self.assertEqual((wrong.status, wrong.path), (400, "number"))
        self.guard.refusals["place"] = Refused("allow", "JM is not in `allow`")
        refused = self.denied(self.api.place(wanted))
        self.assertEqual((refused.status, refused.rule, refused.retry_after), (403, "allow", None))
        self.guard.refusals["place"] = Refused("hours", "it is night", retry_after=99.5)
        refused = self.denied(self.api.place(wanted))
        self.assertEqual((refused.status, refused.rule, refused.retry_after), (429, "hours", 100.0))
        del self.guard.refusals["place"]
        self.carrier.refuse(PERSON, 21211)
        refused = self.denied(self.api.place(wanted))
        self.assertEqual((refused.status, refused.code), (400, 21211))
        self.assertEqual(self.denied(self.api.look("CA/../x y")).status, 404)

    def test_unanswered(self) -> None:
        """A daemon that is gone, deaf or slow is a sentence that says so."""
        self.network.refuse("daemon")
        table = {"refuse": "is the daemon running", "swallow": "it does not answer in time"}
        for trouble, sentence in table.items():
            getattr(self.network, trouble)("daemon")
            asked = self.api.look("CA1")
            self.passes(61)
            self.assertIn(sentence, str(self.failureResultOf(asked, Unanswered).value))
            self.network.accept("daemon")

    def test_secrets(self) -> None:
        """Neither the key nor whom it calls is in what is printed of it."""
        shown = repr(self.api) + repr(Wanted(PERSON, "test", prompt="be kind"))
        self.assertNotIn(KEY, shown)
        self.assertNotIn(PERSON, shown)
        self.assertNotIn("be kind", shown)


class WatchedTests(Client):
    """A call that is watched."""

    def watched(self, wanted: Wanted, most: float = 120.0) -> tuple[Deferred[None], list[Any], StringIO]:
        """The command's run, what was given for Ctrl-C, and what it prints."""
        interrupts: list[Any] = []
        out = StringIO()
        run = watched(self.clock, self.api, wanted, most, lambda reactor, interrupted: interrupts.append(interrupted))
        with redirect_stdout(out):
            running = Deferred.fromCoroutine(run)
            self.passes(30)
        return running, interrupts, out

    def test_whole(self) -> None:
        """Its stages, as they come, and how it ended."""
        self.lives_in(flow({"start": [say("This takes a second."), say("And this another.")]}))
        running, _, out = self.watched(Wanted(PERSON, flow="test"))
        self.assertIsNone(self.successResultOf(running))
        lines = out.getvalue().splitlines()
        self.assertRegex(lines[0], "^CA[0-9a-f]{32}: the carrier has taken the call$")
        self.assertEqual(lines[1], "  … ringing")
        self.assertIn("  … running", lines)
        self.assertRegex(lines[-1], r"^completed after [0-9.]+ s$")

    def test_not_answered(self) -> None:
        """Whoever does not answer is an ending, too."""
        self.carrier.person(PERSON, "busy")
        running, _, out = self.watched(Wanted(PERSON, flow="test"))
        self.successResultOf(running)
        self.assertTrue(out.getvalue().splitlines()[-1].startswith("busy after"))

    def test_refused(self) -> None:
        """A call that is not placed is a sentence."""
        running, _, _ = self.watched(Wanted(PERSON, flow="nothing"))
        self.assertEqual(
            str(self.failureResultOf(running, ClickException).value), "flow: there is no flow of that name"
        )

    def test_interrupted(self) -> None:
        """Ctrl-C hangs up, and what becomes of it is seen to the end; so does too long a call."""
        self.lives_in(flow({"start": [Menu(Template.parse("Press 1."), {"1": "start"}, timeout=60, retries=3)]}))
        running, (interrupt,), out = self.watched(Wanted(PERSON, flow="test"))
        self.assertNoResult(running)
        with redirect_stdout(out):
            interrupt()
            self.passes(10)
        self.successResultOf(running)
        self.assertTrue(out.getvalue().splitlines()[-1].startswith("cancelled after"))
        running, _, out = self.watched(Wanted(PERSON, flow="test"), most=10.0)
        self.successResultOf(running)
        self.assertIn("hanging up", out.getvalue())

    def test_gone(self) -> None:
        """A daemon that goes away is not asked for ever."""
        self.lives_in(flow({"start": [Menu(Template.parse("Press 1."), {"1": "start"}, timeout=60, retries=3)]}))
        running, _, out = self.watched(Wanted(PERSON, flow="test"))
        self.network.refuse("daemon")
        with redirect_stdout(out):
            self.passes(20)
        self.network.accept("daemon")
        self.assertIn("it is not known what became of", str(self.failureResultOf(running, ClickException).value))


class TranscriptTests(SynchronousTestCase):
    """What is said on a call that is watched."""

    def test_lines(self) -> None:
        """Each line is shown once, as it comes; one that the daemon keeps to itself is not."""
        daemon, out = ApiDouble(), StringIO()
        daemon.stages = ["ringing", "running"]
        with redirect_stdout(out):
            running = Deferred.fromCoroutine(
                watched(daemon.clock, daemon.reached(), Wanted(PERSON), 60.0, lambda *_: None)
            )
            elapse(daemon.clock, 1.5)
            daemon.lines += [{"who": "agent", "text": "Good morning."}, {"who": "caller", "text": ""}]
            elapse(daemon.clock, 1)
            daemon.lines += [{"who": "caller", "text": "Hello?"}]
            elapse(daemon.clock, 10)
        self.successResultOf(running)
        self.assertEqual(
            out.getvalue().splitlines()[1:],
            ["  … ringing", "  … running", "  agent:   Good morning.", "  caller:  Hello?", "completed after 5.0 s"],
        )

    def test_ended(self) -> None:
        """How a call ended, with what is known of it."""
        self.assertEqual(ended(Call("ended")), "over")
        self.assertEqual(
            ended(Call("ended", ending="completed", seconds=2.04, reason="all said")),
            "completed after 2.0 s: all said",
        )


@attrs.define
class Loopback:
    """A reactor whose ports on this machine are listeners of a MemoryNetwork: 8080 is the daemon's, 8081 Twilio's."""

    house: House
    taken: bool = False

    def seconds(self) -> float:
        """Named by Twisted."""
        return float(self.house.clock.seconds())

    def callLater(self, *when: Any) -> Any:
        """Named by Twisted."""
        return self.house.clock.callLater(*when)

    def connectTCP(self, host: str, port: int, factory: Any, *_: Any, **more: Any) -> Connector:
        """Named by Twisted."""
        name = {("127.0.0.1", 8080): "daemon"}[host, port]
        connector = Connector(IPv4Address("TCP", host, port), self.house.network.connect(name, factory))
        factory.startedConnecting(connector)
        return connector

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Named by Twisted."""
        if self.taken:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        name = {("127.0.0.1", 8081): "api.twilio"}[interface, port]
        self.house.network.forget(name)
        return self.house.network.listen(name, factory)


class PlayedTests(Client):
    """A call where the command is the carrier, and the one who is called."""

    def stage(self, *acts: str, account: str | None = None, **more: Any) -> Stage:
        """What somebody does who is called."""
        self.entries: list[str] = []
        configuration = read(written(Path(self.mktemp())), {})
        return Stage(
            configuration, account, Line.clean(), acts, 60.0, lambda entry: self.entries.append(entry.what), **more
        )

    def played(
        self, stage: Stage, wanted: Wanted, taken: bool = False, passes: float = 60.0
    ) -> tuple[Deferred[Any], StringIO]:
        """The command's run, and what it prints."""
        out = StringIO()
        with redirect_stdout(out):
            running = Deferred.fromCoroutine(played(Loopback(self, taken), self.api, wanted, stage))
            self.passes(passes)
        return running, out

    def test_whole(self) -> None:
        """The daemon asks it to call, it rings, answers, presses a key when asked; the sheet shows all of it."""
        menu = Menu(Template.parse("Press 1."), {"1": "one"}, timeout=9, retries=0)
        self.lives_in(flow({"start": [menu], "one": [say("One.")]}))
        running, out = self.played(self.stage("1"), Wanted(PERSON, flow="test"))
        call, caller = self.successResultOf(running)
        self.assertEqual(self.read(call), ["Press 1.", "One."])
        self.assertIsNone(what_went_wrong(call, caller))
        self.assertEqual(
            [what for what in self.entries if what in ("queued", "presses", "ended")], ["queued", "presses", "ended"]
        )
        self.assertRegex(out.getvalue(), r"^completed after [0-9.]+ s\n$")

    def test_refused(self) -> None:
        """A call that the daemon does not place is a sentence, and the port is free again."""
        running, _ = self.played(self.stage(), Wanted(PERSON, flow="nothing"))
        self.failureResultOf(running, ClickException)
        running, _ = self.played(self.stage(), Wanted(PERSON, flow="test"))
        self.successResultOf(running)

    def test_taken(self) -> None:
        """Where somebody else is the carrier already, that is said."""
        running, _ = self.played(self.stage(), Wanted(PERSON, flow="test"), taken=True)
        self.assertEqual(
            str(self.failureResultOf(running, ClickException).value),
            "the daemon looks for its carrier at http://127.0.0.1:8081, and we cannot be there: "
            "[Errno 98] Address already in use (is a `voiced carrier` still running, or a `voiced call --out`?)",
        )

    def test_ways(self) -> None:
        """Whoever is called may be busy, away or a machine; that is a good call then, and has its own ending."""
        menu = Menu(Template.parse("Press 1."), {"1": "start"}, timeout=4, retries=0)
        self.lives_in(flow({"start": [menu]}, on_machine=OnMachine.HANGUP))
        endings = {
            "busy": "busy",
            "no-answer": "no_answer",
            "rejects": "busy",
            "failed": "failed",
            "machine": "machine",
            "answers": "completed",
        }
        for way, ending in endings.items():
            running, out = self.played(self.stage(way=way), Wanted(PERSON, flow="test"))
            call, caller = self.successResultOf(running)
            self.assertIsNone(what_went_wrong(call, caller, way), way)
            self.assertTrue(out.getvalue().startswith(ending), out.getvalue())
            self.assertEqual(what_went_wrong(call, caller) is None, way in ("machine", "answers"), way)

    def test_cancelled(self) -> None:
        """A call that a client of the API ends while it rings is no fault of the webhook's."""
        running, _ = self.played(self.stage(), Wanted(PERSON, flow="test"), passes=1.0)
        self.after(self.api.hang_up(next(iter(self.daemon.switchboard)).info.sid), 5)
        call, caller = self.successResultOf(running)
        self.assertIn("took the call back while it rang", str(what_went_wrong(call, caller)))

    def test_desks(self) -> None:
        """Whom the call is transferred to may be busy, or let it ring: the flow goes on as it says."""
        desk = "+14155550101"
        dial = Transfer(Template.parse(desk), timeout=5, fallback=Template.parse(""))
        self.lives_in(flow({"start": [dial, say("It was {transfer.result}.")]}), named=frozenset({desk}))
        for does, result in {"busy": "busy", "no-answer": "no_answer", "failed": "failed"}.items():
            running, _ = self.played(self.stage(desks={desk: does}), Wanted(PERSON, flow="test"))
            call, caller = self.successResultOf(running)
            self.assertIsNone(what_went_wrong(call, caller))
            self.assertEqual(self.read(call)[-1], f"It was {result}.")

    def test_no_number(self) -> None:
        """An account without a number cannot call, unless one is named."""
        stage = self.stage()
        accounts = tuple(attrs.evolve(account, number=None) for account in stage.configuration.settings.accounts)
        settings = attrs.evolve(stage.configuration.settings, accounts=accounts)
        stage = attrs.evolve(stage, configuration=attrs.evolve(stage.configuration, settings=settings))
        running, _ = self.played(stage, Wanted(PERSON, flow="test"))
        self.assertIn("which of our numbers calls?", str(self.failureResultOf(running, UsageError).value))
        running, _ = self.played(stage, Wanted(PERSON, flow="test", from_=NUMBER))
        self.successResultOf(running)


class AddressTests(SynchronousTestCase):
    """Where the daemon is, and what opens it."""

    def settings(self, text: str = SETTINGS) -> tuple[Path, Configuration]:
        """Settings, as they were read."""
        path = written(Path(self.mktemp()), settings=text)
        return path, read(path, {})

    def test_key(self) -> None:
        """The one that is given, else the first that is set in the settings."""
        self.assertEqual(address(None, "https://v.example/", "k").key, Secret("k"))
        self.assertEqual(address(self.settings(), None, None, {}).key, Secret(KEY))
        self.assertEqual(address(self.settings(), None, None, {"UNSET": "x" * 20}).key, Secret("x" * 20))
        self.assertEqual(first_key(self.settings()[0], {"CRM_KEY": "y" * 20}), Secret("y" * 20))

    def test_no_key(self) -> None:
        """None at all is a sentence that says where one belongs."""
        off = self.settings(SETTINGS.partition("api:")[0])
        error = self.assertRaises(UsageError, address, off, None, None, {})
        self.assertIn("these settings have no `api.keys`, so the daemon's API is off", str(error))

    def test_place(self) -> None:
        """The URL, without its last slash, else the socket of these settings; nothing where only systemd knows it."""
        self.assertEqual(address(None, "https://v.example/", "k").url, "https://v.example")
        self.assertEqual(address(None, "http://[::1]:8080", "k").url, "http://[::1]:8080")
        here = address(self.settings(), None, None, {})
        self.assertEqual((here.url, here.listen), (None, "tcp:8080:interface=127.0.0.1"))
        systemd = self.settings(SETTINGS.replace("tcp:8080:interface=127.0.0.1", "systemd:domain=INET:index=0"))
        self.assertRaises(UsageError, address, systemd, None, None, {})

    def test_simulated(self) -> None:
        """The carrier is played where the daemon looks for it on this machine, in clear, and nowhere else."""
        table = {
            "http://127.0.0.1:8081": True,
            "http://localhost:8081": True,
            "https://api.twilio.com": False,
            "https://127.0.0.1": False,
        }
        for base, expected in table.items():
            configuration = read(written(Path(self.mktemp()), base), {})
            self.assertIs(simulated(configuration, None), expected, base)


class SocketTests(House):
    """The daemon of this machine, by its socket."""

    def test_reached(self) -> None:
        """Whatever its name: a request goes to where the daemon listens."""
        self.lives_in(flow({"start": [say("Hello.")]}))
        http = local_http(Loopback(self), "tcp:8080:interface=127.0.0.1")
        asked = Api(http, HERE, Secret(KEY), self.clock).look("CA1")
        self.passes(1)
        self.assertEqual(self.failureResultOf(asked, Denied).value.status, 404)

    def test_named(self) -> None:
        """Where nobody listens it is the socket that is named: no URL says which it is."""
        self.lives_in(flow({"start": [say("Hello.")]}))
        path = written(Path(self.mktemp()))
        socket = address((path, read(path, {})), None, None, {}).api(Loopback(self)).socket
        self.network.refuse("daemon")
        api = Api(self.network.http(), "http://daemon", Secret(KEY), self.clock, socket)
        asked = api.look("CA1")
        self.passes(1)
        sentence = str(self.failureResultOf(asked, Unanswered).value)
        self.assertIn("the daemon at tcp:127.0.0.1:8080 cannot be asked: nobody listens there", sentence)
        self.network.accept("daemon")


class UsageTests(SynchronousTestCase):
    """The command line."""

    def test_table(self) -> None:
        """What does not go together ends with 2 and a sentence."""
        config = str(written(Path(self.mktemp()), "https://api.twilio.com"))
        table = {
            (): "either --to, to ring the daemon, or --out",
            ("--to", NUMBER, "--out", PERSON): "either --to",
            ("--to", NUMBER, "--url", "https://v.example", "--config", config): "--url and --as go with --out",
            ("--to", NUMBER, "--as", "busy", "--config", config): "--url and --as go with --out",
            ("--to", ""): "it is empty: a number begins with +",
            ("--out", " "): "it is empty: a number begins with +",
            ("--out", PERSON, "--from", "", "--config", config): "it is empty: a number begins with +",
            ("--out", PERSON, "--press", "x"): "'x' are no keys of a telephone",
            ("--out", PERSON, "--desk", "+1415=asleep"): "'+1415=asleep' is not NUMBER= and one of: answers, busy",
            ("--out", PERSON, "--as", "busy", "--config", config): "are for a carrier on this machine",
            ("--out", PERSON, "--variable", "name"): "'name' is no name=value",
            ("--out", PERSON, "--press", "1", "--config", config): "are for a carrier on this machine",
            ("--out", PERSON, "--url", "http://v.example", "--key", KEY): "would send the key",
        }
        for arguments, sentence in table.items():
            run = CliRunner().invoke(main, ["call", *arguments])
            self.assertEqual((run.exit_code, sentence in run.output), (2, True), run.output)
