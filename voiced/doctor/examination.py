"""All checks, side by side, each bounded in time; and the mending of what may be mended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import attrs
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    TimeoutError,  # noqa: A004 - Twisted's own
    gatherResults,
)
from twisted.internet.error import ConnectingCancelledError
from twisted.python.failure import Failure

from voiced.agents.dialects.elevenlabs_dashboard import overridden
from voiced.doctor import account, agents, way_in
from voiced.doctor.clock import CHECK as CLOCK
from voiced.doctor.clock import clock
from voiced.doctor.finding import Finding, Verdict, bad, good, unasked
from voiced.doctor.world import World
from voiced.errors import CarrierError
from voiced.net.trouble import NETWORK, sentence
from voiced.settings.load import Configuration
from voiced.twilio.console import TwilioConsole

SECONDS = 20.0
"""What one check may take."""
TWILIO = "https://api.twilio.com"


@attrs.frozen
class Examination:
    """The checks of a configuration that is good, in this world."""

    world: World
    configuration: Configuration

    async def findings(self) -> list[Finding]:
        """All that is found, in the order in which a call meets it."""
        settings = self.configuration.settings
        consoles = [TwilioConsole(each, self.world.http, self.world.clock) for each in settings.accounts]
        parts = [self._bounded("public url", self._way_in(), 2 * SECONDS)]
        for console in consoles:
            about = console.account.name
            parts.append(self._bounded("account", _one(account.state(console)), about=about))
            parts.append(self._bounded("alerts", account.alerts(self.world, console), about=about))
        parts.append(self._bounded("number", account.numbers(consoles, settings)))
        for name, chosen in agents.of(self.configuration).items():
            wanted = overridden(chosen, agents.briefs(self.configuration, name))
            patient = agents.Patient(self.world, name, chosen, wanted)
            parts.append(self._bounded("agent", patient.findings(), about=name))
        vendors = [each.base_url or TWILIO for each in settings.accounts]
        vendors += [each.base_url for each in agents.of(self.configuration).values()]
        parts.append(self._bounded(CLOCK, _one(clock(self.world, list(dict.fromkeys(vendors))))))
        found = await gatherResults(parts, consumeErrors=True)
        return [self._configured(), *(finding for part in found for finding in part)]

    def _configured(self) -> Finding:
        warnings = self.configuration.warnings
        doubts = f"; {len(warnings)} warning(s): `voiced check` shows them" if warnings else ""
        flows, settings = len(self.configuration.flows), self.configuration.settings
        says = f"good: {len(settings.numbers)} number(s), {flows} flow(s), version {self.configuration.hash}{doubts}"
        return good("configuration", says, str(self.configuration.file))

    async def _way_in(self) -> list[Finding]:
        """What has to know the addresses of public_url."""
        settings = self.configuration.settings
        found = await way_in.addresses(self.world, settings)
        parts = [
            self._bounded("public url", _one(way_in.reach(self.world, settings, found))),
            self._bounded("tls", _one(way_in.tls(self.world, settings, found))),
        ]
        parts += [
            self._bounded("signature", _one(way_in.signature(self.world, settings, found, each)), about=each.name)
            for each in settings.accounts
        ]
        rest = await gatherResults(parts, consumeErrors=True)
        return [way_in.dns(found), *(finding for part in rest for finding in part)]

    def _bounded(
        self,
        check: str,
        looking: Coroutine[Deferred[Any], Any, list[Finding]],
        seconds: float = SECONDS,
        about: str = "",
    ) -> Deferred[list[Finding]]:
        until = self.world.clock.seconds() + seconds

        def unanswered(failure: Failure) -> list[Finding]:
            failure.trap(TimeoutError, CancelledError, ConnectingCancelledError, *NETWORK)
            late = self.world.clock.seconds() >= until
            why = f"no answer within {seconds:g} s" if late else sentence(failure, "the other side")
            return [unasked(check, why, about)]

        asked: Deferred[list[Finding]] = Deferred.fromCoroutine(looking)
        return asked.addTimeout(seconds, self.world.clock).addErrback(unanswered)


async def mended(findings: Sequence[Finding]) -> list[Finding]:
    """The same, once all is set right that can be; one after the other."""
    return [await _mended(each) if each.mend is not None else each for each in findings]


async def _mended(finding: Finding) -> Finding:
    mend: Callable[[], Awaitable[Finding]] | None = finding.mend
    if mend is None:
        return finding
    try:
        return await mend()
    except CarrierError as error:
        return bad(finding.check, f"not set: {error}", finding.fix, finding.about)


def failed(findings: Sequence[Finding]) -> list[Finding]:
    """Those that did."""
    return [each for each in findings if each.verdict is Verdict.FAIL]


async def _one(looking: Coroutine[Deferred[Any], Any, Finding]) -> list[Finding]:
    return [await looking]
