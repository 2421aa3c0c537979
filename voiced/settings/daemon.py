"""What voiced.yaml says: how the daemon is reached, who may call and speak, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
import msgspec

from voiced.call import room
from voiced.call.privacy import Privacy
from voiced.guard.rules import Inbound, Outbound
from voiced.settings import address, check
from voiced.settings.accounts import accounts
from voiced.settings.apikeys import Api, api, api_flows
from voiced.settings.chosen import Chosen, ChosenAgent, ChosenVoice, agents, plugins, tools, voices
from voiced.settings.inbound import inbound, inbound_flows
from voiced.settings.nearest import instead
from voiced.settings.numbers import dialled, number
from voiced.settings.oncall import WrittenOnCall
from voiced.settings.outbound import outbound, outbound_flows
from voiced.settings.overflow import WrittenOverflow
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN
from voiced.settings.registry import Registry
from voiced.settings.web import web
from voiced.twilio.webhook import Account
from voiced.watch import logs
from voiced.webservices import WebRules

NODE = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"
"""A name that is good for a file and a host."""
LISTEN = "uv:8080:interface=127.0.0.1"
"""Where the daemon listens unless told: a proxy that speaks TLS stands before it."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much at once."""

    calls: Annotated[int, msgspec.Meta(ge=1)] = 200
    """More are told that all lines are busy."""
    lag_ms: Annotated[int, msgspec.Meta(ge=10)] | None = 250
    """While this machine is later than that (milliseconds, 95 of 100 moments of 5 s), no new call comes in."""
    memory_mb: Annotated[int, msgspec.Meta(ge=100)] | None = None
    """While this process takes more memory than that (megabytes, resident), no new call comes in."""
    reserve: Annotated[int, msgspec.Meta(ge=0, le=100)] = 10
    """Per cent of each limit that calls which we place leave to callers."""

    def limits(self) -> room.Limits:
        """The same for the switchboard."""
        lag = None if self.lag_ms is None else self.lag_ms / 1000
        memory = None if self.memory_mb is None else self.memory_mb * room.MEGABYTE
        return room.Limits(self.calls, lag, memory, self.reserve)


class SpeechCache(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much speech is kept."""

    size_mb: Annotated[int, msgspec.Meta(ge=1)] = 500
    """Megabytes."""


Level = Literal["debug", "info", "warn", "error", "critical"]


class WrittenLogs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged, and how."""

    format: Literal["text", "json"] = "text"
    """Lines for people, or one flat JSON object a line."""
    level: Level = "info"
    """The least that is logged."""
    levels: dict[str, Level] = {}
    """The least by subject: the dotted name of a module, or its beginning."""

    def logs(self) -> logs.Logs:
        """The same for the log."""
        return logs.Logs(self.format == "json", self.level, self.levels)


Sentence = Annotated[str, msgspec.Meta(min_length=1)]


class Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings that say all they mean; the others need a second look (NEEDING_A_LOOK)."""

    voice: str | None = None
    """The voice of flows that name none; not needed while there is only one."""
    flows: Path | None = None
    """The directory of the flows, beside this file."""
    data: Path | None = None
    """Kept speech, the journal, recordings and counts; ./var beside this file unless set."""
    node: Annotated[str, msgspec.Meta(pattern=NODE, description="a short name, like 1 or west-2")] | None = None
    """The name of this daemon among several on one machine that have the same `data`: each has another one."""
    privacy: Privacy = Privacy.MASKED
    """What logs and the journal say of callers: open, masked (numbers without their middle) or strict (nothing)."""
    insecure: bool = False
    """For a desk without Twilio only: nothing is signed, and the daemon listens on loopback alone."""
    limits: Limits = Limits()
    """How much at once."""
    cache: SpeechCache = SpeechCache()
    """How much speech is kept."""
    apology: Sentence | None = None
    """What a caller hears when all else fails."""
    busy: Sentence | None = None
    """What callers hear that are too many."""
    overflow: WrittenOverflow | None = None
    """What becomes of callers for whom there is no room, instead of `busy`."""
    oncall: WrittenOnCall | None = None
    """Who is rung when something is broken, and the flow that tells them."""
    refusal: Sentence | None = None
    """What a caller hears whom no flow takes."""
    goodbye: Sentence | None = None
    """The last sentence of a call that the API, its time limit, or a daemon that stops, ends."""
    drain_seconds: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 30.0
    """When the daemon is told to stop, live calls may go on for so many seconds; then each hears `goodbye`."""
    drain_say: Sentence | None = None
    """What new callers hear while the daemon stops; `busy` unless set."""
    prerender: bool = True
    """Whether every sentence that is the same for all is spoken into the cache at the start."""
    metrics: Literal["local", "key", "everybody"] = "local"
    """Who may read /metrics: this machine and API keys for all flows (`local`), such keys only, or everybody."""
    logs: WrittenLogs = WrittenLogs()
    """What is logged, and how."""
    journal: Literal["calls", "wire"] = "calls"
    """What the journal keeps: a line when a call begins and ends, or (`wire`) also what `voiced replay` needs."""

    def __post_init__(self) -> None:
        if self.journal == "wire" and self.privacy is Privacy.STRICT:
            raise ValueError("`journal: wire` keeps what was said, and `privacy: strict` forbids it: take one out")


NEEDING_A_LOOK = (
    "listen",
    "public_url",
    "node_url",
    "twilio",
    "api",
    "voices",
    "agents",
    "tools",
    "lookups",
    "numbers",
    "outbound",
    "inbound",
    "human",
    "drain_to",
    "http",
)


@attrs.frozen
class Settings:
    """A checked voiced.yaml. It never changes; `plain` has what needs no explanation."""

    plain: Plain
    listen: str
    """A Twisted endpoint description."""
    public_url: str
    """Without a slash at its end."""
    node_url: str
    """By which Twilio reaches this very daemon, of several behind the public URL; "" where there is one only."""
    accounts: tuple[Account, ...]
    voices: Mapping[str, ChosenVoice]
    agents: Mapping[str, ChosenAgent]
    tools: Mapping[str, Chosen]
    """Those that are declared, and those that agents have without."""
    lookups: Mapping[str, Chosen]
    numbers: Mapping[str, str]
    """Number, prefix, address or `default` -> the flow's name."""
    api: Api
    outbound: Outbound
    inbound: Inbound
    human: str | None
    drain_to: str | None
    """Who gets new calls while the daemon stops."""
    web: WebRules
    """What flows may ask of web services (`http:`)."""
    voice: str | None
    """The voice of flows that name none."""
    flows: Path
    data: Path


def read_settings(part: Part, registry: Registry) -> Settings | None:
    """The whole of voiced.yaml as settings, or None; whatever is wrong is noted."""
    if part.value is None:
        part.wrong("this file is empty: the example config/voiced.yaml has all that a daemon needs")
        return None
    before = len(part.faults)
    plain = check.decode(part, Plain, NEEDING_A_LOOK)
    if plain is None:
        return None
    directory = part.document.directory
    found = {
        "listen": _listen(part["listen"], plain),
        "public_url": _public_url(part, plain),
        "node_url": _node_url(part["node_url"], plain),
        "accounts": accounts(part["twilio"], insecure=plain.insecure),
        "voices": voices(part["voices"], registry),
        "agents": agents(part["agents"], part["tools"], part["voices"], registry),
        "tools": tools(part["tools"], part["agents"], registry),
        "lookups": plugins(part["lookups"], "lookup", registry),
        "numbers": {name: flow.value for name, flow in dialled(part["numbers"]).items()},
        "api": api(part["api"]),
        "outbound": outbound(part["outbound"]),
        "inbound": inbound(part["inbound"]),
        "human": number(part["human"]),
        "drain_to": number(part["drain_to"]),
        "web": web(part["http"]),
        "voice": _voice(part, plain),
        "flows": plain.flows or directory / "flows",
        "data": plain.data or directory / "var",
    }
    if plain.oncall is not None and len(part.faults) == before and not _own_number(found):
        part["oncall"].wrong("there is no number to ring from: set `number` of the Twilio account", named=True)
    return Settings(plain, **found) if len(part.faults) == before else None


def _own_number(found: Mapping[str, Any]) -> bool:
    """Whether there is a number that calls can be placed from (voiced.settings.ways)."""
    ours = any(number.startswith("+") and not number.endswith("*") for number in found["numbers"])
    return ours or any(account.number for account in found["accounts"])


def check_flows(part: Part, flows: Mapping[str, Any]) -> None:
    """Every flow that is named is there."""
    rules = (outbound_flows(part["outbound"]), inbound_flows(part["inbound"]), api_flows(part["api"]))
    for inner in chain(
        (inner for _, inner in part["numbers"].items()), (part["overflow"]["flow"], part["oncall"]["flow"]), *rules
    ):
        if isinstance(inner.value, str) and inner.value not in flows:
            inner.wrong(f"no flow is called {inner.written}{instead(inner.value, flows)}")


def default_voice(part: Part) -> str | None:
    """The voice of flows that name none: the one that is chosen, or the only one there is."""
    chosen, all_of_them = part["voice"].value, part["voices"].value
    if isinstance(chosen, str):
        return chosen
    return next(iter(all_of_them)) if isinstance(all_of_them, dict) and len(all_of_them) == 1 else None


def _voice(part: Part, plain: Plain) -> str | None:
    names = part["voices"].value or {}
    if plain.voice is not None and plain.voice not in names:
        part["voice"].wrong(f"no voice is called {part['voice'].written}{instead(plain.voice, names)}")
    return default_voice(part)


def _listen(part: Part, plain: Plain) -> Any:
    endpoint = LISTEN if part.value is None else address.listen(part)
    if plain.insecure and endpoint is not BROKEN and not address.loopback(endpoint):
        return part.wrong(
            "with `insecure: true` only this machine may reach the daemon: "
            f"add `:interface=127.0.0.1` to {part.written}, or take `insecure` out"
        )
    return endpoint


def _public_url(part: Part, plain: Plain) -> Any:
    if part["public_url"].value is not None:
        return address.public_url(part["public_url"], insecure=plain.insecure)
    if plain.insecure:
        port = address.port(part["listen"].value or LISTEN)
        return f"http://localhost:{port}" if port else "http://localhost"
    return part.wrong(
        "`public_url` is missing: the https:// URL by which Twilio reaches this daemon; signatures are made from it"
    )


def _node_url(part: Part, plain: Plain) -> Any:
    return "" if part.value is None else address.public_url(part, insecure=plain.insecure)
