"""A whole daemon in memory, made of files as `twistd voiced` makes it: they can be written anew, and reloaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.memory_reactor import MemoryReactor
from voiced import building
from voiced.building import Building
from voiced.call.version import Reloaded
from voiced.errors import VoicedError
from voiced.ivoiced import Tools
from voiced.maker import Maker
from voiced.settings.load import Configuration, read
from voiced.settings.registry import Found, Registry
from voiced.simulator.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, SimulatedCall
from voiced.simulator.memory import elapse, tell_autobahn
from voiced.testing.fakes import SpellingVoice, read_speech

NUMBER, PERSON = "+14155550123", "+14155550199"
PUBLIC_URL = "https://voiced.test"
KEY, NARROW = "a-key-of-more-than-twenty-characters", "another-key-of-more-than-twenty"
SETTINGS = f"""
listen: "tcp:8080:interface=127.0.0.1"
public_url: {PUBLIC_URL}
twilio: {{account_sid: {ACCOUNT_SID}, auth_token: {AUTH_TOKEN}, number: "{NUMBER}", base_url: "https://api.twilio"}}
api: {{keys: [{{name: crm, key: {KEY}}}, {{name: shop, key: {NARROW}, flows: [test]}}]}}
voices: {{anna: {{engine: spelling}}}}
numbers: {{default: test}}
outbound: {{flow: test, allow: [US], calls_at_once: 1}}
prerender: false
"""
FLOW = """
flow: test
start: start
nodes:
  start:
    - say: "First, {0}."
    - say: "Second, {0}."
"""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This module is the voice `spelling`."""

    pace: float = 0.0
    broken: bool = False


def make(settings: Settings, tools: Tools) -> SpellingVoice:
    """A voice, new."""
    if settings.broken:
        raise VoicedError("this voice cannot be made here")
    return SpellingVoice(tools.reactor, settings.pace, pause=0.1)


SPELLING = Found(Maker("voice", "spelling", "A toy", __name__), __name__)
REGISTRY = Registry((*Registry.find().found, SPELLING))


class Pool:
    """A thread pool that does everything at once."""

    def callInThreadWithCallback(self, told: Callable[[bool, Any], object], f: Any, *args: Any, **more: Any) -> None:
        """Named by Twisted."""
        try:
            success, result = True, f(*args, **more)
        except Exception:  # noqa: BLE001 - Twisted's pool does so
            success, result = False, Failure()
        told(success, result)


class Reactor(MemoryReactor):
    """A reactor in memory, with such a pool."""

    def getThreadPool(self) -> Pool:
        """Named by Twisted."""
        return Pool()

    def callFromThread(self, f: Any, *args: Any) -> None:
        """Named by Twisted."""
        f(*args)


class FilesHouse(SynchronousTestCase):
    """Test cases with a daemon that is made of files in `home`."""

    def setUp(self) -> None:
        """A daemon that says two sentences, and hangs up."""
        self.reactor = Reactor()
        self.reactor.advance(1_700_000_000)
        self.network = self.reactor.network
        self.addCleanup(tell_autobahn(self.reactor))
        self.home = Path(self.mktemp())
        (self.home / "flows").mkdir(parents=True)
        self.write("voiced.yaml", SETTINGS)
        self.write("flows/test.yaml", FLOW.format("old"))
        # treq writes bodies on turns of the global reactor, but for the network's own client.
        self.patch(building, "http_client", lambda reactor: self.network.http())
        self.building = Building(self.read(), self.reactor, self.read)
        self.daemon = self.building.daemon
        self.carrier = Carrier(self.reactor, daemon=self.network.endpoint("daemon"), public_url=PUBLIC_URL)
        self.carrier.number(NUMBER, "/call/incoming", fallback_url="/call/fallback", status_url="/call/status")
        self.network.listen("api.twilio", Site(self.carrier.rest, reactor=self.reactor))
        self.network.listen("daemon", self.daemon.site())

    def tearDown(self) -> None:
        """Everybody hangs up, and the house is empty."""
        for call in self.carrier.calls.values():
            call.hang_up()
        self.passes(200)
        self.assertEqual((len(self.daemon.switchboard), len(self.building.guard)), (0, 0))
        self.successResultOf(self.building.drain())

    def read(self) -> Configuration:
        """What is in the files now."""
        return read(self.home / "voiced.yaml", {}, REGISTRY)

    def write(self, name: str, text: str) -> None:
        """Write a file anew."""
        (self.home / name).write_text(text)

    def settings(self, *edits: tuple[str, str]) -> None:
        """Write the settings with these edits."""
        text = SETTINGS
        for old, new in edits:
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.write("voiced.yaml", text)

    def reloads(self) -> Reloaded:
        """What a reload does."""
        reloaded: Reloaded = self.successResultOf(self.building.reload())
        return reloaded

    def passes(self, seconds: float) -> None:
        """Time passes."""
        elapse(self.reactor, seconds)

    def ring(self, to: str = NUMBER) -> SimulatedCall:
        """Somebody dials."""
        call = self.carrier.ring(to)
        self.passes(0)
        return call

    def heard(self, call: SimulatedCall) -> list[str]:
        """What the caller has heard."""
        return read_speech(call.heard)

    def asks(self, method: str, path: str, key: str | None = KEY, **body: Any) -> tuple[int, Any]:
        """What an API client is answered."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        more = {"json": body} if body else {}
        asking = self.network.http().request(method, "http://daemon" + path, headers=headers, **more)

        async def answer() -> tuple[int, Any]:
            response = await asking
            return response.code, json.loads(await response.content())

        asked = Deferred.fromCoroutine(answer())
        self.passes(0)
        told: tuple[int, Any] = self.successResultOf(asked)
        return told
