"""Where plugins are found: here, and in every `voiced/plugins/` on the Python path that has no `__init__.py`."""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))

__all__: list[str] = []
