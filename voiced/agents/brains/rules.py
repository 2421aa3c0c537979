"""Rules: a brain of patterns and answers, written in YAML. It needs no language model, and never invents anything.

brain:
  rules:
    - when: [breakfast, "what time * eat"]
      say: "Breakfast is served from seven until ten."
    - when: "room {number} *"
      say: "Thank you. Somebody will come to room {number}."
    - when: [goodbye, that is all]
      say: "You are welcome. Goodbye."
      then: end
  otherwise: "I am sorry, I did not understand: {heard}."
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, Literal

import attrs
import msgspec
from msgspec import Meta
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from voiced.agents.brains.brain import IBrain, Say
from voiced.agents.brains.patterns import Pattern, Words
from voiced.agents.talking.sentences import split
from voiced.agents.talking.talk import Talk
from voiced.call.template import Template, Unspoken
from voiced.errors import AgentError
from voiced.ivoiced import Outcome, ToolResult, Utterance

Ways = Literal["end", "hang_up", "handover"]
_OUTCOMES: dict[Ways, str] = {"end": "completed", "hang_up": "hung_up", "handover": "handover"}

_RESULT = Template.parse("{result}")
"""What is said when a rule with a tool says nothing else."""

_Texts = Template | tuple[Template, ...]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to do when the caller says something. The first rule that fits is used."""

    # Words to listen for, or several alternatives (voiced.agents.brains.patterns).
    when: str | tuple[str, ...] = ()
    # From this turn of the caller's on (the first is 1); without `when`, whatever is said.
    turns: Annotated[int, Meta(ge=1)] | None = None
    # A tool of this agent, and its arguments; its answer is {result}.
    use: Annotated[str, Meta(min_length=1)] | None = None
    arguments: Mapping[str, Unspoken] = msgspec.field(name="with", default_factory=dict)
    # What to say while the tool works.
    meanwhile: Template | None = None
    # The answer. Of several, the first the first time, and so on; the last one from then on.
    say: _Texts = ()
    # What to say when the tool could not do it.
    sorry: Template = Template.parse("I am sorry, that did not work just now.")
    # How the conversation ends then.
    then: Ways | None = None

    def __post_init__(self) -> None:
        self.patterns()
        if self.turns is None and not self.when:
            raise ValueError("a rule needs `when` (words to listen for), or `turns`; `otherwise` answers the rest")
        if self.use is None and self.then is None and not self.say:
            raise ValueError("a rule needs `say`, `use` or `then`: what to do")
        if self.use is None and (self.arguments or self.meanwhile is not None):
            raise ValueError("`with` and `meanwhile` belong to a tool: `use` names it")

    def texts(self) -> list[Template]:
        """All that it may say."""
        meanwhile = [self.meanwhile] if self.meanwhile is not None else []
        return [*meanwhile, *_several(self.say), *([self.sorry] if self.use is not None else [])]

    def patterns(self) -> list[Pattern]:
        """The words to listen for. Raises ValueError for those that are none."""
        return [Pattern.parse(each) for each in ((self.when,) if isinstance(self.when, str) else self.when)]


class GivingUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do when too much in a row was not understood."""

    # So many times, the last of them included.
    after: Annotated[int, Meta(ge=1)]
    then: Ways
    say: Template | None = None


@attrs.frozen
class RuleBook:
    """The rules of an agent, ready to be used by all its conversations."""

    rules: tuple[tuple[Rule, tuple[Pattern, ...]], ...]
    otherwise: tuple[Template, ...]
    give_up: GivingUp | None

    @classmethod
    def of(cls, rules: tuple[Rule, ...], otherwise: _Texts, give_up: GivingUp | None) -> RuleBook:
        """The settings, with their patterns parsed."""
        return cls(tuple((rule, tuple(rule.patterns())) for rule in rules), _several(otherwise), give_up)


@attrs.frozen
class _Plan:
    """What to do in a turn."""

    rule: Rule | None
    """None: none fits."""
    text: Template | None
    then: Ways | None
    caught: Mapping[str, str]
    """What places have caught so far."""
    facts: Mapping[str, str]
    """For the texts."""


@implementer(IBrain)
class RulesBrain:
    """Answers one caller by the rule book. What places have caught stays known: `{number}`, in all later texts."""

    def __init__(self, book: RuleBook, talk: Talk) -> None:
        self._book = book
        self._talk = talk
        self._plans: dict[int, _Plan] = {}
        """What was done in each turn, by the turn's number: one that is answered anew counts once."""

    def understands(self, text: str) -> bool:
        """Not when it ends in a place: more words may belong there."""
        words = Words.of(text)
        patterns = (pattern for _, patterns in self._book.rules for pattern in patterns)
        return any(not pattern.open and pattern.match(words) is not None for pattern in patterns)

    def foresee(self, text: str) -> Utterance | None:
        """Not what a tool has a say in."""
        plan = self._plan(self._talk.turns + (not self._talk.said), text)
        spoken = plan.rule.meanwhile if plan.rule is not None and plan.rule.use else plan.text
        return next(iter(_sentences(spoken, plan.facts)), None)

    def answer(self, say: Say) -> Deferred[Outcome | None]:
        """By the first rule that fits."""
        plan = self._plans[self._talk.turns] = self._plan(self._talk.turns, self._talk.said)
        if plan.rule is not None and plan.rule.use is not None:
            return self._use(plan.rule.use, plan.rule, plan, say)
        return succeed(_obey(plan, say))

    def _plan(self, turn: int, said: str) -> _Plan:
        words = Words.of(said)
        earlier = [plan for number, plan in sorted(self._plans.items()) if number < turn]
        known = earlier[-1].caught if earlier else {}
        facts = {**self._talk.facts, **known, "heard": said.rstrip(" .,!?"), "turn": str(turn)}
        for rule, patterns in self._book.rules:
            caught = _catch(rule, patterns, turn, words)
            if caught is not None:
                text = _at(_several(rule.say), sum(plan.rule is rule for plan in earlier))
                return _Plan(rule, text, rule.then, {**known, **caught}, {**facts, **caught})
        times = sum(1 for _ in itertools.takewhile(lambda plan: plan.rule is None, reversed(earlier)))
        give_up = self._book.give_up
        if give_up is not None and times + 1 >= give_up.after:
            return _Plan(None, give_up.say, give_up.then, known, facts)
        return _Plan(None, _at(self._book.otherwise, times), None, known, facts)

    def _use(self, name: str, rule: Rule, plan: _Plan, say: Say) -> Deferred[Outcome | None]:
        def used(result: ToolResult) -> Outcome | None:
            if result.error:
                _say(rule.sorry, plan.facts, say)
                return result.leave
            text = plan.text or _RESULT
            outcome = _obey(attrs.evolve(plan, text=text, facts={**plan.facts, "result": result.text}), say)
            return result.leave or outcome

        toolbox = self._talk.brief.tools
        if toolbox is None:
            raise AgentError(f"a rule uses the tool {name!r}, and this agent has none: give it `tools`")
        _say(rule.meanwhile, plan.facts, say)
        arguments = {key: text.fill(plan.facts) for key, text in rule.arguments.items()}
        return toolbox.use(name, arguments).addCallback(used)


def _obey(plan: _Plan, say: Say) -> Outcome | None:
    _say(plan.text, plan.facts, say)
    return Outcome(_OUTCOMES[plan.then], plan.caught) if plan.then is not None else None


def _catch(rule: Rule, patterns: tuple[Pattern, ...], turn: int, words: Words) -> Mapping[str, str] | None:
    """What the rule's places are, when it fits."""
    if rule.turns is not None and turn < rule.turns:
        return None
    if not patterns:
        return {}
    return next((caught for pattern in patterns if (caught := pattern.match(words)) is not None), None)


def _say(text: Template | None, facts: Mapping[str, str], say: Say) -> None:
    for sentence in _sentences(text, facts):
        say(sentence)


def _sentences(text: Template | None, facts: Mapping[str, str]) -> list[Utterance]:
    if text is None:
        return []
    return [Utterance(sentence, keep=text.static) for sentence in split(text.fill(facts))]


def _at(texts: tuple[Template, ...], times: int) -> Template | None:
    """The text for when it was needed so many times before; the last one stays."""
    return texts[min(times, len(texts) - 1)] if texts else None


def _several(texts: _Texts) -> tuple[Template, ...]:
    return texts if isinstance(texts, tuple) else (texts,)
