"""A daemon made of files, with a world in memory around it: Twilio, ElevenLabs, two resolvers."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.web import server
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgentEndpointFactory
from twisted.web.server import Site
from zope.interface import implementer

from tests.files_house import SETTINGS, FilesHouse
from voiced.doctor.examination import Examination, mended
from voiced.doctor.finding import Finding, Verdict
from voiced.doctor.world import World
from voiced.simulator.elevenlabs import API_KEY, ElevenLabs

ADDRESS, INNER = "93.184.216.34", "192.168.1.20"
AGENTS = f"""
agents:
  ann: {{agent: elevenlabs, agent_id: agent_pretend, api_key: {API_KEY}, base_url: "https://api.elevenlabs"}}
"""
WITH_AGENT = """
flow: ai
start: start
nodes:
  start:
    - agent: {use: ann, prompt: "You speak with {call.caller}.", voice: someone}
"""


@implementer(IAgentEndpointFactory)
@attrs.frozen
class _To:
    """Whoever is asked for, one name of the network answers."""

    network: Any
    name: str

    def endpointForURI(self, uri: URI) -> Any:
        """Named by Twisted."""
        return self.network.endpoint(self.name)


class DoctorHouse(FilesHouse):
    """The daemon stands at ADDRESS, and everything is as it should be, until a test changes it."""

    def setUp(self) -> None:
        """All of it."""
        super().setUp()
        self.settings()
        self.servers_ahead = 0.0
        self.patch(server, "datetimeToString", self.date)
        self.write("flows/ai.yaml", WITH_AGENT)
        self.vendor = ElevenLabs(self.reactor)
        self.vendor.agent = attrs.evolve(self.vendor.agent, overrides=["agent.prompt.prompt", "tts.voice_id"])
        self.network.listen("api.elevenlabs", self.vendor.site())
        self.network.listen(ADDRESS, self.daemon.site())
        overrides = "#ct=2000&rc=5&rp=all&tt=15000"
        base = "https://voiced.test/call"
        paths = (f"{base}/{path}{overrides}" for path in ("incoming", "fallback", "status"))
        self.carrier.number("+14155550123", *paths)
        self.public: list[str] = [ADDRESS]
        self.own: list[str] = [ADDRESS]
        self.own_addresses: set[str] = set()
        self.public_names: Callable[[str], Deferred[list[str]]] = lambda name: succeed(self.public)

    def settings(self, *edits: tuple[str, str]) -> None:
        """Write the settings, the agent among them, with these edits."""
        text = SETTINGS + AGENTS
        for old, new in edits:
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.write("voiced.yaml", text)

    def date(self, *_: object) -> bytes:
        """What servers say that the time is."""
        return formatdate(self.reactor.seconds() + self.servers_ahead, usegmt=True).encode()

    @property
    def world(self) -> World:
        """The world as it is now."""
        return World(
            clock=self.reactor,
            http=self.network.http(),
            public_names=lambda name: self.public_names(name),
            own_names=lambda name: succeed(self.own),
            visit=lambda host, address: Agent.usingEndpointFactory(self.reactor, _To(self.network, address)),
            endpoint=lambda address, port: self.network.endpoint(f"tls {address}"),
            is_own=lambda address: address in self.own_addresses,
        )

    def relisten(self, name: str, resource: Any) -> None:
        """Somebody else answers by that name."""
        self.network.forget(name)
        self.network.listen(name, Site(resource, reactor=self.reactor))

    def examined(self, *, fix: bool = False) -> list[Finding]:
        """What the doctor finds."""
        looking = Deferred.fromCoroutine(Examination(self.world, self.read()).findings())
        self.passes(60)
        findings: list[Finding] = self.successResultOf(looking)
        if fix:
            mending = Deferred.fromCoroutine(mended(findings))
            self.passes(60)
            findings = self.successResultOf(mending)
        return findings

    def found(self, check: str, *, fix: bool = False) -> Finding:
        """The one finding of that check."""
        found = [each for each in self.examined(fix=fix) if each.check == check]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def assert_found(self, check: str, verdict: Verdict, *says: str, fix: bool = False) -> Finding:
        """The check says so; a failure has its fix in a line."""
        found = self.found(check, fix=fix)
        self.assertEqual(found.verdict, verdict, found)
        for each in says:
            self.assertIn(each, f"{found.says} | {found.fix}")
        self.assertEqual(bool(found.fix), verdict is Verdict.FAIL)
        self.assertNotIn("\n", found.says + found.fix)
        return found
