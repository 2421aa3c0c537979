"""The world that a doctor sees on a real machine: its resolvers, its addresses, connections to where it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.names import dns
from twisted.names.error import DNSNameError, DNSQueryTimeoutError
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface.verify import verifyObject

from tests.memory_reactor import MemoryReactor
from tests.test_cli_out import written
from voiced.cli import main
from voiced.doctor.world import _At, is_own, place_of, public_addresses, real_world


class Resolver:
    """Answers with these records, or fails."""

    def __init__(self, *records: Any, error: Exception | None = None) -> None:
        self._records, self._error = records, error

    def lookupAddress(self, name: str) -> Deferred[Any]:
        """Named by Twisted."""
        return self._answer(dns.A)

    def lookupIPV6Address(self, name: str) -> Deferred[Any]:
        """Named by Twisted."""
        return self._answer(dns.AAAA)

    def _answer(self, kind: int) -> Deferred[Any]:
        if self._error is not None:
            return fail(self._error)
        found = [dns.RRHeader("a.test", record.TYPE, payload=record) for record in self._records]
        return succeed(([each for each in found if each.type in (kind, dns.CNAME)], [], []))


class NameTests(SynchronousTestCase):
    """Names by two resolvers."""

    def test_public(self) -> None:
        """Addresses of both kinds, IPv4 first, and no aliases; no such name is no address."""
        resolver = Resolver(dns.Record_CNAME("b.test"), dns.Record_A("93.184.216.34"), dns.Record_AAAA("2001:db8::1"))
        asked = Deferred.fromCoroutine(public_addresses(resolver, "a.test"))
        self.assertEqual(self.successResultOf(asked), ["93.184.216.34", "2001:db8::1"])
        nobody = Deferred.fromCoroutine(public_addresses(Resolver(error=DNSNameError("a.test")), "a.test"))
        self.assertEqual(self.successResultOf(nobody), [])
        silent = Deferred.fromCoroutine(public_addresses(Resolver(error=DNSQueryTimeoutError(1)), "a.test"))
        self.failureResultOf(silent, DNSQueryTimeoutError)

    def test_own(self) -> None:
        """This machine's resolver: each address once, IPv4 first."""
        reactor = MemoryReactor()
        reactor.names = {"a.test": ["2001:db8::1", "192.168.1.20", "192.168.1.20"]}
        world = real_world(reactor)
        self.assertEqual(self.successResultOf(world.own_names("a.test")), ["192.168.1.20", "2001:db8::1"])
        self.assertEqual(self.successResultOf(world.own_names("b.test")), [])

    def test_is_own(self) -> None:
        """An address of this machine can be bound to; nobody else's can, nor what is none."""
        self.assertEqual(
            [is_own(each) for each in ("127.0.0.1", "192.0.2.1", "2001:db8::1", "x")], [True] + [False] * 3
        )

    def test_visit(self) -> None:
        """A connection goes to the address that it is told, whatever the host's name resolves to."""
        reactor = MemoryReactor()
        world = real_world(reactor)
        verifyObject(IAgentEndpointFactory, _At(world.endpoint, "a.test", "192.0.2.7"))
        for url in (b"http://a.test/", b"https://a.test/"):
            asked = world.visit("a.test", "192.0.2.7").request(b"GET", url)
            reactor.advance(1)
            self.failureResultOf(asked, DNSLookupError, ResponseNeverReceived)
        self.assertEqual(reactor.connected, ["192.0.2.7"] * 2)

    def test_place(self) -> None:
        """Host and port of a URL."""
        self.assertEqual([place_of(url)[1:] for url in ("https://a.test", "http://a.test/x", "https://[::1]:8443")],
                         [("a.test", 443), ("a.test", 80), ("::1", 8443)])  # fmt: skip


class CommandTests(SynchronousTestCase):
    """`voiced doctor` with settings that are wrong."""

    def test_faults(self) -> None:
        """Nothing else is looked at, and both kinds of output say so."""
        config = written(Path(self.mktemp()))
        (config.parent / "flows/test.yaml").write_text("flow: test\nstart: nowhere\nnodes: {a: [hangup]}\n")
        people = CliRunner().invoke(main, ["doctor", "--config", str(config)])
        self.assertEqual(people.exit_code, 1)
        self.assertIn("test.yaml:2:8: ", people.output)
        self.assertIn("nothing else was looked at", people.output)
        programs = CliRunner().invoke(main, ["doctor", "--json", "--config", str(config)])
        self.assertEqual(programs.exit_code, 1)
        whole = json.loads(programs.output)
        self.assertEqual((whole["failed"], whole["checks"][0]["check"]), (1, "configuration"))
        self.assertIn("test.yaml:2:8: ", whole["checks"][0]["says"])
