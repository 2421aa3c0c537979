"""`voiced top`, in memory: against the daemon itself."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import click
from rich.console import Console
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.house import KEY, NUMBER, PERSON, House, flow, say
from voiced.call.privacy import Privacy
from voiced.call.steps.digits import Menu
from voiced.call.template import Template
from voiced.cli.apiclient import Api, LiveCall, LiveCalls
from voiced.cli.top import lasted, now, page, shown, watched
from voiced.secret import Secret


def drawn(page: Any) -> str:
    """As a wide terminal shows it."""
    out = StringIO()
    Console(file=out, width=140).print(page)
    return out.getvalue()


class DaemonTests(House):
    """Live calls of a daemon."""

    def setUp(self) -> None:
        """A daemon with a menu."""
        super().setUp()
        menu = Menu(prompt=Template.parse("Press one."), keys={"1": "bye"}, timeout=60)
        self.lives_in(flow({"start": [menu], "bye": [say("Goodbye.")]}))
        self.api = Api(self.network.http(), "http://daemon", Secret(KEY), self.clock)

    def shown(self, privacy: Privacy = Privacy.MASKED) -> str:
        """One look."""
        looking = Deferred.fromCoroutine(shown(self.api, privacy))
        self.passes(0)
        return drawn(self.successResultOf(looking))

    def test_nobody(self) -> None:
        """No calls."""
        self.assertEqual(self.shown().strip(), "no live calls")

    def test_calls(self) -> None:
        """Both directions, what goes on, and how long; numbers as privacy allows."""
        self.ring(from_="+14155550111")
        self.passes(65)
        self.calls_out(PERSON, flow="test")
        self.passes(0.5)
        out = self.shown()
        head, names, placed, rung = out.splitlines()
        self.assertEqual(head.strip(), "2 live calls")
        self.assertEqual(names.split(), ["human", "number", "flow", "node", "now", "agent", "time"])
        self.assertEqual(placed.split()[:5], ["+14•••••••99", "->", "+14•••••••23", "test", "ringing"])
        self.assertEqual(rung.split(), ["+14•••••••11", "<-", "+14•••••••23", "test", "start", "menu", "1:05"])
        self.assertIn(f"{PERSON}", self.shown(Privacy.OPEN))
        self.assertNotIn(NUMBER, out)

    def test_watched(self) -> None:
        """It looks each second, says when the daemon is gone, and ends with Ctrl-C."""
        out, stop = StringIO(), list[Callable[[], object]]()
        console = Console(file=out, width=140)
        how = {"interrupted": lambda reactor, f: stop.append(f)}
        watching = Deferred.fromCoroutine(watched(self.clock, self.api, Privacy.MASKED, console, **how))
        self.passes(0)
        self.ring()
        self.network.forget("daemon")
        self.passes(3.5)
        self.assertNoResult(watching)
        stop[0]()
        self.passes(0)
        self.assertIsNone(self.successResultOf(watching))
        self.assertIn("cannot be asked", out.getvalue())
        self.network.listen("daemon", self.daemon.site())

    def test_no_daemon(self) -> None:
        """Nobody is there, or the key is wrong: a sentence."""
        api = Api(self.network.http(), "http://daemon", Secret("wrong" * 5), self.clock)
        for end in ("does not know this key", "is the daemon running"):
            looking = Deferred.fromCoroutine(shown(api, Privacy.MASKED))
            self.passes(0)
            self.assertIn(end, self.failureResultOf(looking, click.ClickException).value.message)
            self.network.forget("daemon")


class TextTests(SynchronousTestCase):
    """Words and times."""

    def test_now(self) -> None:
        """What a call is at, in words; a stage that is new is shown as it is."""
        said = [now(LiveCall("CA1", stage, verb=verb)) for stage, verb in
                (("running", "say"), ("running", ""), ("dialled", "transfer"), ("parked", ""))]  # fmt: skip
        self.assertEqual(said, ["say", "between steps", "with somebody else", "parked"])

    def test_lasted(self) -> None:
        """Minutes and hours."""
        self.assertEqual([lasted(each) for each in (None, 5.9, 65, 3725)], ["0:00", "0:05", "1:05", "1:02:05"])

    def test_more(self) -> None:
        """More calls than a page has are said to be more; brackets in a name are no markup."""
        out = drawn(page(LiveCalls([LiveCall("CA1", "running", flow="[red]x")], "live.1.CA1"), Privacy.OPEN))
        self.assertIn("1 live call (and more", out)
        self.assertIn("[red]x", out)
