"""`voiced`: the tools around the daemon, a file a command."""

from __future__ import annotations

import click

from voiced.cli.call import call
from voiced.cli.carrier import carrier
from voiced.cli.check import check
from voiced.cli.connect import connect
from voiced.cli.demo import demo
from voiced.cli.demokill import demo_kill
from voiced.cli.dial import dial
from voiced.cli.dnc import dnc
from voiced.cli.doctor import doctor
from voiced.cli.graph import graph
from voiced.cli.plugins import plugins
from voiced.cli.prerender import prerender
from voiced.cli.reload import reload
from voiced.cli.replay import replay
from voiced.cli.schema import schema
from voiced.cli.simulate import simulate
from voiced.cli.top import top
from voiced.cli.why import why


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The tools around the voiced daemon. The daemon itself is `twistd voiced`."""


for command in (
    check, schema, graph, plugins, simulate, replay, call, carrier, dial, dnc, prerender, reload, demo, demo_kill,
    doctor, connect, why, top,
):  # fmt: skip
    main.add_command(command)
