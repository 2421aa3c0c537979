"""The step that asks a web service: http."""

from __future__ import annotations

import json as jsons
import re
from typing import Annotated, ClassVar, Literal

import msgspec
from zope.interface import implementer

from voiced.call.steps.filling import filled
from voiced.call.steps.meanwhile import bridged
from voiced.call.template import Template, Unspoken
from voiced.errors import HttpFailed
from voiced.ivoiced import HttpAnswer, HttpRequest, ICall, IStep, Mentions, Prompt
from voiced.net import jsonanswer
from voiced.net.url import UrlTemplate

STATUS, OK = "http.status", "http.ok"
"""The facts that say what was answered, and whether that was good."""
_FACT = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*", re.ASCII)
_OURS = ("call.", "http.")
_WITH_BODY = ("POST", "PUT", "PATCH")


@implementer(IStep)
class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask a web service, and keep what it answers as facts.

    `url` may have places like `{call.sid}` in its path and query: whatever a fact says, it stays in its place, and
    never chooses whom we ask. `json` is sent by POST, PUT and PATCH, its values are texts. Of a JSON answer, `into`
    says which part becomes which fact: `{order.state: "order.state"}`; `items.0.name` is the name of the first of a
    list. Numbers are kept as they are written; what is null, a list or not there leaves its fact unset.

    `{http.status}` is the status that was answered (nothing, when nobody did), `{http.ok}` is `yes` when it was 2xx
    and what `into` needs could be read, else `no`: the flow goes to `otherwise` then, or on with the next step.
    `timeout` is in seconds. No redirect is followed, and nothing is tried again; but a step whose line is lost
    meanwhile is run again on the next one, and asks again. `filler` is a sentence for the meantime, unless the answer
    is there at once; it is heard to its end, and needs a line: leave it out in `on_hangup`.

    Which hosts of our own network may be asked, what each host is sent besides, and the secret that signs every
    request, stand in voiced.yaml (`http:`).
    """

    shorthand: ClassVar[str] = "url"

    url: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    json: dict[str, Unspoken] | None = None
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0
    into: dict[str, str] = {}
    otherwise: str | None = None
    filler: Template | None = None
    voice: str | None = None

    def __post_init__(self) -> None:
        for name in UrlTemplate.parse(self.url).names:
            _place(name)
        if self.json is not None and self.method not in _WITH_BODY:
            raise ValueError(f"`json` is sent by {', '.join(_WITH_BODY)}: write one of them as `method`")
        if self.filler is None and self.voice is not None:
            raise ValueError("`voice` is for the `filler`, and there is none")
        for fact, path in self.into.items():
            if not _FACT.fullmatch(fact) or fact.startswith(_OURS):
                raise ValueError(
                    f"`into`: {fact!r} is no name for a fact like order.state (call. and http. are ours)"
                )
            if not jsonanswer.PATH.fullmatch(path):
                raise ValueError(f"`into`: {path!r} is no way into an answer like order.items.0.name")

    def __repr__(self) -> str:
        """Without the URL, which may hold a key."""
        return f"Http(method={self.method!r}, into={self.into!r}, otherwise={self.otherwise!r})"

    def mentions(self) -> Mentions:
        """The URL, the facts it reads and sets, what is said meanwhile, and the node of `otherwise`."""
        places = [_place(name) for name in UrlTemplate.parse(self.url).names]
        spoken = (self.filler,) if self.filler else ()
        return Mentions(
            nodes=(self.otherwise,) if self.otherwise else (),
            voices=(self.voice,) if self.voice else (),
            prompts=tuple(Prompt(text, self.voice) for text in spoken),
            reads=tuple(fact for text in (*places, *(self.json or {}).values(), *spoken) for fact in text.needs),
            sets=(STATUS, OK, *self.into),
            urls=(self.url,),
        )

    async def run(self, call: ICall) -> str | None:
        """Ask, and go on with what is known then."""
        for fact in self.into:
            call.facts.pop(fact, None)  # what was answered before is not what is answered now
        call.facts |= {STATUS: "", OK: "no"}
        try:
            asking = call.ask(self._request(call))
            answer = await bridged(call, asking, self.filler, self.voice)
        except HttpFailed as error:
            call.note(f"failed: {error}")
            return self.otherwise
        call.facts[STATUS] = str(answer.status)
        call.note(str(answer.status))
        if not 200 <= answer.status < 300:
            return self.otherwise
        try:
            found = self._found(answer)
        except ValueError as error:
            call.note(f"{answer.status}, and {error}")
            return self.otherwise
        call.facts |= {**found, OK: "yes"}
        return None

    def _request(self, call: ICall) -> HttpRequest:
        template = UrlTemplate.parse(self.url)
        try:
            url = template.fill({name: filled(call, _place(name), "`url`") for name in template.names}, {})
        except ValueError as error:
            raise HttpFailed(str(error)) from None
        body = None
        if self.json is not None:
            body = jsons.dumps({name: filled(call, text, "`json`") for name, text in self.json.items()}).encode()
        return HttpRequest(self.method, url, body, self.timeout)

    def _found(self, answer: HttpAnswer) -> dict[str, str]:
        """What the answer says of the facts. Raises ValueError with a sentence."""
        if not self.into:
            return {}
        if not answer.whole:
            raise ValueError("the answer is too long to be read")
        document = jsonanswer.read(answer.body)
        texts = {fact: jsonanswer.text(jsonanswer.at(document, path)) for fact, path in self.into.items()}
        return {fact: text for fact, text in texts.items() if text is not None}


def _place(name: str) -> Template:
    """What stands between the braces of a URL. Raises ValueError."""
    try:
        return Template.parse(f"{{{name}}}")
    except ValueError:
        raise ValueError(
            f"`url` has a place {{{name}}}, which is not like {{party.name}} or {{party.name|x}}"
        ) from None
