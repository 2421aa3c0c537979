"""Stands before two Klein applications: what is below the API's paths is the API's, all else the other one's."""

from __future__ import annotations

from typing import Any

from twisted.web.resource import IResource, Resource

from voiced.api.routes import PATHS


class Front(Resource):
    """A site's root. Both are leaves (`app.resource()`), so each gets all of the path."""

    isLeaf = True

    def __init__(self, api: IResource, others: IResource) -> None:
        super().__init__()
        self._api = api
        self._others = others

    def render(self, request: Any) -> Any:
        """Named by twisted.web."""
        path: str = request.path.decode("latin-1")
        mine = any(path == own or path.startswith(own + "/") for own in PATHS)
        return (self._api if mine else self._others).render(request)
