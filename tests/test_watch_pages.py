"""/health and /metrics, as balancers, Prometheus and strangers find them."""

from __future__ import annotations

import json
import os

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from tests.house import KEY, SHOP_KEY, House, flow, say
from voiced.call.room import Limits, Room, Unloaded
from voiced.call.steps.speech import Pause
from voiced.errors import StoreError
from voiced.iwatch import Punctual
from voiced.watch.health import LEAST_FREE, LOOK_EVERY, LOOK_SECONDS, Look, has_room
from voiced.watch.pages import is_local


class PagesCase(House):
    def reads(self, path, **headers):
        """The status and text of an answer."""
        asking = self.network.http().request(
            "GET", "http://daemon" + path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        self.passes(0)
        response = self.successResultOf(asking)
        text = response.text()
        self.passes(0)
        self.headers = response.headers
        return response.code, self.successResultOf(text)

    def is_ready(self):
        """What a balancer finds: 200, or the reasons why not."""
        status, text = self.reads("/health/ready")
        answer = json.loads(text)
        self.assertEqual(status, 200 if answer["ready"] else 503)
        return True if answer == {"ready": True} else answer["why"]


class HealthTests(PagesCase):
    def test_live(self):
        """Whoever gets an answer knows that it lives, also while it stops."""
        daemon = self.lives_in(flow({"start": [say("Hi.")]}))
        self.assertEqual(self.reads("/health/live"), (200, '{"live": true}'))
        daemon.drain()
        self.assertEqual(self.reads("/health/live")[0], 200)

    def test_draining(self):
        """One that stops wants no new calls."""
        daemon = self.lives_in(flow({"start": [say("Hi.")]}))
        self.assertEqual(self.is_ready(), True)
        daemon.drain()
        self.assertEqual(self.is_ready(), ["draining"])

    def test_no_room(self):
        """Nor does one that is full, or late; and then it does again."""
        room = Room(Limits(calls=1, lag=0.1), Unloaded())
        self.lives_in(flow({"start": [Pause(1)]}), room=room)
        self.ring()
        self.assertEqual(self.is_ready(), ["calls"])
        self.passes(9)
        self.assertEqual(self.is_ready(), True)
        room.load = Unloaded(Punctual(0.2))
        self.assertEqual(self.is_ready(), ["lag"])

    def test_troubles(self):
        """Nor one that cannot write; all reasons are told, and nothing but a word of each."""
        troubles = {"disk": lambda: True, "journal": lambda: False, "store": lambda: True}
        self.lives_in(flow({"start": [say("Hi.")]}), troubles=troubles)
        self.assertEqual(self.is_ready(), ["disk", "store"])

    def test_nothing_else(self):
        """There is nothing below and beside them."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        self.assertEqual(
            [self.reads(path)[0] for path in ("/health", "/health/", "/health/x", "/metrics/x")], [404] * 4
        )


class MetricsAccessTests(PagesCase):
    def test_stranger(self):
        """Who comes from elsewhere, and has no key, reads nothing; who is on this machine does, unless told."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        self.assertEqual(self.reads("/metrics")[0], 200)
        self.daemon.pages.readers = "key"
        self.assertEqual(self.reads("/metrics")[0], 401)
        self.daemon.pages.readers = "local"
        status, text = self.reads("/metrics", X_Forwarded_For="203.0.113.9")
        self.assertEqual((status, "voiced_" in text), (401, False))
        self.assertEqual(self.headers.getRawHeaders("WWW-Authenticate"), ["Bearer"])

    def test_keys(self):
        """A key for all flows reads it; one for some flows, and a wrong one, do not."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        found = {key: self.reads("/metrics", Authorization=f"Bearer {key}")[0] for key in (KEY, SHOP_KEY, "wrong")}
        self.assertEqual(found, {KEY: 200, SHOP_KEY: 401, "wrong": 401})

    def test_everybody(self):
        """Where the settings say so, everybody reads it, from the next request on."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        self.daemon.pages.readers = "everybody"
        self.assertEqual(self.reads("/metrics")[0], 200)
        self.assertEqual(self.reads("/metrics", Authorization="Basic abc")[0], 200)

    def test_forms(self):
        """It comes in the form that is asked for."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        for accept, kind in (("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/open")):
            _, text = self.reads("/metrics", Authorization=f"Bearer {KEY}", Accept=accept)
            self.assertIn(kind, self.headers.getRawHeaders("Content-Type")[0])
            self.assertIn("# HELP voiced_calls", text)


class FakeRequest:
    """A request from that address."""

    def __init__(self, client, **headers):
        self.client = client
        self.headers = Headers({name.replace("_", "-"): [value] for name, value in headers.items()})

    def getHeader(self, name):
        """Named by twisted.web."""
        values = self.headers.getRawHeaders(name)
        return values[-1] if values else None


class LocalTests(SynchronousTestCase):
    def test_addresses(self):
        """This machine is this machine, by whatever address; a UNIX socket is a proxy's."""
        hosts = {"127.0.0.1": True, "127.8.8.8": True, "10.0.0.1": False, "0.0.0.0": False}  # noqa: S104 - an address
        for host, local in hosts.items():
            self.assertEqual(is_local(FakeRequest(IPv4Address("TCP", host, 1))), local, host)
        for host, local in {
            "::1": True,
            "::ffff:127.0.0.1": True,
            "::ffff:10.0.0.1": False,
            "fe80::1%eth0": False,
        }.items():
            self.assertEqual(is_local(FakeRequest(IPv6Address("TCP", host, 1))), local, host)
        self.assertFalse(is_local(FakeRequest(UNIXAddress(None))))

    def test_proxies(self):
        """What came through a proxy that says so is not from here, whatever it says."""
        here = IPv4Address("TCP", "127.0.0.1", 1)
        for header in ("Forwarded", "X_Forwarded_For", "X_Real_IP", "Via"):
            self.assertFalse(is_local(FakeRequest(here, **{header: "127.0.0.1"})), header)


class LookTests(SynchronousTestCase):
    def setUp(self):
        """A disk that answers when it is told to."""
        self.clock = Clock()
        self.looks = []
        self.look = Look(self.begin, self.clock)

    def begin(self):
        """A look has begun."""
        self.looks.append(Deferred())
        return self.looks[-1]

    def test_well(self):
        """Nothing is wrong until it is known, and it is not looked at all the time."""
        self.assertFalse(self.look())
        self.looks[0].callback(True)
        self.clock.advance(LOOK_EVERY - 1)
        self.assertFalse(self.look())
        self.assertEqual(len(self.looks), 1)
        self.clock.advance(1)
        self.look()
        self.assertEqual(len(self.looks), 2)

    def test_trouble(self):
        """Trouble is trouble until the next look finds none."""
        for result in (False, OSError("no"), StoreError("no")):
            self.look()
            (self.looks[-1].errback if isinstance(result, Exception) else self.looks[-1].callback)(result)
            self.assertTrue(self.look())
            self.clock.advance(LOOK_EVERY)
            self.assertTrue(self.look())
            self.looks[-1].callback(True)
            self.assertFalse(self.look())
            self.clock.advance(LOOK_EVERY)

    def test_no_answer(self):
        """A disk that does not answer is trouble, and is asked once only."""
        self.assertFalse(self.look())
        self.clock.advance(LOOK_SECONDS + 0.1)
        self.assertTrue(self.look())
        self.clock.advance(LOOK_EVERY * 9)
        self.assertTrue(self.look())
        self.assertEqual(len(self.looks), 1)
        self.looks[0].callback(True)
        self.assertFalse(self.look())

    def test_broken(self):
        """A look that breaks, in whatever way, is trouble, logged once, and is tried again."""
        self.look()
        self.looks[-1].errback(ZeroDivisionError())
        self.assertTrue(self.look())
        self.look._look = lambda: 1 / 0
        self.clock.advance(LOOK_EVERY)
        self.assertTrue(self.look())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.look._look = lambda: succeed(True)
        self.clock.advance(LOOK_EVERY)
        self.assertFalse(self.look())

    def test_room(self):
        """A disk has room or not; one that is not there says so."""
        free = os.statvfs(".").f_bavail * os.statvfs(".").f_frsize
        self.assertEqual(has_room("."), free >= LEAST_FREE)
        self.assertRaises(OSError, has_room, "/nowhere/at/all")
