"""Local: an agent without an account: this machine's ears (extra `local`), a brain, and a voice of voiced.yaml.

agents:
  clerk:
    agent: local
    first_message: "Good evening. How can I help you?"
    brain:
      rules:
        - when: breakfast
          say: "Breakfast is served from seven until ten."
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta
from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from voiced.agents.brains.brain import MakeBrain
from voiced.agents.brains.chat import Chat, ChatBrain
from voiced.agents.brains.rules import GivingUp, Rule, RuleBook, RulesBrain
from voiced.agents.dialects.briefing import last_words
from voiced.agents.talking.conversing import Conversing
from voiced.agents.talking.sentences import split
from voiced.agents.talking.talk import Talk
from voiced.agents.talking.turntaking import Patience
from voiced.call.template import Template
from voiced.errors import AgentError, RecognitionFailed, VoicedError
from voiced.ivoiced import Brief, IAgent, ICall, IHearing, ILine, ITTSEngine, Mentions, Outcome, Prompt, Tools

_OTHERWISE = Template.parse("I am sorry, I did not understand: {heard}.")


class Brain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What thinks of the answers: rules, or a language model behind a chat endpoint."""

    rules: tuple[Rule, ...] = ()
    # With rules: what to say when none fits; several are for the first time in a row, the second, and so on.
    otherwise: Template | Annotated[tuple[Template, ...], Meta(min_length=1)] = _OTHERWISE
    # With rules: what to do when none fitted several times in a row.
    give_up: GivingUp | None = None
    # Any endpoint that speaks as OpenAI's chat completions do.
    chat: Chat | None = msgspec.field(name="openai-chat", default=None)

    def __post_init__(self) -> None:
        if bool(self.rules) is (self.chat is not None):
            raise ValueError("a brain is either `rules` or `openai-chat`")
        if self.chat is not None and (self.otherwise is not _OTHERWISE or self.give_up is not None):
            raise ValueError("`otherwise` and `give_up` belong to `rules`; a language model is told in its `prompt`")

    def texts(self) -> tuple[Template, ...]:
        """All that its rules may say; of a language model nothing is known before."""
        if self.chat is not None:
            return ()
        book = RuleBook.of(self.rules, self.otherwise, self.give_up)
        said = [text for rule in self.rules for text in rule.texts()]
        given_up = (self.give_up.say,) if self.give_up is not None and self.give_up.say is not None else ()
        return (*said, *book.otherwise, *given_up)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent `agent: local` of voiced.yaml. It speaks English only, for its ears do."""

    brain: Brain
    # What it says first; without one the caller begins.
    first_message: Template | None = None
    # A voice of voiced.yaml; without one it is the flow's.
    voice: str | None = None
    patience: Patience = Patience()

    def mentions(self) -> Mentions:
        """Its voice, the tools that its rules use, and every sentence that it says to all callers alike."""
        tools = (rule.use for rule in self.brain.rules if rule.use is not None)
        texts = [*([self.first_message] if self.first_message is not None else []), *self.brain.texts()]
        sentences = [sentence for text in texts if text.static for sentence in split(text.fill({}))]
        return Mentions(
            voices=(self.voice,) if self.voice else (),
            tools=tuple(dict.fromkeys(tools)),
            prompts=tuple(Prompt(Template.plain(each), self.voice) for each in dict.fromkeys(sentences)),
        )


def make(settings: Settings, tools: Tools) -> IAgent:
    """The agent. Raises VoicedError when the extra `local` is not installed."""
    brain = settings.brain
    make_brain: MakeBrain
    if brain.chat is not None:
        make_brain = partial(ChatBrain, brain.chat, tools)
    else:
        make_brain = partial(RulesBrain, RuleBook.of(brain.rules, brain.otherwise, brain.give_up))
    return LocalAgent(settings, tools.hearing(), make_brain)


@implementer(IAgent)
class LocalAgent:
    """Takes any number of lines, each with ears, a brain and a mouth of its own."""

    notices_interruptions = False
    """The call notices them, and cuts our speech."""

    def __init__(self, settings: Settings, hearing: IHearing, brain: MakeBrain) -> None:
        self._settings = settings
        self._hearing = hearing
        self._brain = brain

    def converse(self, line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """See IAgent."""
        try:
            voice: ITTSEngine = call.voice(brief.voice or self._settings.voice)
        except VoicedError as error:
            return fail(AgentError(f"the local agent has no voice: {error}"))
        talk = Talk(call, brief)
        try:
            conversing = Conversing(line, voice, self._hearing, self._brain(talk), talk, self._settings.patience)
        except RecognitionFailed as error:
            return fail(AgentError(f"the local agent cannot hear: {error}"))
        conversing.begin(self._greeting(talk))
        return conversing.done

    def _greeting(self, talk: Talk) -> tuple[str, bool] | None:
        """What to say first, and whether it holds nothing of any caller."""
        if (again := last_words(talk.brief)) is not None:
            return again, False
        if talk.brief.first_message is not None:
            return talk.brief.first_message, False
        first = self._settings.first_message
        return None if first is None else (first.fill(talk.facts), first.static)
