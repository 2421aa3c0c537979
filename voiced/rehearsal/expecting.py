"""Holds a performance against what its scenario expects of the whole call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voiced.call.dialplan import plain
from voiced.rehearsal.acts import Hears, Reaches
from voiced.rehearsal.difference import difference
from voiced.rehearsal.performance import Failure, Performance
from voiced.rehearsal.scenario import Expect


def unmet(expect: Expect, went: Performance) -> list[Failure]:
    """Everything that is not as expected."""
    return [*_how_it_ended(expect, went), *_heard(expect, went), *_walked(expect, went), *_left(expect, went)]


def _how_it_ended(expect: Expect, went: Performance) -> Iterator[Failure]:
    if expect.ending is not None and went.ending != expect.ending.value:
        why = f" ({went.reason or '; '.join(went.faults)})" if went.reason or went.faults else ""
        yield _failure(f"the ending was to be {expect.ending.value}, and was {went.ending or 'none'}{why}", "ending")
    if expect.reason is not None and went.reason != expect.reason:
        yield _failure(f"the reason was to be {expect.reason!r}, and was {went.reason!r}", "reason")
    below, above = expect.seconds.below, expect.seconds.above
    if below is not None and went.seconds >= below:
        yield _failure(
            f"the call was to last less than {below:g} s, and lasted {went.seconds:.2f} s", "seconds", "below"
        )
    if above is not None and went.seconds <= above:
        yield _failure(
            f"the call was to last more than {above:g} s, and lasted {went.seconds:.2f} s", "seconds", "above"
        )
    rules = [rule for rule, _ in went.refusals]
    if expect.refused is not None and expect.refused not in rules:
        found = f"by {', '.join(rules)}" if rules else "not at all"
        yield _failure(f"the guard was to refuse by the rule {expect.refused}, and did {found}", "refused")


def _heard(expect: Expect, went: Performance) -> Iterator[Failure]:
    texts = [sentence.text for sentence in went.heard]
    sentence = place = 0
    for number, wanted in enumerate(expect.heard):
        found = _next(Hears(wanted), texts, sentence, place)
        if found is None:
            behind = f" after {expect.heard[number - 1]!r}" if number else ""
            detail = difference(wanted, texts) + _page(went)
            yield _failure(f"{wanted!r} was to be heard{behind}", "heard", number, detail=detail)
            break
        sentence, place = found
    for number, text in enumerate(expect.never_heard):
        for each in went.heard:
            if Hears(text).end_in(each.text) is not None:
                why = f"{text!r} was never to be heard, and was, at {each.began:.2f} s: {each.shown!r}"
                yield _failure(why, "never_heard", number)


def _next(wanted: Hears, texts: Sequence[str], sentence: int, place: int) -> tuple[int, int] | None:
    """The sentence that it is in, at this place or behind it, and where in its words it ends."""
    for number in range(sentence, len(texts)):
        end = wanted.end_in(texts[number], place if number == sentence else 0)
        if end is not None:
            return number, end
    return None


def _walked(expect: Expect, went: Performance) -> Iterator[Failure]:
    steps = iter(went.steps)
    for number, wanted in enumerate(expect.steps):
        if not any(Reaches(wanted).fits(step.flow, step.node, step.number) for step in steps):
            way = ", ".join(dict.fromkeys(step.place for step in went.steps)) or "nowhere"
            yield _failure(f"the flow was to come to {wanted}, and went: {way}", "steps", number)
            break
    else:
        if expect.only:
            yield from _nothing_else(expect, went)


def _nothing_else(expect: Expect, went: Performance) -> Iterator[Failure]:
    """No step that `steps` has not, and no sentence that nobody waits for."""
    left = list(map(Reaches, expect.steps))
    last: Reaches | None = None
    for step in went.steps:
        if left and left[0].fits(step.flow, step.node, step.number):
            last = left.pop(0)
        elif last is None or not last.fits(step.flow, step.node, step.number):
            yield _failure(f"nothing else was to be done, and the flow came to {step.place} ({step.verb})", "only")
            break
    awaited = went.awaited | _expected(expect, went)
    for number, each in enumerate(went.heard):
        if number not in awaited and not each.cut and each.voice not in ("", "carrier"):
            yield _failure(f"nothing else was to be heard, and was, at {each.began:.2f} s: {each.shown!r}", "only")


def _expected(expect: Expect, went: Performance) -> set[int]:
    """The sentences that `heard` has."""
    texts = [sentence.text for sentence in went.heard]
    found: set[int] = set()
    sentence = place = 0
    for wanted in expect.heard:
        sentence, place = _next(Hears(wanted), texts, sentence, place) or (sentence, place)
        found.add(sentence)
    return found


def _left(expect: Expect, went: Performance) -> Iterator[Failure]:
    if expect.recorded is not None and bool(went.recordings) is not expect.recorded:
        why = "something was to be recorded" if expect.recorded else "nothing was to be recorded, and was"
        yield _failure(why, "recorded")
    for name, wanted in expect.facts.items():
        found = went.facts.get(name)
        if found != wanted:
            shown = "is not there" if found is None else f"is {found!r}"
            yield _failure(f"the fact {name} was to be {wanted!r}, and {shown}", "facts", name)
    to = expect.transferred_to
    if to is not None and to not in went.legs and plain(to) not in went.legs:
        found = ", ".join(went.legs) or "nobody"
        yield _failure(f"the caller was to be connected with {to}, and was with {found}", "transferred_to")


def _failure(message: str, *where: str | int, detail: str = "") -> Failure:
    """What is below `expect:` there is not so."""
    return Failure(message, detail=detail, where=("expect", *where))


def _page(went: Performance) -> str:
    lines = [
        f"  {each.began:7.2f} s  {went.place_at(each.began):<14} {each.shown!r}"
        + (f"  ({each.voice})" if each.voice else "")
        for each in went.heard
    ]
    return "heard:\n" + ("\n".join(lines) or "  nothing")
