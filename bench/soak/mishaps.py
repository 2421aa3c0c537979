"""What goes wrong meanwhile, one thing after the other, drawn from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

import attrs

from bench.soak.clock import HeapClock
from bench.soak.premises import DAEMON, ELEVENLABS, OPENAI, SPARE, TWILIO, WEB, Premises
from voiced.simulator.carrier import Callbacks, SimulatedCall
from voiced.simulator.elevenlabs import Agent
from voiced.simulator.openai import Call, Model, Reply
from voiced.simulator.vendors.elevenlabs_script import (
    AwaitsQuiet,
    AwaitsSpeech,
    CallsTool,
    Corrects,
    Drops,
    Ends,
    Fails,
    Floods,
    Hears,
    Interrupts,
    Line,
    Pings,
    Says,
    Sends,
    Stalls,
    Waits,
)

T = TypeVar("T")

LINES: Sequence[Line] = (
    *(Says("How can I help you?"), Says("One moment.", pieces=3, pace=0.2), Says("Certainly."), AwaitsQuiet()),
    *(AwaitsSpeech(), Hears("I want a table."), Waits(0.5), Waits(2.0), Interrupts(), Corrects("Certainly.", "Cert")),
    *(Pings(), CallsTool("book_table", {"day": "2026-11-28", "people": 4}), CallsTool("transfer_call")),
    *(CallsTool("hang_up"), CallsTool("nobody_has_this"), CallsTool("book_table", wait=False), Ends(), Ends()),
)
FAULTS: Sequence[Line] = (
    *(Fails(), Fails(1008, "quota_exceeded", "No credits"), Drops(), Stalls(), Stalls(deaf=True)),
    *(Sends("no JSON"), Sends(b"\x00"), Sends("{}"), Floods(100_000)),
)
REPLIES: Sequence[Reply] = (
    *(Reply("Hello."), Reply("One moment.", pieces=3, pace=0.2), Reply("Certainly.", after=0.5), Reply()),
    *(
        Reply("I look.", calls=[Call("system_status")]),
        Reply(calls=[Call("open_ticket", {"summary": "It is broken"})]),
    ),
    *(
        Reply(calls=[Call("transfer_call")]),
        Reply("Goodbye.", calls=[Call("hang_up")]),
        Reply(calls=[Call("no_such")]),
    ),
    Reply(status="failed", details={"error": {"code": "rate_limit_exceeded", "message": "Too many"}}),
    *(Reply("Hm.", pieces=4, stall_after=2), Reply("Hm.", pieces=4, break_after=2)),
)


class Mishaps:
    """Has things go wrong; `counts` says how often each has."""

    def __init__(self, premises: Premises, clock: HeapClock, random: Random) -> None:
        self._premises, self._clock, self._random = premises, clock, random
        self.counts: Counter[str] = Counter()
        self._calm = False
        kinds = [
            (name[1:].replace("_", " "), getattr(self, name)) for name in dir(type(self)) if name.startswith("_m_")
        ]
        self._kinds: list[tuple[str, Callable[[], object]]] = [(name[2:], act) for name, act in kinds]
        self._deck: list[tuple[str, Callable[[], object]]] = []
        """Those that have not happened yet since all had: none waits for chance."""
        premises.elevenlabs.on_conversation = lambda _: self._write_scripts()
        premises.openai.on_session = lambda _: self._expect()
        self._write_scripts()
        self._expect()

    def happen(self) -> None:
        """One thing goes wrong, if there is somebody whom it can happen to."""
        if not self._deck:
            self._deck = self._random.sample(self._kinds, len(self._kinds))
        name, act = self._deck.pop()
        if act() is not False:
            self.counts[name] += 1

    def calm(self) -> None:
        """All is well from now on."""
        premises = self._premises
        self._write_scripts()
        for double in (premises.elevenlabs, premises.spare):
            double.speech.weather.faults.clear()
            double.signed_url.faults.clear()
        premises.carrier.refuse_webhooks(0)
        premises.carrier.lose_answers(0)
        premises.carrier.ledger.faults.clear()
        for host in (DAEMON, TWILIO, ELEVENLABS, SPARE, OPENAI, *WEB):
            premises.network.accept(host)

    # What agents do by themselves

    def _write_scripts(self) -> None:
        random, premises = self._random, self._premises
        script = [random.choice(LINES) for _ in range(random.randrange(6))]
        if random.random() < 0.25:
            script.append(random.choice(FAULTS))
        above = random.choice((None, 100.0))
        premises.elevenlabs.agent = Agent(script=script, interrupt_above=above, overrides=("agent.first_message",))
        premises.openai.model = Model(listens=random.random() < 0.7)

    def _expect(self) -> None:
        """What the model says in the next session."""
        random = self._random
        self._premises.openai.expect(*(random.choice(REPLIES) for _ in range(1 + random.randrange(4))))
        self._premises.openai.model = Model(listens=random.random() < 0.7)

    # The kinds. Each is False if there was nobody to whom it could happen.

    def _m_tts_429(self) -> None:
        self._premises.elevenlabs.speech.weather.fail(429, self._few())

    def _m_tts_500(self) -> None:
        self._premises.elevenlabs.speech.weather.fail(500, self._few())

    def _m_tts_never_answers(self) -> None:
        self._premises.elevenlabs.speech.weather.fail(None)

    def _m_tts_and_spare_fail(self) -> None:
        self._premises.elevenlabs.speech.weather.fail(500, 2)
        self._premises.spare.speech.weather.fail(500)

    def _m_tts_slow(self) -> None:
        self._for_a_while(self._premises.elevenlabs.speech.weather, "after", self._random.choice((0.5, 3.0)))

    def _m_tts_slow_pieces(self) -> None:
        speech = self._premises.elevenlabs.speech
        speech.piece = 0.2
        self._for_a_while(speech, "pace", self._random.choice((0.1, 1.0)))

    def _m_tts_breaks_off(self) -> None:
        self._for_a_while(self._premises.elevenlabs.speech, "break_after", self._random.randrange(2))

    def _m_tts_stalls(self) -> None:
        self._for_a_while(self._premises.elevenlabs.speech, "stall_after", self._random.randrange(2))

    def _m_agent_dies(self) -> bool:
        return self._to_agent(lambda talk: talk.drops())

    def _m_agent_fails(self) -> bool:
        return self._to_agent(lambda talk: talk.fails())

    def _m_agent_closes(self) -> bool:
        return self._to_agent(lambda talk: talk.closes(self._random.choice((1000, 1001, 1011, 3000)), "so long"))

    def _m_agent_stalls(self) -> bool:
        return self._to_agent(lambda talk: talk.stalls(self._random.random() < 0.3))

    def _m_agent_floods(self) -> bool:
        return self._random.random() < 0.2 and self._to_agent(lambda talk: talk.floods())

    def _m_agent_talks_nonsense(self) -> bool:
        return self._to_agent(lambda talk: talk.sends(self._random.choice(("no JSON", b"\x00", "[]", '{"type": 7}'))))

    def _m_agent_refuses(self) -> None:
        elevenlabs, status = self._premises.elevenlabs, self._random.choice((401, 403, 429, 500))
        elevenlabs.agent = attrs.evolve(elevenlabs.agent, refuse=status)
        self._premises.openai.model = attrs.evolve(self._premises.openai.model, refuse=status)
        self._clock.callLater(3.0, self._write_scripts)

    def _m_agent_never_ready(self) -> None:
        elevenlabs, openai = self._premises.elevenlabs, self._premises.openai
        elevenlabs.agent = attrs.evolve(elevenlabs.agent, metadata_after=self._random.choice((None, 1.0, 5.0)))
        openai.model = attrs.evolve(openai.model, updated_after=self._random.choice((None, 1.0, 5.0)))
        self._clock.callLater(3.0, self._write_scripts)

    def _m_signed_url_fails(self) -> None:
        self._premises.elevenlabs.signed_url.fail(self._random.choice((401, 429, 500, None)))

    def _m_host_refuses(self) -> None:
        host = self._random.choice((ELEVENLABS, SPARE, OPENAI, TWILIO, *WEB))
        self._premises.network.refuse(host, self._few())

    def _m_host_is_silent(self) -> None:
        host = self._random.choice((ELEVENLABS, OPENAI, TWILIO, *WEB))
        self._premises.network.swallow(host)
        self._clock.callLater(self._random.uniform(0.5, 4.0), self._premises.network.accept, host)

    def _m_stream_breaks(self) -> bool:
        return self._to_call(self._premises.carrier.drop_stream)

    def _m_connection_breaks(self) -> bool:
        """Of anybody with anybody."""
        host = self._random.choice((DAEMON, DAEMON, TWILIO, ELEVENLABS, OPENAI, *WEB))
        ends = self._premises.network.connections(host)
        if ends:
            self._random.choice(ends).cut()
        return bool(ends)

    def _m_stream_talks_nonsense(self) -> bool:
        def talk(call: SimulatedCall) -> None:
            if call.stream is not None and call.stream.live:
                call.stream.send_raw(self._random.choice(("garbage", '{"event": "stop"}', "[]")))

        return self._to_call(talk)

    def _m_second_stream(self) -> bool:
        def open_it(call: SimulatedCall) -> None:
            other = self._premises.carrier.open_stream(f"/call/connection/{call.sid}", call.sid)
            self._clock.callLater(1.0, other.drop)

        return self._to_call(open_it)

    def _m_webhooks_refused(self) -> None:
        self._premises.carrier.refuse_webhooks(self._few())

    def _m_webhook_answers_lost(self) -> None:
        self._premises.carrier.lose_answers(self._few())

    def _m_webhook_out_of_the_blue(self) -> bool:
        def post(call: SimulatedCall) -> None:
            path = self._random.choice(("incoming", "after", "fallback", "status", "answered-by", "stream-status"))
            status = self._random.choice(("ringing", "in-progress", "completed"))
            posted = self._premises.carrier.post(f"/call/{path}", {**call.form(), "CallStatus": status})
            posted.addErrback(lambda _: None)

        return self._to_call(post)

    def _m_forged_webhook(self) -> None:
        posted = self._premises.carrier.post("/call/incoming", {"CallSid": "CA" + "0" * 32}, "forged")
        posted.addErrback(lambda _: None)

    def _m_callbacks_lost(self) -> None:
        self._callbacks(lost=self._random.choice((("all",), ("completed",), ("in-progress",), ("answered-by",))))

    def _m_callbacks_late(self) -> None:
        self._callbacks(late=self._random.choice((0.5, 5.0)))

    def _m_callbacks_repeated(self) -> None:
        self._callbacks(doubled=True)

    def _m_callbacks_out_of_order(self) -> None:
        self._callbacks(disordered=True)

    def _m_stream_without_action(self) -> None:
        """What follows a stream is the next verb, and not <Connect>'s action."""
        carrier = self._premises.carrier
        carrier.after_close = "next"
        self._clock.callLater(5.0, setattr, carrier, "after_close", "action")

    def _m_rest_fails(self) -> None:
        self._premises.carrier.fail_rest(self._random.choice((429, 500, 503, None)), self._few())

    def _m_rest_answer_lost(self) -> None:
        self._premises.carrier.lose_rest()

    def _m_rest_late(self) -> None:
        self._premises.carrier.delay_rest(self._random.choice((0.5, 5.0)), self._few())

    def _m_number_refused(self) -> None:
        refused, number = self._premises.carrier.account.refused, "+14155550133"
        self._premises.carrier.refuse(number)
        self._clock.callLater(3.0, refused.pop, number, None)

    def _m_ears_fail(self) -> None:
        from voiced.errors import RecognitionFailed

        self._for_a_while(self._premises.hearing, "fail_with", RecognitionFailed("the soak lets the ears fail"))

    def _m_api_hangs_up(self) -> bool:
        return self._to_call(
            lambda call: self._premises.asks("DELETE", f"/calls/{call.sid}").addErrback(lambda _: None)
        )

    def _m_reload(self) -> bool:
        """Not a fault, but as sudden."""
        if self._random.random() < 0.1:
            self._premises.reload()
            return True
        return False

    def _m_clock_jumps_ahead(self) -> bool:
        if self._random.random() < 0.2:
            self._clock.jump(self._random.choice((0.1, 1.0, 3.0)))
            return True
        return False

    def _m_clock_jumps_back(self) -> bool:
        if self._random.random() < 0.2:
            self._clock.jump(-self._random.choice((0.1, 1.0, 3.0)))
            return True
        return False

    # Within

    def _few(self) -> int:
        return self._random.randrange(1, 4)

    def _for_a_while(self, thing: Any, name: str, value: object) -> None:
        """Change it, and put back what is usual, some seconds later."""
        usual = {"after": 0.0, "pace": 0.0}.get(name)
        setattr(thing, name, value)
        self._clock.callLater(self._random.uniform(1.0, 4.0), setattr, thing, name, usual)

    def _callbacks(self, **how: Any) -> None:
        self._premises.carrier.callbacks = Callbacks(**how)
        self._clock.callLater(
            self._random.uniform(1.0, 6.0), setattr, self._premises.carrier, "callbacks", Callbacks()
        )

    def _to_agent(self, act: Callable[[Any], object]) -> bool:
        talks: list[Any] = [*self._premises.elevenlabs.conversations, *self._premises.openai.sessions]
        return self._to(act, [talk for talk in talks if talk.closed is None])

    def _to_call(self, act: Callable[[SimulatedCall], object]) -> bool:
        return self._to(act, [call for call in self._premises.carrier.calls.values() if not call.over])

    def _to(self, act: Callable[[T], object], whom: Sequence[T]) -> bool:
        if whom:
            self._clock.callLater(0, partial(act, self._random.choice(whom)))
        return bool(whom)
