"""What a plugin module holds: light objects that say where a voice, agent, lookup or step is to be found."""

from __future__ import annotations

import attrs
from zope.interface import implementer

from voiced.ivoiced import IMaker


@implementer(IMaker)
@attrs.frozen
class Maker:
    """A plugin by name. `module` is imported only when the plugin is chosen.

    Put instances into any module of a directory `voiced/plugins/` (without an `__init__.py`) on the Python path::

        acme = Maker("voice", "acme", "Acme's voices", "acme_voices.engine")
    """

    kind: str
    name: str
    description: str
    module: str
