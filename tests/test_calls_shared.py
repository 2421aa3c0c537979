"""Several daemons on one machine, with one data directory: whole calls that come to whichever the proxy chooses."""

from __future__ import annotations

import json
from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.server import Site
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.files_house import FLOW, KEY, NUMBER, PERSON, REGISTRY, SETTINGS, FilesHouse
from tests.mortal import MortalClock
from voiced import building
from voiced.building import Building
from voiced.call.records import Stage
from voiced.errors import StoreError
from voiced.inodes import INeighbours
from voiced.nodes.reaching import HOST
from voiced.settings.load import read
from voiced.simulator.carrier import ACCOUNT_SID, SimulatedCall

NODES = ("one", "two")
LONG = "abcdefghijklmnopqrstuvwxyz" * 2
SAID = f"First, {LONG}.Second, {LONG}."
OTHER = "+14155550188"


class MortalReactor(MortalClock):
    """A reactor of one daemon that may be killed; all but the time is another's."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        """Named by Python: what is not here."""
        return getattr(self._reactor, name)


@implementer(IStreamClientEndpoint)
class Balancer:
    """A proxy that shares connections out as it was told, and then one after the other."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.plan: list[str] = []
        self.alive = list(NODES)

    def connect(self, protocolFactory: Any) -> Any:
        """See IStreamClientEndpoint."""
        if not self.plan:
            self.plan = list(self.alive)
        name = self.plan.pop(0)
        return self._network.endpoint(name if name in self.alive else self.alive[0]).connect(protocolFactory)


class SharedHouse(FilesHouse):
    """Two daemons, `one` and `two`, whose database is one file; `self.balancer.plan` says which gets what."""

    flow = FLOW.format(LONG)
    rules = ("calls_at_once: 1", "calls_at_once: 1")

    def setUp(self) -> None:
        """They begin."""
        super().setUp()
        self.successResultOf(self.building.drain())
        self.patch(building, "agent", lambda reactor, directory: self.network.agent())
        self.write("voiced.yaml", SETTINGS.replace(*self.rules) + "node: ${NODE}\ndata: shared\n")
        self.write("flows/test.yaml", self.flow)
        self.write("alone.yaml", SETTINGS)
        self.clocks: dict[str, MortalReactor] = {}
        self.nodes: dict[str, Building] = {}
        for name in NODES:
            self.begin(name)
        self.building = self.nodes["one"]
        self.daemon = self.building.daemon
        self.balancer = Balancer(self.network)
        verifyObject(IStreamClientEndpoint, self.balancer)
        self.carrier.account.daemon = self.balancer
        self.network.forget("daemon")
        self.network.listen("daemon", self.daemon.site())

    def tearDown(self) -> None:
        """Nothing is left of any call, in neither of them, nor on the disk."""
        super().tearDown()
        for name, node in self.nodes.items():
            if not self.clocks[name].dead:
                self.assertEqual((len(node.daemon.switchboard), len(node.guard)), (0, 0), name)
                self.assertEqual((node.daemon.switchboard._tickets, node.daemon.switchboard.bad_tickets), ({}, {}))
                self.assertEqual(node.daemon.routes.refused["unsigned"], 0)
                self.successResultOf(node.drain())

    def begin(self, name: str) -> Building:
        """A daemon of that name begins."""
        reactor = self.clocks[name] = MortalReactor(self.reactor)
        node = self.nodes[name] = Building(read(self.home / "voiced.yaml", {"NODE": name}, REGISTRY), reactor)
        self.network.listen(name, Site(node.daemon.site().resource, reactor=reactor))
        self.network.listen(name + HOST, node.daemon.neighbours_site())
        node.daemon.compare()
        return node

    def kill(self, name: str) -> None:
        """kill -9."""
        self.clocks[name].die()
        for port in (name, name + HOST):
            self.network.cut(port)
            self.network.forget(port)
        self.nodes[name].store.lock.release()
        self.balancer.alive.remove(name)
        self.building = next(node for other, node in self.nodes.items() if not self.clocks[other].dead)
        self.daemon = self.building.daemon

    def asked_at(self, name: str, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """What an API client is answered by that one."""
        self.network.forget("daemon")
        self.network.listen("daemon", Site(self.nodes[name].daemon.site().resource, reactor=self.reactor))
        return self.asks(method, path, KEY, **body)

    def here(self, name: str) -> list[str]:
        """The calls that live there."""
        return [call.info.sid for call in self.nodes[name].daemon.switchboard]

    def lines(self, call: SimulatedCall, event: str = "ended") -> list[dict[str, Any]]:
        """What the journal of them all has of the call."""
        lines = map(json.loads, (self.home / "shared/journal.jsonl").read_text().splitlines())
        return [line for line in lines if line["event"] == event and line["call"] == call.sid]

    def assert_whole(self, call: SimulatedCall) -> dict[str, Any]:
        """The caller has heard all of it, once, and there is one record."""
        self.assertEqual("".join(self.heard(call)), SAID)
        self.assertTrue(call.over)
        (line,) = self.lines(call)
        self.assertEqual((line["ending"], line["faults"], len(self.lines(call, "began"))), ("completed", [], 1))
        return line


class StreamTests(SharedHouse):
    """The webhook at one, the stream at the other."""

    def test_stream_elsewhere(self) -> None:
        """The other finds the call, takes it over with its ticket, and carries it; the first lets go of it."""
        self.balancer.plan = ["one", "two"]
        call = self.ring()
        self.passes(0.5)
        self.assertEqual((self.here("one"), self.here("two")), ([], [call.sid]))
        self.assertEqual(self.nodes["two"].daemon.switchboard.find(call.sid).stage, Stage.RUNNING)
        self.passes(20)
        self.assertEqual(self.assert_whole(call)["streams"], 1)

    def test_all_turns(self) -> None:
        """Wherever webhooks, streams and callbacks come to, in whatever order."""
        for turns in (["one", "two", "two", "one"], ["two", "one", "two", "one"], ["one", "one", "two"]):
            self.balancer.plan = list(turns)
            call = self.ring()
            self.passes(30)
            self.assert_whole(call)
            self.assertEqual((self.here("one"), self.here("two")), ([], []))

    def test_many(self) -> None:
        """As the proxy likes."""
        calls = [self.carrier.ring(NUMBER, from_=f"+141555501{n}") for n in range(40, 47)]
        self.passes(40)
        for call in calls:
            self.assert_whole(call)

    def test_placed(self) -> None:
        """A call that one has placed, and whose stream comes to the other; what it has cost is known in the end."""
        self.balancer.plan = ["two", "two", "one"]
        status, answer = self.asked_at("one", "POST", "/outbound-call", number=PERSON)
        self.assertEqual(status, 200)
        self.passes(30)
        self.assert_whole(self.carrier.calls[answer["callSid"]])

    def test_interface(self) -> None:
        """They are what the routes know of them."""
        verifyObject(INeighbours, self.daemon.routes._neighbours)

    def test_lost_stream(self) -> None:
        """A stream that breaks, and whose next one comes to the other: the flow goes on there."""
        self.balancer.plan = ["one", "one", "one", "two"]
        call = self.ring()
        self.passes(1)
        self.network.cut("one")
        self.passes(1)
        self.assertEqual((self.here("one"), self.here("two")), ([], [call.sid]))
        self.passes(20)
        self.assertIn(f"Second, {LONG}.", "".join(self.heard(call)))
        (line,) = self.lines(call)
        self.assertEqual((line["ending"], line["streams"]), ("completed", 2))

    def test_second_stream(self) -> None:
        """A stream of a call that talks already is refused, wherever it comes to."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.5)
        bringing = self.nodes["two"].daemon.routes._neighbours.bring(call.sid)
        self.passes(0)
        self.assertEqual(self.successResultOf(bringing), 409)
        self.assertEqual(self.here("one"), [call.sid])
        self.passes(20)
        self.assert_whole(call)


class KilledTests(SharedHouse):
    """One is killed; the other gets what Twilio asks."""

    def test_goes_on(self) -> None:
        """In the middle of a sentence: the other goes on with it; the next of the first one's name does not, too."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.9)
        self.kill("one")
        self.passes(1)
        self.assertEqual(self.here("two"), [call.sid])
        again = self.begin("one")
        self.assertEqual(len(again.daemon.switchboard), 0)
        self.balancer.alive.append("one")
        self.passes(30)
        self.assertIn(f"Second, {LONG}.", "".join(self.heard(call)))
        (line,) = self.lines(call)
        self.assertEqual((line["ending"], line["streams"]), ("completed", 2))

    def test_own_successor(self) -> None:
        """What was not asked for elsewhere, the next one of that name takes up."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.9)
        self.kill("one")
        self.begin("one")
        self.balancer.alive.append("one")
        self.assertEqual((self.here("one"), self.here("two")), ([call.sid], []))
        self.passes(30)
        self.assertEqual(self.lines(call)[0]["ending"], "completed")

    def test_over(self) -> None:
        """A call that has ended at one is known at the other: it does not begin anew."""
        self.balancer.plan = ["one", "one", "one"]
        call = self.ring()
        self.passes(30)
        self.assert_whole(call)
        where = self.nodes["two"].daemon.routes._neighbours
        self.assertIsNone(self.successResultOf(where.ask([call.sid], None)))
        self.assertTrue(self.nodes["two"].daemon.switchboard.has_ended(call.sid))


class CapTests(SharedHouse):
    """The caps hold for both together."""

    rules = ("calls_at_once: 1", "calls_at_once: 1, per_destination_per_day: 1")

    def test_at_once(self) -> None:
        """One call at once is the most: asked for at both, one is refused, until the first is over."""
        people = zip(NODES, (PERSON, OTHER), strict=True)
        answers = [self.asked_at(name, "POST", "/outbound-call", number=number)[0] for name, number in people]
        self.assertEqual(answers, [200, 429])
        self.passes(120)
        self.assertEqual(self.asked_at("two", "POST", "/outbound-call", number=OTHER)[0], 200)
        self.passes(60)

    def test_a_day(self) -> None:
        """One call a day to a number is the most, whoever is asked."""
        self.assertEqual(self.asked_at("one", "POST", "/outbound-call", number=PERSON)[0], 200)
        self.passes(120)
        status, refusal = self.asked_at("two", "POST", "/outbound-call", number=PERSON)
        self.assertEqual(status, 429)
        self.assertIn("1 a day (UTC) is the most", refusal["error"])

    def test_idempotency(self) -> None:
        """The same key is one call, wherever it is asked for."""
        wish = {"number": PERSON, "idempotency_key": "once"}
        answers = [self.asked_at(name, "POST", "/outbound-call", **wish) for name in (*NODES, "one")]
        self.assertEqual(len({answer["callSid"] for _, answer in answers}), 1, answers)
        self.passes(60)


class ApiTests(SharedHouse):
    """What API clients see, whichever they ask."""

    def test_live(self) -> None:
        """A call that lives at one is shown, and ended, by the other."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.5)
        status, shown = self.asked_at("two", "GET", f"/calls/{call.sid}")
        self.assertEqual((status, shown["stage"]), (200, "running"))
        self.assertEqual(self.asked_at("two", "DELETE", f"/calls/{call.sid}")[0], 202)
        self.passes(20)
        self.assertEqual(self.lines(call)[0]["ending"], "cancelled")

    def test_ended(self) -> None:
        """Calls that are over are in the lists of both."""
        call = self.ring()
        self.passes(30)
        for name in NODES:
            self.assertEqual(
                [each["callSid"] for each in self.asked_at(name, "GET", "/calls")[1]["calls"]], [call.sid]
            )


class PartsTests(SharedHouse):
    """A call that has a place in a part of the flows."""

    flow = """
flow: test
start: start
nodes:
  start:
    - limit: {part: advice, most: 1, otherwise: full}
    - say: "An expert is with you, abcdefghijklmnopqrstuvwxyz."
    - say: "Goodbye."
  full:
    - say: "All experts are talking."
"""

    def test_taken_up(self) -> None:
        """It has it where it goes on, and is taken up there once."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.9)
        self.kill("one")
        self.passes(1)
        two = self.nodes["two"].daemon
        two._adopt(two.switchboard.find(call.sid).standing())
        self.assertEqual(len(two._parts), 1)
        other = self.carrier.ring(NUMBER, from_="+14155550140")
        self.passes(30)
        self.assertIn("All experts are talking.", "".join(self.heard(other)))
        self.assertTrue("".join(self.heard(call)).endswith("Goodbye."))
        self.assertEqual(len(two._parts), 0)

    def test_strange_account(self) -> None:
        """A call of an account that one does not have ends there, with a record."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.9)
        standing = self.nodes["one"].daemon.switchboard.find(call.sid).standing()
        info = attrs.evolve(standing.info, sid="CA" + "9" * 32, account="another")
        strange = msgspec.structs.replace(standing, record=attrs.evolve(standing.record, info=info), ticket="t")
        self.nodes["two"].daemon._adopt(strange)
        self.assertEqual(self.here("two"), [])
        self.passes(30)
        lines = (self.home / "shared/journal.jsonl").read_text().splitlines()
        self.assertEqual([json.loads(line)["ending"] for line in lines if info.sid in line], ["failed"])


class TroubledHouse(SharedHouse):
    """Daemons that something happens to."""

    def fails(self, name: str, method: str) -> Any:
        """That one's database cannot do this; gives how it could."""
        standings = self.nodes[name].store.standings
        real = getattr(standings, method)
        self.patch(standings, method, lambda *_: fail(StoreError("the disk is full")))
        return lambda: self.patch(standings, method, real)

    def posted(self, name: str, path: str, **fields: str) -> Any:
        """What Twilio is answered by that one."""
        self.balancer.plan = [name]
        form = {"CallSid": "CA" + "1" * 32, "AccountSid": ACCOUNT_SID, "From": "+14155550100", "To": NUMBER}
        return self.carrier.post(path, form | {"Direction": "inbound", "CallStatus": "in-progress"} | fields)


class TroubleTests(TroubledHouse):
    """What is not as it should be."""

    def test_begins(self) -> None:
        """One that has its calls already, and cannot be reached yet, is asked until it answers."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.5)
        self.network.refuse("one" + HOST, times=3)
        posted = self.posted("two", "/call/answered-by", CallSid=call.sid, AnsweredBy="human")
        self.passes(2)
        self.assertEqual(self.successResultOf(posted).status, 204)
        self.assertEqual(self.nodes["one"].daemon.switchboard.find(call.sid).record.answered_by, "human")

    def test_database(self) -> None:
        """Where it is not known who has a call, one that is new goes on; all else is asked again by Twilio."""
        works = self.fails("two", "where")
        self.balancer.plan = ["two", "two"]
        call = self.ring()
        self.passes(20)
        works()
        self.assert_whole(call)
        self.fails("two", "where")
        posted = self.posted("two", "/call/after")
        self.passes(0)
        self.assertEqual(self.successResultOf(posted).status, 503)

    def test_not_handed_over(self) -> None:
        """A call that cannot be handed over stays; its next stream is heard where it is."""
        works = self.fails("one", "hand_over")
        self.balancer.plan = ["one", "two", "one", "one"]
        call = self.ring()
        self.passes(0.5)
        works()
        self.passes(30)
        self.assertEqual("".join(self.heard(call)), SAID)
        self.assertEqual(self.lines(call)[0]["ending"], "completed")

    def test_handing_over_breaks(self) -> None:
        """A fault of ours is logged, and the stream refused."""
        self.patch(self.nodes["one"].daemon.switchboard, "hand_over", lambda session: 1 / 0)
        self.balancer.plan = ["one", "two", "one", "one"]
        call = self.ring()
        self.passes(30)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual("".join(self.heard(call)), SAID)

    def test_answer_lost(self) -> None:
        """It was handed over, and the word of it was lost: the database knows."""
        handing = self.nodes["one"].store.standings.hand_over

        def hand_over(*given: Any) -> Any:
            return handing(*given).addCallback(lambda _: self.network.cut("one" + HOST))

        self.patch(self.nodes["one"].store.standings, "hand_over", hand_over)
        self.balancer.plan = ["one", "two"]
        call = self.ring()
        self.passes(1)
        self.assertEqual((self.here("one"), self.here("two")), ([], [call.sid]))
        self.passes(20)
        self.assert_whole(call)

    def test_unreadable(self) -> None:
        """What another version has written of a call of one that is gone cannot be gone on with: it begins anew."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.9)
        self.kill("one")
        self.patch(self.nodes["two"].store.standings, "_opened", lambda name, sealed: None)
        self.passes(30)
        self.assertIn(SAID, "".join(self.heard(call)))

    def test_forged(self) -> None:
        """Who has no signature does not move a call; what a stranger says of our URLs is not believed."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.5)
        two = self.nodes["two"]
        url = f"http://two/call/connection/{call.sid}"
        asking = self.network.http().get(url, headers={"X-Voiced-Bases": "http://evil", "X-Twilio-Signature": "x"})
        self.passes(0)
        self.assertEqual(self.successResultOf(asking).code, 403)
        self.assertEqual(self.here("one"), [call.sid])
        two.daemon.routes.refused.clear()

    def test_moved_on(self) -> None:
        """A daemon that is asked for a call which it has not, says so, and begins nothing."""
        asking = self.network.http().post(f"http://one{HOST}/node/hand-over/CA1?node=two&boot=x")
        self.passes(0)
        self.assertEqual(self.successResultOf(asking).code, 421)

    def test_alone(self) -> None:
        """A daemon without a name has no neighbours."""
        alone = Building(read(self.home / "alone.yaml", {}, REGISTRY), self.reactor)
        self.assertIsNone(alone.daemon.neighbours_site())
        self.successResultOf(alone.drain())


class HangingTests(TroubledHouse):
    """A daemon that runs, and does not answer."""

    flow = FLOW.format(LONG) + "    - pause: 100\n"

    def test_hangs(self) -> None:
        """A daemon that has a call and does not answer: Twilio is told so in time, and nothing begins twice."""
        self.balancer.plan = ["one", "one"]
        call = self.ring()
        self.passes(0.5)
        self.network.swallow("one" + HOST)
        for path in ("/call/after", "/call/status", "/call/answered-by", "/call/fallback"):
            posted = self.posted("two", path, CallSid=call.sid)
            self.passes(14)
            self.assertEqual(self.successResultOf(posted).status, 503)
        bringing = self.nodes["two"].daemon.routes._brought(
            self.nodes["two"].daemon.routes._neighbours, None, call.sid
        )
        brought = Deferred.fromCoroutine(bringing)
        self.passes(14)
        self.assertEqual(self.successResultOf(brought)._status, 503)
        self.network.accept("one" + HOST)
        self.assertEqual(self.here("two"), [])
