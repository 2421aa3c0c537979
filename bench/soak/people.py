"""Who calls, and who is called: they press and say what they like, say nothing, and hang up when it is worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from bench.soak.clock import HeapClock
from bench.soak.premises import ELEVENLABS, Premises
from voiced.simulator.carrier import Line, SimulatedCall
from voiced.simulator.elevenlabs import AGENT_ID, API_KEY
from voiced.simulator.sheet import Entry
from voiced.testing.fakes import spell

CALLERS = 300
"""How many different people there are: they call again and again, as they do."""
NUMBERS = tuple(f"+1415555020{last}" for last in range(1, 9))
WORDS = ("YES", "NO", "ONE", "BREAKFAST", "SOMEBODY", "THANKS", "MUMBLE MUMBLE", "stop calling", "pardon")
KEYS = "11122233345567800**##"
"""9 is opted out with in some flows; who presses it is nobody's callee any more, so that is rare (`_keys`)."""
LONGEST = 40.0
"""Seconds after which everybody has hung up."""
DESKS = ("+14155550111", "+14155550121", "+14155550131", "+14155550132", "+14155550133")
"""Whom the flows transfer callers to."""
WISHES: tuple[dict[str, Any], ...] = (
    {"flow": "reminder", "variables": {"name": "Ann", "day": "2026-11-30", "time": "14:30", "appointment": "1017"}},
    {"flow": "notice", "variables": {"language": "es"}},
    {"flow": "notice"},
    {"flow": "hotel"},
    {"flow": "steps"},
    {"flow": "reminder"},  # refused: it needs variables
)


class People:
    """Places calls, both ways; `kinds` counts what sort of people they were."""

    def __init__(self, premises: Premises, clock: HeapClock, random: Random) -> None:
        self._premises, self._clock, self._random = premises, clock, random
        self.kinds: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        """What the API answered to those who wanted somebody called."""
        premises.carrier.on_placed = self._lead
        for last in range(CALLERS):
            premises.carrier.person(f"+1415555{1000 + last}")

    def call(self) -> None:
        """Somebody calls, or wants somebody called."""
        if self._random.random() < 0.25:
            self._call_out()
        else:
            self._call_in()

    def look_in(self) -> SimulatedCall:
        """Somebody rings, and is gone before anything was said: hang them up."""
        return self._premises.carrier.ring(self._random.choice(NUMBERS), from_=self._somebody())

    def greet(self) -> None:
        """One call, and one request for a signed URL, in good weather: by them it is noticed what is over."""
        self._premises.carrier.ring(NUMBERS[0], from_=f"+1415555{1000}")
        url = f"https://{ELEVENLABS}/v1/convai/conversation/get-signed-url?agent_id={AGENT_ID}"
        asked = self._premises.tools.http.get(url, headers={"xi-api-key": API_KEY}, reactor=self._clock)
        asked.addCallback(lambda response: response.content())

    def _call_in(self) -> None:
        random, call = self._random, None
        carrier = self._premises.carrier
        carrier.callee(random.choice(DESKS), random.choice(("completed", "busy", "no-answer", "failed")),
                       random.choice((0.5, 2.0, 8.0)), random.choice((1.0, 10.0)))  # fmt: skip
        worst = self._worst_moment() if random.random() < 0.3 else None

        def watch(entry: Entry) -> None:
            if worst is not None and call is not None and worst(entry):
                self._later(0.0, call.hang_up)

        from_ = "anonymous" if random.random() < 0.02 else self._somebody()
        number = random.choice(NUMBERS)
        call = carrier.ring(number, from_=from_, line=self._line(), on_entry=watch)
        self.kinds["inbound, hangs up at the worst moment" if worst else "inbound"] += 1
        self._lead(call)

    def _call_out(self) -> None:
        random, number = self._random, self._somebody()
        does = random.choices(("answers", "busy", "rejects", "no-answer", "failed"), (8, 1, 1, 1, 1))[0]
        by = random.choices(("human", "machine", "fax", "unknown"), (6, 3, 1, 1))[0]
        talk = random.choice((None, None, random.uniform(0, LONGEST)))
        self._premises.carrier.person(
            number, does, ring=random.choice((0.5, 3.0)), talk=talk, answered_by=by, detected=random.choice((0.5, 3)),
            greeting=random.choice((1.0, 5.0)), says=spell("HELLO") if by == "machine" else b"", line=self._line(),
        )  # fmt: skip
        self.kinds[f"outbound, {does}" + (f" ({by})" if does == "answers" else "")] += 1
        headers = {"Idempotency-Key": f"{random.getrandbits(64):x}"} if random.random() < 0.3 else {}
        wish = {"number": number, **random.choice(WISHES)}
        for _ in range(2 if headers and random.random() < 0.3 else 1):
            self._premises.asks("POST", "/outbound-call", wish, **headers).addCallbacks(
                self._answered, self._unanswered
            )

    def _answered(self, answer: tuple[int, Any]) -> None:
        self.asked[str(answer[0])] += 1

    def _unanswered(self, _: object) -> None:
        self.asked["no answer"] += 1

    def _lead(self, call: SimulatedCall) -> None:
        """Have this human do something from time to time, until they hang up."""
        random = self._random
        until = random.choice((random.uniform(0, 1), random.uniform(1, 8), random.uniform(4, 15), LONGEST))
        self._later(until, call.hang_up)
        if random.random() < 0.2:
            return  # silent
        at = random.uniform(0.2, 2.0)
        while at < until:
            self._later(at, self._act, call)
            at += random.expovariate(0.6)

    def _act(self, call: SimulatedCall) -> None:
        if call.over:
            return
        dice = self._random.random()
        if dice < 0.6:
            call.press(self._keys())
        elif dice < 0.9:
            words = self._random.choice(WORDS)
            call.speak(spell(words) + b"\xff" * 800, words)
        else:
            call.speak(bytes([self._random.randrange(255)]) * self._random.randrange(8000))

    def _keys(self) -> str:
        if self._random.random() < 0.01:
            return "9"
        return "".join(self._random.choices(KEYS, k=self._random.choice((1, 1, 1, 5))))

    def _worst_moment(self) -> Callable[[Entry], bool]:
        """One that comes with something on the call's sheet: the so-manieth of its kind."""
        what = self._random.choice(
            ("webhook", "twiml", "stream", "audio", "mark", "clear", "dials", "callback", "bridges")
        )
        left = self._random.randrange(3)

        def comes(entry: Entry) -> bool:
            nonlocal left
            if entry.what == what:
                left -= 1
            return left < 0 and entry.what == what

        return comes

    def _later(self, seconds: float, act: Callable[..., object], *arguments: object) -> None:
        self._clock.callLater(seconds, act, *arguments)

    def _somebody(self) -> str:
        return f"+1415555{1000 + self._random.randrange(CALLERS)}"

    def _line(self) -> Line:
        """Most lose nearly all frames on their way to us: what is tried here are calls, and frames take the time."""
        dice = self._random.random()
        if dice < 0.03:
            return Line.real(self._random.randrange(1000))
        return Line(self._random.randrange(1000), gaps=0.6 if dice < 0.8 else 0.0)
