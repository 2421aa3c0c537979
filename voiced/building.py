"""The daemon as the settings want it: accounts, tools, voices, journal and program, ready to listen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.daemon import Daemon
from voiced.hearing.local import open_hearing
from voiced.ivoiced import IHearing, Utterance
from voiced.journal import FileJournal
from voiced.settings.load import Configuration, build_program, static_prompts
from voiced.speech.cache import Cache
from voiced.speech.prerender import Rendered, prerender
from voiced.speech.voice import Voice
from voiced.tools import http_client, real_tools
from voiced.twilio.rest import TwilioCarrier
from voiced.twilio.webhook import Accounts

JOURNAL = "journal.jsonl"

log = Logger()


class Hearing:
    """The ears of this process, opened when first asked for; their threads end with the reactor."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._ears: IHearing | None = None

    def __call__(self) -> IHearing:
        """See Tools.hearing."""
        if self._ears is None:
            self._ears = open_hearing(self._reactor.callFromThread)
            self._reactor.addSystemEventTrigger("during", "shutdown", self._ears.close)
        return self._ears


class Building:
    """What stands between a checked configuration and a port."""

    def __init__(self, configuration: Configuration, reactor: Any) -> None:
        settings = configuration.settings
        http = http_client(reactor)
        carrier = TwilioCarrier(settings.accounts, http, reactor)
        data = settings.data.absolute()  # twistd may leave this working directory
        self.tools = real_tools(reactor, http, carrier, data, Hearing(reactor))
        self.program = build_program(configuration, self.tools)
        self.journal = FileJournal(data / JOURNAL, self.tools.in_thread)
        self.daemon = Daemon(
            self.program,
            Accounts(settings.accounts),
            settings.public_url,
            reactor,
            carrier,
            self.journal,
            most_calls=settings.plain.limits.calls,
            insecure=settings.plain.insecure,
        )
        self._render = settings.plain.prerender

    def warm_up(self) -> None:
        """Render the fixed prompts that are not rendered yet, beside everything else. Failures warn."""
        if self._render:
            prerender(self.prompts(), lambda done, total: None).addCallbacks(self._rendered, self._not_rendered)

    def prompts(self) -> Iterator[tuple[str, Cache, Utterance]]:
        """Every fixed prompt, for each cached engine that may have to speak it: fallbacks begin at once, too."""
        for name, utterance in static_prompts(self.program):
            voice = self.program.voices[name]
            for engine in voice.engines if isinstance(voice, Voice) else ():
                if isinstance(engine, Cache):
                    yield name, engine, utterance

    def drain(self) -> Deferred[None]:
        """Let every caller hear the end of the sentence; fires when the last call is over and written down."""
        drained: Deferred[Any] = self.daemon.drain()
        return drained.addCallback(lambda _: self.journal.when_written())

    def abandon(self) -> None:
        """End every call at once."""
        self.daemon.switchboard.abandon()

    def _rendered(self, rendered: Rendered) -> None:
        log.info("prompts: {new} rendered, {held} were there", new=rendered.new, held=rendered.held)
        for (voice, reason), count in Counter((each.voice, each.reason) for each in rendered.missing).items():
            log.warn(
                "voice {voice} could not render {n} prompts ahead: {reason}", voice=voice, n=count, reason=reason
            )

    def _not_rendered(self, failure: Failure) -> None:
        log.failure("rendering prompts ahead broke down; they are rendered when they are needed", failure)
