"""`voiced reload`: have the running daemon read its settings and flows again."""

from __future__ import annotations

import click

from voiced.cli.apiclient import Api, Denied, Reloaded, Unanswered
from voiced.cli.configured import config_option, load
from voiced.cli.reaching import Address, address, key_option, url_option
from voiced.cli.running import run

WITHOUT = "without the API, `systemctl reload voiced` does it, or `kill -HUP` with the daemon's process id"
"""What there is to be done where the API cannot be used; the daemon's log says what came of it."""


@click.command()
@config_option
@url_option
@key_option
def reload(config: str | None, url: str | None, key: str | None) -> None:
    """Check the settings and flows, and have the running daemon follow them from the next call on.

    Calls that live go on as they began. Where anything is wrong, all of it is printed and nothing is changed. The
    daemon reads its own files: with --url, and no --config, nothing is checked here.
    """
    where = reached(config, url, key)
    run(lambda reactor: ask(where.api(reactor)))


def reached(config: str | None, url: str | None, key: str | None) -> Address:
    """Where the daemon is, once the files are good. Raises UsageError."""
    settings = (
        None if url and not config else load(config, outcome="the daemon was not asked, and nothing has changed")
    )
    try:
        return address(settings, url, key)
    except click.UsageError as error:
        raise click.UsageError(f"{error.message}; {WITHOUT}") from None


async def ask(api: Api) -> None:
    """Have it reload, and say what has come of it. Raises ClickException."""
    try:
        reloaded = await api.reload()
    except Unanswered as error:
        stop = "" if str(error).endswith("?") else "."
        raise click.ClickException(f"{error}{stop} If it runs, look into its log; {WITHOUT}") from None
    except Denied as error:
        raise click.ClickException(why_not(error)) from None
    for line in told(reloaded):
        click.echo(line)


def told(reloaded: Reloaded) -> list[str]:
    """What it has done, for people."""
    version, flows = reloaded.version, reloaded.flows
    lines = [f"reloaded: version {version.hash} ({version.loaded}), {len(flows)} flow(s): {', '.join(flows)}"]
    lines += [f"`{name}` is another now, and holds when the daemon is restarted" for name in reloaded.restart]
    return lines


def why_not(error: Denied) -> str:
    """Why it has not, and what to do."""
    if error.status == 401:
        return (
            "the daemon does not know this key. Is it new in the settings? It knows those of before, until it has "
            f"reloaded: give one of them as VOICED_API_KEY; {WITHOUT}"
        )
    if error.status == 403:
        return f"{error}; {WITHOUT}"
    return "\n".join([str(error), *(f"{at.file}:{at.line}:{at.column}: {at.message}" for at in error.faults)])
