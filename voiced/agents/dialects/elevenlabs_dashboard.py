"""What is set of an agent at elevenlabs.io, as far as a telephone call depends on it; and how it has to be. Pure.

    ► GET   {base_url}/v1/convai/agents/{agent_id}   xi-api-key: …
    ◄ 200   {"conversation_config": {"tts": {"agent_output_audio_format"}, "asr": {"user_input_audio_format"},
                                     "conversation": {"client_events"}},
             "platform_settings": {"auth": {"enable_auth"}, "overrides": {"conversation_config_override": {…}}}}
    ► PATCH the same URL, with the blocks that change       ◄ 200, the whole again

Source: elevenlabs.io's OpenAPI description (2025-08) and the types of elevenlabs 2.78. A block is sent back whole, as
it was read: whether the vendor merges what is sent or replaces by it, nothing else of it changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import attrs

from voiced.agents.dialects.elevenlabs_opening import opening
from voiced.agents.dialects.elevenlabs_settings import NEEDED_EVENTS, Settings
from voiced.errors import AgentError
from voiced.ivoiced import Brief

FORMAT = "ulaw_8000"
"""mu-law at 8000 Hz: what telephones speak."""
_OUTPUT, _INPUT = "agent_output_audio_format", "user_input_audio_format"
_OVERRIDES = ("platform_settings", "overrides", "conversation_config_override")


def address(settings: Settings) -> tuple[str, dict[str, str]]:
    """The URL of the agent's settings, and the headers to ask with. Only for an agent with an `api_key`."""
    if settings.api_key is None:
        raise ValueError("a public agent's settings are shown to its owner only")
    url = f"{settings.base_url.rstrip('/')}/v1/convai/agents/{settings.agent_id}"
    return url, {"xi-api-key": settings.api_key.reveal()}


def overridden(settings: Settings, briefs: Iterable[Brief]) -> frozenset[str]:
    """The overrides that conversations will ask for, by their dotted names: `agent.prompt.prompt`, `tts.voice_id`."""
    openings = (opening(settings, brief, {}, "") for brief in (Brief(), *briefs))
    return frozenset(name for each in openings for name in _leaves(each.get("conversation_config_override", {})))


@attrs.frozen
class Dashboard:
    """An agent's settings, as they were read."""

    whole: Mapping[str, Any] = attrs.field(repr=False)

    @classmethod
    def read(cls, body: bytes) -> Dashboard:
        """From the vendor's answer. Raises AgentError."""
        try:
            whole = json.loads(body)
        except (ValueError, RecursionError):
            whole = None
        if not isinstance(whole, dict) or not isinstance(whole.get("conversation_config"), dict):
            raise AgentError("ElevenLabs answered, and not with an agent's settings: check the agent's base_url")
        return cls(whole)

    @property
    def formats(self) -> tuple[str, str]:
        """What the agent speaks, and what it hears."""
        said = _at(self.whole, "conversation_config", "tts").get(_OUTPUT)
        heard = _at(self.whole, "conversation_config", "asr").get(_INPUT)
        return str(said or "pcm_16000"), str(heard or "pcm_16000")  # the vendor's defaults

    @property
    def authenticates(self) -> bool:
        """Whether it talks to those only who have a signed URL."""
        return _at(self.whole, "platform_settings", "auth").get("enable_auth") is True

    def forbidden(self, wanted: Iterable[str]) -> list[str]:
        """Those of these overrides that its Security tab does not allow."""
        return sorted(name for name in wanted if self._switch(name) is False)

    def unknown(self, wanted: Iterable[str]) -> list[str]:
        """Those for which it shows no switch at all."""
        return sorted(name for name in wanted if self._switch(name) is None)

    @property
    def missing_events(self) -> list[str]:
        """The events that no call can do without, and that it does not send."""
        events = _at(self.whole, "conversation_config", "conversation").get("client_events")
        return sorted(NEEDED_EVENTS.difference(events)) if isinstance(events, list) else []

    def amended(self, wanted: Iterable[str]) -> dict[str, Any]:
        """What is to be sent, so that all of it is as it has to be; {} where it is."""
        patch: dict[str, Any] = {}
        said, heard = self.formats
        if said != FORMAT:
            self._change(patch, ("conversation_config", "tts"), {_OUTPUT: FORMAT})
        if heard != FORMAT:
            self._change(patch, ("conversation_config", "asr"), {_INPUT: FORMAT})
        if missing := self.missing_events:
            place = ("conversation_config", "conversation")
            events = _at(self.whole, *place)["client_events"]
            self._change(patch, place, {"client_events": [*events, *missing]})
        if not self.authenticates:
            self._change(patch, ("platform_settings", "auth"), {"enable_auth": True})
        if forbidden := self.forbidden(wanted):
            switches = deepcopy(dict(_at(self.whole, *_OVERRIDES)))
            for name in forbidden:
                _set(switches, name.split("."), True)
            place = _OVERRIDES[:-1]
            self._change(patch, place, {_OVERRIDES[-1]: switches})
        return patch

    def others_changed(self, now: Dashboard, patch: Mapping[str, Any]) -> list[str]:
        """What is another now, and was not to be: dotted names."""
        before, after = dict(_flat(self.whole)), dict(_flat(now.whole))
        meant = dict(_flat(patch))
        ours = [name for name in {*before, *after} if name.startswith(("conversation_config.", "platform_settings."))]
        return sorted(
            name for name in ours if before.get(name) != after.get(name) and after.get(name) != meant.get(name)
        )

    def _switch(self, name: str) -> bool | None:
        """Whether this override is allowed; None: there is no such switch."""
        switches = _at(self.whole, *_OVERRIDES)
        if not switches:
            return False  # the vendor's default
        at: Any = switches
        for part in name.split("."):
            at = at.get(part) if isinstance(at, dict) else None
        return at if isinstance(at, bool) else None

    def _change(self, patch: dict[str, Any], place: tuple[str, ...], change: Mapping[str, Any]) -> None:
        """Send this block whole, with the change."""
        _set(patch, [*place], {**_at(self.whole, *place), **change})


def _at(whole: Any, *place: str) -> Mapping[str, Any]:
    """The block there; {} where there is none."""
    for name in place:
        whole = whole.get(name) if isinstance(whole, Mapping) else None
    return whole if isinstance(whole, Mapping) else {}


def _set(whole: dict[str, Any], place: list[str], value: Any) -> None:
    for name in place[:-1]:
        inner = whole.get(name)
        if not isinstance(inner, dict):
            inner = whole[name] = {}
        whole = inner
    whole[place[-1]] = value


def _leaves(overrides: Any, where: str = "") -> Iterator[str]:
    if not isinstance(overrides, Mapping):
        yield where
        return
    for name, value in overrides.items():
        yield from _leaves(value, f"{where}.{name}" if where else name)


def _flat(whole: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in it, by dotted names."""
    if not isinstance(whole, Mapping):
        yield where, whole
        return
    for name, value in whole.items():
        yield from _flat(value, f"{where}.{name}" if where else str(name))
