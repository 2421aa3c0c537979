"""Brain: what the local agent asks for its answers."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import Interface

from voiced.agents.talking.talk import Talk
from voiced.ivoiced import Outcome, Utterance

Say = Callable[[Utterance], object]


class IBrain(Interface):
    """Thinks of the answers in one conversation, its Talk: each conversation has a brain of its own."""

    def understands(text: str) -> bool:  # noqa: N805 - the methods of an Interface have no self
        """Whether these words of the caller, as they are, are something it knows an answer to. Pure, and quick.

        They may not be all that the caller means to say; then the agent waits a little less for more.
        """

    def foresee(text: str) -> Utterance | None:  # noqa: N805
        """The first sentence of the answer, if the caller has said these words and no more; None: not known yet.

        It is synthesized while we wait whether there is more. Pure, and quick.
        """

    def answer(say: Say) -> Deferred[Outcome | None]:  # noqa: N805
        """Answer what the caller said (`talk.said`, which stays the same until the first sound of the answer).

        Call `say(utterance)` with each sentence as soon as it is there. Fires when all is said: with an Outcome when
        the conversation ends so, once that is heard. Cancelling stops it: the caller goes on speaking, has
        interrupted, or is gone. Another answer is only asked for when this one has fired or was cancelled.
        Fails with AgentError (CancelledError when cancelled) only.

        `say` may make somebody cancel this Deferred. Twisted cannot cancel a coroutine that runs, so a brain that is
        written as one calls `say` from elsewhere: from a callback, while it awaits.
        """


MakeBrain = Callable[[Talk], IBrain]
