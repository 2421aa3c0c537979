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

from voiced.agents.brain import IBrain, Say
from voiced.agents.patterns import Pattern, Words
from voiced.agents.sentences import split
from voiced.agents.talk import Talk
from voiced.call.template import Template
from voiced.errors import AgentError
from voiced.ivoiced import Outcome, ToolResult, Utterance

Ways = Literal["end", "hang_up", "handover"]
_OUTCOMES: dict[Ways, str] = {"end": "completed", "hang_up": "hung_up", "handover": "handover"}

_RESULT = Template.parse("{result}")
"""What is said when a rule with a tool says nothing else."""

_Texts = Template | tuple[Template, ...]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to do when the caller says something. The first rule that fits is used."""

    # Words to listen for, or several alternatives (voiced.agents.patterns).
    when: str | tuple[str, ...] = ()
    # From this turn of the caller's on (the first is 1); without `when`, whatever is said.
    turns: Annotated[int, Meta(ge=1)] | None = None
    # A tool of this agent, and its arguments; its answer is {result}.
    use: Annotated[str, Meta(min_length=1)] | None = None
    arguments: Mapping[str, Template] = msgspec.field(name="with", default_factory=dict)
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


@implementer(IBrain)
class RulesBrain:
    """Answers one caller by the rule book. What places have caught stays known: `{number}`, in all later texts."""

    def __init__(self, book: RuleBook, talk: Talk) -> None:
        self._book = book
        self._talk = talk
        self._caught: dict[str, str] = {}
        self._answers: dict[int, Rule | None] = {}
        """The rule that answered each turn, by the turn's number; None when there was none."""

    def understands(self, text: str) -> bool:
        """Not when it ends in a place: more words may belong there."""
        words = Words.of(text)
        patterns = (pattern for _, patterns in self._book.rules for pattern in patterns)
        return any(not pattern.open and pattern.match(words) is not None for pattern in patterns)

    def answer(self, say: Say) -> Deferred[Outcome | None]:
        """By the first rule that fits."""
        words = Words.of(self._talk.said)
        fitting = ((rule, self._catch(rule, patterns, words)) for rule, patterns in self._book.rules)
        rule, caught = next(((rule, caught) for rule, caught in fitting if caught is not None), (None, {}))
        self._answers[self._talk.turns] = rule
        self._caught.update(caught)
        if rule is None:
            return succeed(self._wonder(say))
        if rule.use is None:
            return succeed(self._finish(rule, say, {}))
        return self._use(rule.use, rule, say)

    def _catch(self, rule: Rule, patterns: tuple[Pattern, ...], words: Words) -> Mapping[str, str] | None:
        """What its places are, when this rule fits."""
        if rule.turns is not None and self._talk.turns < rule.turns:
            return None
        if not patterns:
            return {}
        return next((caught for pattern in patterns if (caught := pattern.match(words)) is not None), None)

    def _use(self, name: str, rule: Rule, say: Say) -> Deferred[Outcome | None]:
        if rule.meanwhile is not None:
            self._say(rule.meanwhile, say, {})
        toolbox = self._talk.brief.tools
        if toolbox is None:
            raise AgentError(f"a rule uses the tool {name!r}, and this agent has none: give it `tools`")
        facts = self._facts({})
        arguments = {key: text.fill(facts) for key, text in rule.arguments.items()}
        return toolbox.use(name, arguments).addCallback(lambda result: self._used(rule, result, say))

    def _used(self, rule: Rule, result: ToolResult, say: Say) -> Outcome | None:
        if result.error:
            self._say(rule.sorry, say, {})
            return result.leave
        outcome = self._finish(rule, say, {"result": result.text})
        return result.leave or outcome

    def _finish(self, rule: Rule, say: Say, facts: Mapping[str, str]) -> Outcome | None:
        texts = _several(rule.say) or ((_RESULT,) if rule.use is not None else ())
        if texts:
            times = sum(used is rule for used in self._answers.values())
            self._say(texts[min(times, len(texts)) - 1], say, facts)
        return self._leave(rule.then) if rule.then is not None else None

    def _wonder(self, say: Say) -> Outcome | None:
        """No rule fits."""
        times = sum(1 for _ in itertools.takewhile(lambda rule: rule is None, reversed(self._answers.values())))
        give_up = self._book.give_up
        if give_up is not None and times >= give_up.after:
            if give_up.say is not None:
                self._say(give_up.say, say, {})
            return self._leave(give_up.then)
        self._say(self._book.otherwise[min(times, len(self._book.otherwise)) - 1], say, {})
        return None

    def _leave(self, how: Ways) -> Outcome:
        return Outcome(_OUTCOMES[how], dict(self._caught))

    def _say(self, text: Template, say: Say, facts: Mapping[str, str]) -> None:
        filled = self._facts(facts)
        for sentence in split(text.fill(filled)):
            say(Utterance(sentence, keep=text.static))

    def _facts(self, more: Mapping[str, str]) -> Mapping[str, str]:
        heard = self._talk.said.rstrip(" .,!?")
        return {**self._talk.facts, **self._caught, "heard": heard, "turn": str(self._talk.turns), **more}


def _several(texts: _Texts) -> tuple[Template, ...]:
    return texts if isinstance(texts, tuple) else (texts,)
