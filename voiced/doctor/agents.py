"""Checks at ElevenLabs: whether an agent speaks what telephones speak, to whom, and allows what we shall ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from voiced.agents.dialects import elevenlabs_dashboard as dashboard
from voiced.agents.dialects.elevenlabs_dashboard import Dashboard
from voiced.agents.dialects.elevenlabs_door import refusal
from voiced.agents.dialects.elevenlabs_settings import Settings
from voiced.call.steps.handover import Agent as AgentStep
from voiced.doctor.finding import Finding, bad, good, unasked
from voiced.doctor.world import World
from voiced.errors import AgentError
from voiced.ivoiced import Brief
from voiced.net.exchange import read_answer
from voiced.net.trouble import NETWORK, sentence
from voiced.settings.load import Configuration

CHECKS = ("agent formats", "agent authentication", "agent overrides", "agent events")
MOST_BYTES = 1024 * 1024
"""What is read of an agent's settings: its prompt is among them."""
MEND = "`voiced doctor --fix` sets it"
SOMETHING = "…"
"""Stands for a text that is only known on a call."""


def of(configuration: Configuration) -> Mapping[str, Settings]:
    """The ElevenLabs agents of voiced.yaml."""
    chosen = configuration.settings.agents
    return {name: each.settings for name, each in chosen.items() if isinstance(each.settings, Settings)}


def briefs(configuration: Configuration, name: str) -> Iterator[Brief]:
    """What flows will ask of that agent; of texts only that they are there."""
    for flow in configuration.flows.values():
        for steps in flow.nodes.values():
            for step in (placed.step for placed in steps):
                if isinstance(step, AgentStep) and step.use == name:
                    yield Brief(
                        prompt=SOMETHING if step.prompt else None,
                        first_message=SOMETHING if step.first_message else None,
                        language=step.language,
                        voice=step.voice,
                    )


@attrs.frozen
class Patient:
    """An agent that is looked at."""

    world: World
    name: str
    settings: Settings
    wanted: frozenset[str]
    """The overrides that conversations will ask for."""

    async def findings(self) -> list[Finding]:
        """All four of them."""
        if self.settings.api_key is None:
            why = "it has no `api_key` here (a public agent): its settings are shown to its owner only"
            return [unasked(check, why, self.name) for check in CHECKS]
        try:
            seen = await self._ask("GET")
        except NETWORK:
            why = sentence(Failure(), self.settings.base_url)
            return [unasked(check, why, self.name) for check in CHECKS]
        except AgentError as error:
            fix = "see the agent at elevenlabs.io, and its `api_key` and `agent_id`"
            others = [unasked(check, "its settings could not be read", self.name) for check in CHECKS[1:]]
            return [bad(CHECKS[0], str(error), fix, self.name), *others]
        return self._judged(seen)

    def _judged(self, seen: Dashboard) -> list[Finding]:
        said, heard = seen.formats
        formats, who, overrides, events = CHECKS
        found = [
            self._one(formats, seen, said == heard == dashboard.FORMAT, "mu-law 8000 both ways",
                      f"it speaks {said} and hears {heard}; telephones speak mu-law 8000 (noise, or conversion)"),
            self._one(who, seen, seen.authenticates, "signed URLs only",
                      "anybody who knows its id can talk to it, at your expense"),
            self._one(overrides, seen, not seen.forbidden(self.wanted), self._allowed(seen),
                      f"its Security tab forbids {', '.join(seen.forbidden(self.wanted))}, which these settings and "
                      "flows ask for: it would end each such call at once (1008)"),
        ]  # fmt: skip
        if self.settings.client_events:
            return [*found, good(events, "`client_events` says which, for each conversation", self.name)]
        missing = seen.missing_events
        fault = f"{', '.join(missing)} is not sent: callers could not interrupt it, or hear it"
        return [*found, self._one(events, seen, not missing, "audio and interruption are sent", fault)]

    def _one(self, check: str, seen: Dashboard, fine: bool, says: str, fault: str) -> Finding:
        if fine:
            return good(check, says, self.name)

        async def mend() -> Finding:
            return await self._mended(check, fault)

        return bad(check, fault, MEND, self.name, mend)

    def _allowed(self, seen: Dashboard) -> str:
        unknown = seen.unknown(self.wanted)
        known = sorted(self.wanted.difference(unknown))
        says = f"allowed: {', '.join(known)}" if known else "none is asked for"
        return says + (f" (of {', '.join(unknown)} its API does not tell)" if unknown else "")

    async def _mended(self, check: str, fault: str) -> Finding:
        """Set all that is wrong, and see how this is now."""
        try:
            before = await self._ask("GET")
            patch = before.amended(self.wanted)
            now = await self._ask("PATCH", patch) if patch else before
        except NETWORK:
            return unasked(check, sentence(Failure(), self.settings.base_url), self.name)
        except AgentError as error:
            return bad(check, f"not set: {error}", "set it at elevenlabs.io", self.name)
        if others := before.others_changed(now, patch):
            says = f"set, and {', '.join(others)} changed with it"
            return bad(check, says, "look through the agent at elevenlabs.io", self.name)
        found = next(each for each in self._judged(now) if each.check == check)
        if found.mend is not None:
            return bad(check, f"set, and it did not change: {found.says}", "set it at elevenlabs.io", self.name)
        return attrs.evolve(found, says=f"{found.says} (set now; before: {fault})")

    async def _ask(self, method: str, patch: Mapping[str, Any] | None = None) -> Dashboard:
        """Raises AgentError, and what is in NETWORK."""
        url, headers = dashboard.address(self.settings)
        body = None
        if patch is not None:
            body, headers = msgspec.json.encode(patch), {**headers, "content-type": "application/json"}
        asked: Deferred[Any] = self.world.http.request(
            method, url, headers=headers, data=body, unbuffered=True, allow_redirects=False, reactor=self.world.clock
        )
        answer = await read_answer(asked, MOST_BYTES)
        if answer.status != 200:
            raise refusal(self.settings, answer.status, answer.body)
        return Dashboard.read(answer.body)
