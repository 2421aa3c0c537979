"""Several daemons behind one public URL, each with a URL and a data directory of its own, and nothing shared."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.server import Site
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.files_house import FLOW, KEY, PERSON, PUBLIC_URL, REGISTRY, SETTINGS, FilesHouse
from voiced.building import Building
from voiced.settings.load import read
from voiced.simulator.carrier import SimulatedCall

NODES = ("one", "two")


@implementer(IStreamClientEndpoint)
class Balancer:
    """A proxy that shares connections out, one after the other, whatever is in them."""

    def __init__(self, *endpoints: IStreamClientEndpoint) -> None:
        self._turns = cycle(endpoints)

    def connect(self, protocolFactory: Any) -> Any:
        """See IStreamClientEndpoint."""
        return next(self._turns).connect(protocolFactory)


class NodesTests(FilesHouse):
    """Two machines: the one that answers a webhook names itself in what it answers."""

    def setUp(self) -> None:
        """A balancer before two daemons."""
        super().setUp()
        self.successResultOf(self.building.drain())
        self.nodes = {name: self.node(name) for name in NODES}
        self.building, _ = self.nodes.values()
        self.daemon = self.building.daemon
        balancer = Balancer(*(self.network.endpoint(name) for name in NODES))
        verifyObject(IStreamClientEndpoint, balancer)
        self.carrier.account.daemon = balancer
        self.carrier.account.nodes.update((self.url(name), self.network.endpoint(name)) for name in NODES)
        self.network.forget("daemon")
        self.network.listen("daemon", self.daemon.site())

    def tearDown(self) -> None:
        """They stop, and neither had an unsigned request."""
        super().tearDown()
        for building in self.nodes.values():
            self.successResultOf(building.drain())
            self.assertEqual(building.daemon.routes.refused["unsigned"], 0)

    def url(self, name: str) -> str:
        """By which Twilio reaches that one."""
        return f"{PUBLIC_URL}/{name}"

    def node(self, name: str) -> Building:
        """A daemon with files and data of its own, and a port."""
        home = self.home / name
        (home / "flows").mkdir(parents=True)
        (home / "voiced.yaml").write_text(SETTINGS + f"node_url: {self.url(name)}\n")
        (home / "flows/test.yaml").write_text(FLOW.format(name))
        building = Building(read(home / "voiced.yaml", {}, REGISTRY), self.reactor)
        self.network.listen(name, Site(building.daemon.site().resource, reactor=self.reactor))
        return building

    def lines(self, call: SimulatedCall, name: str) -> list[str]:
        """What that one's journal has of the call."""
        journal = (self.home / name / "var/journal.jsonl").read_text().splitlines()
        return [line for line in journal if call.sid in line]

    def test_balanced(self) -> None:
        """Calls come to either by the public URL; all that follows of one comes to the one that has answered."""
        calls = [self.ring() for _ in range(6)]
        self.passes(20)
        spoken = ["".join(self.heard(call)) for call in calls]
        self.assertEqual({text: spoken.count(text) for text in spoken}, {self.said("one"): 3, self.said("two"): 3})
        for call, text in zip(calls, spoken, strict=True):
            name = "one" if text == self.said("one") else "two"
            self.assertIn(f"wss://voiced.test/{name}/call/connection/{call.sid}", call.twiml[0])
            self.assertIn(f"{self.url(name)}/call/after", call.twiml[0])
            self.assertNotIn(PUBLIC_URL + "/call/", "".join(call.twiml))
            self.assertIn('"ending": "completed"', self.lines(call, name)[-1])

    def test_placed(self) -> None:
        """A call that is asked for belongs to the one that was asked, whatever the balancer does."""
        status, answer = self.asks("POST", "/outbound-call", KEY, number=PERSON)
        self.assertEqual(status, 200)
        self.passes(20)
        call = self.carrier.calls[answer["callSid"]]
        self.assertEqual("".join(self.heard(call)), self.said("one"))
        self.assertIn('"ending": "completed"', self.lines(call, "one")[-1])
        told = self.carrier.rest_requests[0].form
        self.assertEqual([url for url in told.values() if "voiced.test" in url and self.url("one") not in url], [])

    def test_one_stops(self) -> None:
        """The one that stops says so to new calls; the other takes them as ever."""
        self.nodes["one"].drain(30)
        first, second = (self.ring() for _ in range(2))
        self.passes(20)
        self.assertEqual((first.said, self.heard(first)), ([self.daemon.program.busy], []))
        self.assertEqual("".join(self.heard(second)), self.said("two"))

    def said(self, name: str) -> str:
        """What that one's flow says."""
        return f"First, {name}.Second, {name}."
