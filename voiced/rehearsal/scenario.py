"""A scenario: one call, who is on it, what goes wrong, and how it has to go. A value, in files and in code alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from voiced.call.records import Ending
from voiced.ioperator import TROUBLE_FACTS
from voiced.rehearsal.acts import Act, Seconds, Text
from voiced.rehearsal.turns import Turn

STRANGER = "+14155550100"
"""Who rings, unless the scenario says."""
OURS = "+14155550123"
"""Whom they ring, where neither the scenario nor voiced.yaml says."""
A_MONDAY = "2026-01-05 17:30"
"""When it is, unless the scenario says: people are at work from California to Berlin."""
Count = Annotated[int, msgspec.Meta(ge=1)]
Dice = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Number = Annotated[
    str,
    msgspec.Meta(pattern=r"^\+[0-9 ().-]{7,24}$", description=f"a telephone number like {STRANGER}, in quotes"),
]
Moment = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?$", description='a day and a time like "2026-11-24 18:30"'
    ),
]


class Callee(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"does": "as"}):
    """A call that we place, as an API client would ask for it, and what the one who is called does."""

    number: Number
    flow: str | None = None
    variables: dict[str, str] = {}
    prompt: str | None = None
    first_message: str | None = None
    does: Literal["answers", "busy", "no-answer", "rejects", "failed"] = "answers"
    answered_by: Literal["human", "machine", "fax", "unknown"] = "human"
    rings: Seconds = 2.0


class Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"does": "as"}):
    """Somebody whom a call is transferred to."""

    does: Literal["answers", "busy", "no-answer", "failed"] = "answers"
    talks: Seconds = 30.0


class WebAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a web service answers when this URL is asked; everything in `json` is text, `body` is sent as it is.

    It is given so many `times`, and then the next one for this URL; so many seconds `late`; with `fails: true` the
    line breaks instead.
    """

    url: Text
    method: str | None = None
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200
    json: Any = None
    body: str = ""
    late: Seconds = 0.0
    fails: bool = False
    times: Count | None = None

    def __post_init__(self) -> None:
        try:
            there = urlsplit(self.url)
            port = there.port
        except ValueError as error:
            raise ValueError(f"`url` cannot be asked: {error}") from None
        if there.scheme not in ("http", "https") or not there.hostname or port == 0:
            raise ValueError(f"`url` is one like https://crm.example.com/guests, not {self.url!r}")


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"first": "from"}):
    """Something that goes wrong, or comes late; `from` and `times` count what is asked of it.

    A `sentence` is a text that no voice can say, as it is spoken. `after`, for the stream and the webhooks, is in
    seconds since the ring.
    """

    voice: str | None = None
    sentence: Text | None = None
    lookup: str | None = None
    tool: str | None = None
    hearing: Literal["fails"] | None = None
    stream: Literal["lost"] | None = None
    webhooks: Literal["refused", "unanswered"] | None = None
    fails: bool = False
    late: Seconds | None = None
    first: Count = 1
    times: Count | None = None
    after: Seconds = 0.0

    def __post_init__(self) -> None:
        kinds = ("voice", "sentence", "lookup", "tool", "hearing", "stream", "webhooks")
        chosen = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(chosen) != 1:
            raise ValueError(f"a fault is of one thing: {', '.join(f'`{kind}`' for kind in kinds)}")
        if chosen[0] in ("voice", "sentence", "lookup", "tool") and self.fails is (self.late is not None):
            raise ValueError(f"what is wrong with the {chosen[0]}? Write `fails: true`, or `late: <seconds>`")

    def hits(self, number: int) -> bool:
        """Whether it happens to the `number`th that is asked."""
        return self.first <= number and (self.times is None or number < self.first + self.times)


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a call may last, in seconds from the ring."""

    below: Seconds | None = None
    above: Seconds | None = None


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the whole call has to have gone, once it is over."""

    ending: Ending | None = None
    heard: tuple[Text, ...] = ()
    """In this order; other sentences may stand between."""
    never_heard: tuple[Text, ...] = ()
    steps: tuple[Text, ...] = ()
    """Nodes (`node`, `node.3`, `flow/node`) that were walked through, in this order; others may stand between."""
    only: bool = False
    """Nothing else: no step that is not in `steps`, and no sentence to its end that nobody waits for."""
    seconds: Bounds = Bounds()
    recorded: bool | None = None
    facts: dict[str, str] = {}
    transferred_to: str | None = None
    refused: str | None = None
    """The rule of voiced.yaml by which the guard has said no."""
    reason: str | None = None
    """Why the flow hung up, in its own words."""


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"caller": "from"}):
    """A scenario without what happens in it."""

    scenario: Text
    """Its name."""
    ring: Number | None = None
    call: Callee | None = None
    flow: str | None = None
    """The flow that answers, whatever the number's own is."""
    caller: str = STRANGER
    at: Moment = A_MONDAY
    time_zone: str = "UTC"
    lookups: dict[str, dict[str, str] | tuple[dict[str, str], ...]] = {}
    """What each lookup answers; several answers are given one after the other, and then the last."""
    tools: dict[str, str | tuple[str, ...]] = {}
    """The same of tools."""
    http: tuple[WebAnswer, ...] = ()
    desks: dict[str, Literal["answers", "busy", "no-answer", "failed"] | Desk] = {}
    faults: tuple[Fault, ...] = ()
    chance: Dice | tuple[Dice, ...] = 0.5
    """What every dice says; several: one after the other, and then the last."""
    trouble: dict[str, str] = {}
    """What `operator: report` finds: `kind`, `text`, `call`, `record`; nothing is broken unless it says so."""
    reloaded: bool = True
    """Whether there are flows from before a reload, to which `operator: last_good_flows` goes back."""
    patience: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 60.0
    """Seconds that the caller waits for anything; in the end, for the call to be over."""
    expect: Expect = Expect()

    def __post_init__(self) -> None:
        if self.call is not None and (self.ring is not None or self.flow is not None):
            raise ValueError("`ring` and `flow` are for who calls us, `call` for whom we call: take one away")
        if unknown := [name for name in self.trouble if name not in TROUBLE_FACTS]:
            raise ValueError(f"`trouble` has {', '.join(TROUBLE_FACTS)}, and no {unknown[0]!r}")
        if not self.at.startswith("20"):
            raise ValueError(f"`at` is a day of this century, not {self.at!r}")
        try:
            self.moment  # noqa: B018 - says what is wrong
        except ZoneInfoNotFoundError:
            raise ValueError(f"`time_zone` is a name like America/New_York, not {self.time_zone!r}") from None
        except ValueError:
            raise ValueError(f"`at` is a time that no clock shows: {self.at!r}") from None

    @property
    def moment(self) -> float:
        """When it begins, in seconds since the epoch. Raises ValueError, also for an hour that the clocks skip."""
        shown = datetime.fromisoformat(self.at).replace(tzinfo=ZoneInfo(self.time_zone))
        back = shown.astimezone(UTC).astimezone(shown.tzinfo)
        if back.replace(tzinfo=None) != shown.replace(tzinfo=None):
            raise ValueError("the clocks are put forward, and skip it")
        return shown.timestamp()


class Scenario(Setting, frozen=True, forbid_unknown_fields=True):
    """One call."""

    agents: dict[str, tuple[Turn, ...]] = {}
    """What each agent does; one that has none here must not be reached."""
    steps: tuple[Act, ...] = ()

    def lookup_answers(self, name: str) -> Sequence[Mapping[str, str]]:
        """What this lookup answers, one after the other, and then the last."""
        answers = self.lookups.get(name, ())
        return (answers,) if isinstance(answers, Mapping) else answers

    def tool_answers(self, name: str) -> Sequence[str]:
        """The same of a tool."""
        answers = self.tools.get(name, ())
        return (answers,) if isinstance(answers, str) else answers

    @property
    def dice(self) -> Sequence[float]:
        """The same of every dice."""
        return (self.chance,) if isinstance(self.chance, float | int) else self.chance or (0.5,)
