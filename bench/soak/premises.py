"""One daemon in memory, as the settings beside this file want it, and the doubles of all whom it knows.

The daemon is the real one: flows, guard, store (SQLite), journal, recordings and kept speech on the disk, vendor
code, HTTP and WebSocket. The carrier, the vendors and everybody's web services are in a network in memory, on one
clock.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import attrs
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.server import Site
from zope.interface import implementer

from bench.soak.clock import HeapClock
from bench.soak.services import Services
from voiced.agents.tools.http import Http as HttpTool
from voiced.call.audio import silence, wav
from voiced.call.program import Program
from voiced.call.room import Room
from voiced.daemon import Api, Daemon
from voiced.errors import Refused
from voiced.guard.guard import Attempt, Guard
from voiced.ikept import IJournal
from voiced.journal import FileJournal
from voiced.lookups.remembered import Remembered
from voiced.lookups.web import Web
from voiced.net.url import UrlTemplate
from voiced.recordings import Recordings
from voiced.secret import Secret
from voiced.settings.load import build_program, read, static_prompts
from voiced.settings.made import Made
from voiced.settings.ways import ways
from voiced.simulator.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier
from voiced.simulator.elevenlabs import ElevenLabs
from voiced.simulator.memory import MemoryNetwork, whole_body
from voiced.simulator.openai import OpenAI
from voiced.store.store import open_store
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import FakeTools, spell
from voiced.twilio.rest import TwilioCarrier
from voiced.twilio.webhook import Account, Accounts
from voiced.watch.metrics import Metrics
from voiced.webservices import WebServices

HERE = Path(__file__).parent
SHIPPED = HERE.parent.parent / "config"
LINES = ("notice", "reminder", "restaurant", "support")
"""The shipped lines: each has its flows, their parts and calendars."""
DAEMON, TWILIO, ELEVENLABS, SPARE, OPENAI = (
    "daemon",
    "api.twilio",
    "api.elevenlabs.io",
    "spare.elevenlabs.test",
    "api.openai.com",
)
WEB = (
    "crm.example.com",
    "booking.example.com",
    "status.example.com",
    "tickets.example.com",
    "clinic.example.com",
    "alert.example.com",
)
"""The hosts whom flows, tools and lookups ask."""
KEY = "the-key-of-a-soak-that-opens-nothing"
UNDERSTANDING = 0.1
"""Seconds that the ears of this machine take to understand."""


def furnish(home: Path) -> Path:
    """Put the settings and all flows into this directory; gives the settings file."""
    flows = home / "flows"
    flows.mkdir()
    for file in [*SHIPPED.glob("flows/*.yaml"), *HERE.glob("flows/*.yaml"), SHIPPED / "demo/demo.yaml"]:
        shutil.copy(file, flows)
    for line in LINES:
        for file in SHIPPED.glob(f"flows/{line}/flows/**/*.yaml"):
            there = flows / file.relative_to(SHIPPED / "flows" / line / "flows")
            there.parent.mkdir(exist_ok=True)
            if there.parent.name == "calendars":
                there = there.with_stem(line)
            there.write_text(file.read_text().replace("calendars/holidays.yaml", f"calendars/{line}.yaml"))
    # Two of the shipped files have the same flow name.
    hotel = (SHIPPED / "demo/reminder.yaml").read_text().replace("flow: reminder\n", "flow: hotel\n")
    (flows / "hotel.yaml").write_text(hotel)
    (flows / "sound.wav").write_bytes(wav(spell("la la") + silence(0.3)))
    return Path(shutil.copy(HERE / "voiced.yaml", home))


def quick_speech(text: str) -> bytes:
    """Audio of a text, spoken ten times too fast: what a soak takes is frames, and those are of every second."""
    return b"\x2a" * (80 * len(text)) + silence(0.05)


@implementer(IJournal)
@attrs.frozen
class _Told:
    """A journal with a listener."""

    _journal: IJournal
    _tell: Callable[[Mapping[str, Any]], object]

    def write(self, record: Mapping[str, Any]) -> Deferred[None]:
        """See IJournal."""
        self._tell(record)
        return self._journal.write(record)


class Premises:
    """The daemon and its surroundings. `journal` is told every line, as the file is; `home` is an empty directory."""

    def __init__(
        self, home: Path, clock: HeapClock, random: Random, journal: Callable[[Mapping[str, Any]], object]
    ) -> None:
        self.home, self.clock = home, clock
        self.configuration = read(furnish(home), {})
        self.network = MemoryNetwork(clock)
        self._pools: list[HTTPConnectionPool] = []
        self.services = Services(clock, random)
        for host in WEB:
            self.network.listen(host, self.services.site())
        settings = self.configuration.settings
        account = Account("main", ACCOUNT_SID, (Secret(AUTH_TOKEN),), base_url=f"http://{TWILIO}")
        self.carrier = Carrier(clock, daemon=self.network.endpoint(DAEMON), public_url=settings.public_url)
        self.network.listen(TWILIO, Site(self.carrier.rest, reactor=clock))
        for number in settings.numbers:
            self.carrier.number(number, "/call/incoming", "/call/fallback", "/call/status")
        self.elevenlabs = ElevenLabs(clock, public_url=f"wss://{ELEVENLABS}", voice=quick_speech)
        self.spare = ElevenLabs(clock, voice=quick_speech)
        self.openai = OpenAI(clock, voice=quick_speech)
        for host, double in ((ELEVENLABS, self.elevenlabs), (SPARE, self.spare), (OPENAI, self.openai)):
            site = double.site()
            site.log = lambda request: None
            self.network.listen(host, site)
        http = HTTPClient(self._agent(), data_to_body_producer=whole_body)
        self._rest = TwilioCarrier([account], http, clock, settings.public_url, chance=random.random)
        self.metrics = Metrics()
        self.hearing = FakeHearing(clock, UNDERSTANDING)
        fakes = FakeTools(
            clock, http=http, carrier=self._rest, directory=home, hearing=self.hearing, late=True, watch=self.metrics
        )
        self.tools = attrs.evolve(
            fakes,
            endpoint=lambda url: self.network.endpoint(urlsplit(url).hostname or ""),
            chance=random.random,
        )
        self._web, self._made, self._random = self._agent(), Made(), random
        self._lookups = {name: self._lookup(chosen.settings) for name, chosen in settings.lookups.items()}
        asking = {name: chosen for name, chosen in settings.tools.items() if chosen.plugin == "http"}
        self._asking = {name: self._tool(chosen.settings) for name, chosen in asking.items()}
        self.recordings = Recordings(home, clock, self.tools.in_thread)
        self.store = open_store(home / "voiced.sqlite", FakeTools(clock).in_thread, clock, AUTH_TOKEN.encode())
        self.guard = Guard(
            settings.outbound,
            settings.inbound,
            clock,
            self.store.counts,
            self._refused,
            opted_out=self.store.opted_out,
        )
        self._file = FileJournal(home / "journal.jsonl", self.tools.in_thread)
        self._api = Api(self.store.placed, self.store.kept, ways(settings, [account]), settings.api.keys.party_of)
        self.daemon = Daemon(
            self.program(),
            Accounts([account]),
            settings.public_url,
            clock,
            self._rest,
            _Told(self._file, journal),
            self.guard,
            self._api,
            room=Room(settings.plain.limits.limits()),
            metrics=self.metrics,
            standings=self.store.standings,
        )
        self.network.listen(DAEMON, self.daemon.site())

    def program(self) -> Program:
        """The flows as they are, and their web services in this network."""
        configuration = self.configuration
        made = self._made.anew()
        program = build_program(configuration, self.tools, made)
        made.done()
        self._made = made
        agents = {
            name: attrs.evolve(
                colleague, tools={tool: self._asking.get(tool, real) for tool, real in colleague.tools.items()}
            )
            for name, colleague in program.agents.items()
        }
        rules = configuration.settings.web
        web = WebServices(rules, self._web, self._web, self.clock, lambda: "soaked")
        return attrs.evolve(
            program,
            lookups=self._lookups,
            agents=agents,
            web=web,
            recordings=self.recordings,
            chance=self._random.random,
        )

    def reload(self) -> None:
        """What `voiced reload` does: a new program for new calls."""
        limits = self.configuration.settings.plain.limits
        self.daemon.follow(self.program(), self._api, limits.limits())

    def prerender(self) -> list[Deferred[None]]:
        """Have every sentence that is the same for all spoken, into the cache."""
        done: list[bytes] = []
        voices = self.daemon.program.voices
        return [voices[name].synthesize(prompt, done.append) for name, prompt in static_prompts(self.daemon.program)]

    def asks(self, method: str, path: str, wish: object = None, **headers: str) -> Deferred[tuple[int, Any]]:
        """An API client asks; fires with the status and the JSON of the answer."""
        http = HTTPClient(self.network.agent(), data_to_body_producer=whole_body)
        body = {} if wish is None else {"json": wish}
        headers = {"Authorization": f"Bearer {KEY}", **headers}

        async def answer() -> tuple[int, Any]:
            response = await http.request(
                method, f"http://{DAEMON}{path}", headers=headers, reactor=self.clock, **body
            )
            text = await response.content()
            return response.code, json.loads(text) if text else None

        return Deferred.fromCoroutine(answer())

    def forget_files(self) -> None:
        """Delete what was recorded: the disk is not what is tried here."""
        shutil.rmtree(self.home / "recordings", ignore_errors=True)

    def close(self) -> Deferred[None]:
        """Close the database."""
        return self.store.close()

    def _agent(self) -> Agent:
        """With connections that are kept, as the daemon's own has."""
        pool = HTTPConnectionPool(self.clock, persistent=True)
        pool.cachedConnectionTimeout = 60
        pool._factory.noisy = False
        self._pools.append(pool)
        return self.network.agent(pool)

    def _lookup(self, settings: Any) -> Web:
        defaults = {"user-agent": "voiced", "accept": "application/json"}
        remembered: Remembered[Any, Any] = Remembered(self.clock, settings.cache)
        return Web(settings, settings.request(), defaults, self._web, self.clock, remembered)

    def _tool(self, settings: Any) -> HttpTool:
        return HttpTool(settings, self._web, UrlTemplate.parse(settings.url), {"content-type": "application/json"})

    def _refused(self, refusal: Refused, attempt: Attempt) -> None:
        self.daemon.refused(refusal, **attrs.asdict(attempt, recurse=False))
