"""`voiced plugins`: what is installed, and what each may be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions

import click
import msgspec

from voiced.cli.words import default_in_words, in_words
from voiced.ivoiced import IMaker
from voiced.settings.nearest import instead
from voiced.settings.registry import Found, PluginError, Registry
from voiced.settings.schema import docs

KINDS = ("voice", "agent", "tool", "lookup", "step")


@click.command()
@click.argument("kind", required=False)
@click.argument("name", required=False)
def plugins(kind: str | None, name: str | None) -> None:
    """List the plugins that are installed (of one KIND: voice, agent, tool, lookup or step), or say what one of them
    may be told: KIND NAME, or NAME alone.
    """
    registry = Registry.find()
    if kind is not None and (name is not None or kind not in KINDS):
        click.echo("\n\n".join("\n".join(one(registry, *each)) for each in _meant(registry, kind, name)))
        return
    for each in KINDS if kind is None else (kind,):
        click.echo("\n".join(listed(registry, each)))
    for module, error in sorted(registry.broken.items()):
        click.echo(f"broken: {module} cannot be imported: {error}", err=True)


def _meant(registry: Registry, kind: str, name: str | None) -> list[tuple[str, str]]:
    """The plugins of a kind and a name; of a name alone, those of every kind. Raises ClickException for none."""
    if name is not None and kind in KINDS:
        return [(kind, name)]
    if name is not None:
        raise click.ClickException(f"no kind of plugins is called {kind!r}{instead(kind, KINDS)}")
    found = [(each, kind) for each in KINDS if kind in registry.names(each)]
    if not found:
        known = {*KINDS, *(other for each in KINDS for other in registry.names(each))}
        raise click.ClickException(
            f"no plugin, and no kind, is called {kind!r}{instead(kind, known)}{_broken(registry)}"
        )
    return found


def listed(registry: Registry, kind: str) -> Iterator[str]:
    """What is installed of a kind, a line each."""
    yield f"{kind}:"
    found = sorted(
        (entry for entry in registry.found if entry.maker.kind == kind), key=lambda entry: entry.maker.name
    )
    widest = max((len(entry.maker.name) for entry in found), default=0)
    for entry in found:
        yield f"  {entry.maker.name:<{widest}}  {entry.maker.description} ({origin(entry)})"
        if why := _trouble(registry, entry.maker):
            yield f"  {'':<{widest}}  broken: {why}"


def one(registry: Registry, kind: str, name: str) -> Iterator[str]:
    """One plugin: what it is, where it comes from, and each setting. Raises ClickException when it is not there."""
    if name not in registry.names(kind):
        raise click.ClickException(
            f"no {kind} is called {name!r}{instead(name, registry.names(kind))}{_broken(registry)}"
        )
    try:
        maker, loaded = registry.maker(kind, name), registry.load(kind, name)
    except PluginError as error:
        raise click.ClickException(str(error)) from None
    struct = loaded if kind == "step" else loaded.Settings
    entry = next(entry for entry in registry.found if entry.maker is maker)
    yield f"{kind} {name}: {maker.description}"
    yield f"from {origin(entry)}, {maker.module}"
    yield from ("", docs.of_struct(struct))
    for field in msgspec.structs.fields(struct):
        yield ""
        yield f"  {field.encode_name}: {in_words(field.type)}{_unless(field)}"
        if text := docs.of_field(struct, field.name):
            yield f"      {text}"


def origin(entry: Found) -> str:
    """Where a plugin comes from: the package that was installed, or else its module."""
    module = entry.maker.module.partition(".")[0]
    packages = _packages().get(module)
    return packages[0] if packages else entry.where


@cache
def _packages() -> Mapping[str, list[str]]:
    """The packages that are installed, by the modules that they hold; it takes a look at each."""
    return packages_distributions()


def _unless(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return " (must be there)"
    default = default_in_words(field)
    return f" (unless set: {default})" if default else ""


def _trouble(registry: Registry, maker: IMaker) -> str:
    try:
        registry.load(maker.kind, maker.name)
    except PluginError as error:
        return str(error)
    return ""


def _broken(registry: Registry) -> str:
    if not registry.broken:
        return ""
    return (
        " (" + "; ".join(f"{module} cannot be imported: {error}" for module, error in registry.broken.items()) + ")"
    )
