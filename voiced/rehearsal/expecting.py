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
        yield Failure(f"the ending was to be {expect.ending.value}, and was {went.ending or 'none'}{why}")
    if expect.reason is not None and went.reason != expect.reason:
        yield Failure(f"the reason was to be {expect.reason!r}, and was {went.reason!r}")
    below, above = expect.seconds.below, expect.seconds.above
    if below is not None and went.seconds >= below:
        yield Failure(f"the call was to last less than {below:g} s, and lasted {went.seconds:.2f} s")
    if above is not None and went.seconds <= above:
        yield Failure(f"the call was to last more than {above:g} s, and lasted {went.seconds:.2f} s")
    rules = [rule for rule, _ in went.refusals]
    if expect.refused is not None and expect.refused not in rules:
        found = f"by {', '.join(rules)}" if rules else "not at all"
        yield Failure(f"the guard was to refuse by the rule {expect.refused}, and did {found}")


def _heard(expect: Expect, went: Performance) -> Iterator[Failure]:
    texts = [sentence.text for sentence in went.heard]
    sentence = place = 0
    for number, wanted in enumerate(expect.heard):
        found = _next(Hears(wanted), texts, sentence, place)
        if found is None:
            behind = f" after {expect.heard[number - 1]!r}" if number else ""
            yield Failure(f"{wanted!r} was to be heard{behind}", detail=difference(wanted, texts) + _page(went))
            break
        sentence, place = found
    for text in expect.never_heard:
        for each in went.heard:
            if Hears(text).end_in(each.text) is not None:
                yield Failure(f"{text!r} was never to be heard, and was, at {each.began:.2f} s: {each.shown!r}")


def _next(wanted: Hears, texts: Sequence[str], sentence: int, place: int) -> tuple[int, int] | None:
    """The sentence that it is in, at this place or behind it, and where in its words it ends."""
    for number in range(sentence, len(texts)):
        end = wanted.end_in(texts[number], place if number == sentence else 0)
        if end is not None:
            return number, end
    return None


def _walked(expect: Expect, went: Performance) -> Iterator[Failure]:
    steps = iter(went.steps)
    for wanted in expect.steps:
        if not any(Reaches(wanted).fits(step.node, step.number) for step in steps):
            way = ", ".join(dict.fromkeys(step.place for step in went.steps)) or "nowhere"
            yield Failure(f"the flow was to come to {wanted}, and went: {way}")
            break


def _left(expect: Expect, went: Performance) -> Iterator[Failure]:
    if expect.recorded is not None and bool(went.recordings) is not expect.recorded:
        yield Failure("something was to be recorded" if expect.recorded else "nothing was to be recorded, and was")
    for name, wanted in expect.facts.items():
        found = went.facts.get(name)
        if found != wanted:
            shown = "is not there" if found is None else f"is {found!r}"
            yield Failure(f"the fact {name} was to be {wanted!r}, and {shown}")
    to = expect.transferred_to
    if to is not None and to not in went.legs and plain(to) not in went.legs:
        found = ", ".join(went.legs) or "nobody"
        yield Failure(f"the caller was to be connected with {to}, and was with {found}")


def _page(went: Performance) -> str:
    lines = [
        f"  {each.began:7.2f} s  {went.place_at(each.began):<14} {each.shown!r}"
        + (f"  ({each.voice})" if each.voice else "")
        for each in went.heard
    ]
    return "heard:\n" + ("\n".join(lines) or "  nothing")
