"""The tool that asks a web service, as voiced.yaml declares it: URL, method, parameters, time limit.

    -> GET /v1/Paris?units=metric            what the agent said: in the URL's places, then in its query
    -> POST /v1/orders  {"item": …}          … or as JSON, for the methods that have a body
    <- 2xx: its text is the result
    <- anything else: an error result

What the agent says comes from a stranger: it never chooses whom we ask (voiced.net.outside, voiced.net.url).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn

import attrs
import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent
from zope.interface import implementer

from voiced.agents.tools.parameters import Description, Parameter, checked, schema
from voiced.errors import ToolFailed
from voiced.ivoiced import IAgentTool, ICall, ToolResult, Tools
from voiced.net.exchange import Answer, exchange
from voiced.net.headers import is_settable, is_value
from voiced.net.outside import points_inside, web_agent
from voiced.net.trouble import NETWORK, reason_of, service_sentence
from voiced.net.url import UrlTemplate, Value
from voiced.secret import Secret

MOST_BYTES = 128 * 1024
"""What is read of an answer: more than the agent is told (voiced.call.toolbox), for JSON is told without spaces."""
_BEGINNING = 500
"""Characters of a refusal that the agent is told."""
_WITH_BODY = ("POST", "PUT", "PATCH")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)

_log = Logger()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool `tool: http` of voiced.yaml."""

    description: Description
    # With {name} where a parameter goes; the others go to the query, or to the body as JSON.
    url: str
    method: Literal["GET", "DELETE", "POST", "PUT", "PATCH"] = "GET"
    parameters: dict[str, Parameter] = {}
    headers: dict[str, Secret] = {}
    # Seconds for all of it; the caller waits so long.
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0
    # Whether it may be a service of our own network.
    allow_private: bool = False

    def __post_init__(self) -> None:
        template = UrlTemplate.parse(self.url)
        if points_inside(template.host) and not self.allow_private:
            raise ValueError(
                "`url` points inside, to this machine or its own network: allow it (allow_private: true)"
            )
        self._check_parameters(template)
        self._check_headers(template)

    def __repr__(self) -> str:
        """Without the URL, which may hold a key."""
        return f"Settings(method={self.method!r}, parameters={list(self.parameters)!r}, timeout={self.timeout!r})"

    def _check_parameters(self, template: UrlTemplate) -> None:
        for name in self.parameters:
            if not _NAME.fullmatch(name):
                raise ValueError("`parameters`: a name is made of letters, digits, `_`, `-` and `.`")
        for name in template.names:
            if name not in self.parameters:
                raise ValueError(f"`url` has a place {{{name}}}, and no parameter is called so")
            if not self.parameters[name].required:
                raise ValueError(f"`parameters`: {name!r} has a place in the URL, so it cannot be left out")

    def _check_headers(self, template: UrlTemplate) -> None:
        for name, value in self.headers.items():
            if not is_settable(name):
                raise ValueError(f"`headers`: {name!r} is no header that can be set")
            if not is_value(value.reveal()):
                raise ValueError(f"`headers`: {name!r} holds a line break, or what is not ASCII")
        if self.headers and not (template.encrypted or self.allow_private):
            raise ValueError("`headers` could be read on the way: the URL must begin with https://")


@implementer(IAgentTool)
@attrs.frozen
class Http:
    """One request a use; its text is the result, JSON without its spaces."""

    _settings: Settings
    _agent: IAgent
    _url: UrlTemplate
    _headers: Mapping[str, str] = attrs.field(repr=False)

    @property
    def description(self) -> str:
        """See IAgentTool."""
        return self._settings.description

    @property
    def timeout(self) -> float:
        """See IAgentTool."""
        return self._settings.timeout

    @property
    def parameters(self) -> Mapping[str, Any]:
        """See IAgentTool."""
        return schema(self._settings.parameters)

    def run(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """Cancelling closes the connection."""
        return Deferred.fromCoroutine(self._run(call, arguments))

    async def _run(self, call: ICall, arguments: Mapping[str, Any]) -> ToolResult:
        settings = self._settings
        values = checked(arguments, settings.parameters)
        rest = {name: value for name, value in values.items() if name not in self._url.names}
        with_body = settings.method in _WITH_BODY
        url = self._filled(values, {} if with_body else rest)
        body = json.dumps(rest).encode() if with_body else None
        asked = exchange(self._agent, settings.method, url, self._headers, body, MOST_BYTES)
        answer = await asked.addErrback(self._named, call)
        if 200 <= answer.status < 300:
            return ToolResult(_text(answer) or "It is done; the service said nothing more.")
        _log.warn("{call}: {host} answered {status}", call=call.info.sid, host=self._url.host, status=answer.status)
        text = _text(answer)
        return ToolResult(f"The service answered {answer.status}: {text[:_BEGINNING]}", error=True)

    def _filled(self, values: Mapping[str, Value], query: Mapping[str, Value]) -> str:
        try:
            return self._url.fill(values, query)
        except ValueError as error:
            raise ToolFailed(str(error)) from error

    def _named(self, failure: Failure, call: ICall) -> NoReturn:
        """The network's trouble as a ToolFailed, and logged for the operator; a bug's as it is."""
        failure.trap(*NETWORK)
        reason = reason_of(failure)
        _log.warn("{call}: {host} {reason}", call=call.info.sid, host=self._url.host, reason=service_sentence(reason))
        raise ToolFailed("The service cannot be reached now.") from reason


def make(settings: Settings, tools: Tools) -> Http:
    """The tool. It has connections of its own: what is kept of them was checked as its settings want it."""
    defaults = {"user-agent": "voiced", "accept": "application/json, text/*;q=0.9, */*;q=0.1"}
    if settings.method in _WITH_BODY:
        defaults["content-type"] = "application/json"
    own = {name.lower(): value.reveal() for name, value in settings.headers.items()}
    agent = web_agent(tools.reactor, inside=settings.allow_private)
    return Http(settings, agent, UrlTemplate.parse(settings.url), {**defaults, **own})


def _text(answer: Answer) -> str:
    """The body as text. Raises ToolFailed when it is none."""
    if b"\0" in answer.body:
        raise ToolFailed("The service answered with something that is no text.")
    try:
        return msgspec.json.format(answer.body, indent=-1).decode(errors="replace")
    except (msgspec.DecodeError, RecursionError):
        return answer.body.decode(errors="replace").strip()
