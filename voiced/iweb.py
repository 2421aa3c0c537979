"""The web services of others, as flows may ask them. voiced.ivoiced has the rules."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Interface

from voiced.ivoiced import HttpAnswer, HttpRequest


class IWebServices(Interface):
    """Whom flows may ask over HTTP: anybody in public, and of our own network whom voiced.yaml names."""

    def ask(request: HttpRequest, call: str = "") -> Deferred[HttpAnswer]:
        """Ask; `call` is the SID of the call that wants to know, for the log, which says host and status only.

        No redirect is followed, nothing is tried again. Fails with HttpFailed (CancelledError when cancelled) only.
        """
