"""Stands before Klein applications: what is below the API's paths is the API's, what is below others' is theirs, and
all else the last one's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.web.resource import IResource, Resource

from voiced.api.routes import PATHS


class Front(Resource):
    """A site's root. All are leaves (`app.resource()`): each gets all of the path. `more`: others, by their paths."""

    isLeaf = True

    def __init__(self, api: IResource, others: IResource, more: Mapping[str, IResource] | None = None) -> None:
        super().__init__()
        self._rooms = {**dict.fromkeys(PATHS, api), **(more or {})}
        self._others = others

    def render(self, request: Any) -> Any:
        """Named by twisted.web."""
        path: str = request.path.decode("latin-1")
        rooms = (room for own, room in self._rooms.items() if path == own or path.startswith(own + "/"))
        return next(rooms, self._others).render(request)
