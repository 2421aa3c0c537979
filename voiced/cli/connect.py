"""`voiced connect`: has the calls of a number come to this daemon, and tries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from voiced.call.dialplan import plain
from voiced.cli.configured import config_option, load
from voiced.cli.doctor import silence
from voiced.cli.running import run
from voiced.errors import CarrierError
from voiced.settings.load import Configuration

if TYPE_CHECKING:
    from voiced.doctor.first_day import Found
    from voiced.doctor.world import World


@click.command()
@click.argument("number")
@config_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask before anything is changed.")
def connect(number: str, config: str | None, yes: bool) -> None:
    """Have calls to NUMBER (E.164: +14155550123) come to this daemon: set its URLs at Twilio, and try them.

    Says what kind of account it is, what the number does now and what will be changed, asks, sets voice, fallback
    and status URL, and sends the daemon a signed request as Twilio would. The daemon should run.
    """
    silence()
    _, configuration = load(config, outcome="nothing was changed")

    async def first_day(reactor: Any) -> None:
        from voiced.doctor.world import real_world

        await connected(real_world(reactor), configuration, plain(number), sure=yes)

    run(first_day)


async def connected(world: World, configuration: Configuration, number: str, *, sure: bool = False) -> None:
    """All of it. Raises ClickException where it does not come to a good end."""
    from voiced.doctor import first_day

    try:
        found = await first_day.find(world, configuration, number)
        for line in first_day.told(found.state):
            click.echo(line)
        _say_who_answers(configuration, number)
        await _point(found, sure)
    except (first_day.NotOurs, CarrierError) as error:
        raise click.ClickException(str(error)) from None
    tried = await first_day.ring(world, configuration, found)
    click.echo(f"{tried.check}: {tried.says}")
    if tried.fix:
        raise click.ClickException(f"the number is connected, and a call to it would fail: {tried.fix}")
    if found.state.trial:
        raise click.ClickException("the number is connected, and callers will hear nothing: upgrade the account")
    click.echo(f"{number} is connected: ring it")


def _say_who_answers(configuration: Configuration, number: str) -> None:
    from voiced.doctor import first_day

    flow = first_day.answers(configuration, number)
    if flow is None:
        click.echo(f'no flow answers {number}: add `"{number}": …` to `numbers:`, and `voiced reload`')
    else:
        click.echo(f"the flow {flow} answers {number}")


async def _point(found: Found, sure: bool) -> None:
    """Say what will be another, ask, do it, say how to put it back. Raises ClickException and CarrierError."""
    from voiced.doctor import first_day

    number = found.number.number
    if not found.changes:
        click.echo(f"{number} leads here already; nothing is changed")
        return
    click.echo(f"{number} at Twilio:")
    for name, (old, new) in found.changes.items():
        click.echo(f"  {name.replace('_', ' '):<16} {old or '(empty)'}\n  {'':<13} -> {new or '(empty)'}")
    if not sure and not click.confirm("Change it?"):
        raise click.ClickException("nothing was changed")
    left = await first_day.point(found)
    if left:
        raise click.ClickException(f"Twilio did not take {', '.join(left)}: set it in its console")
    click.echo("set. To put it back, in Twilio's console: the first line of each pair above")
