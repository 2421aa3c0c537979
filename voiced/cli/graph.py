"""`voiced graph`: a flow as a drawing. It needs no secret: variables that are not set are made up."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import click

from voiced.cli.drawing.chart import Chart, chart
from voiced.cli.drawing.dot import dot
from voiced.cli.drawing.mermaid import mermaid
from voiced.errors import ConfigError
from voiced.settings.load import find_settings
from voiced.settings.nearest import instead
from voiced.tap import complaint

LONGEST = 60.0
"""Seconds that graphviz may take."""


@click.command()
@click.argument("flow")
@click.option("--svg", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Draw it into this file, too (needs graphviz).")  # fmt: skip
@click.option("--config", "-c", metavar="FILE", type=click.Path(path_type=Path),
              help="The settings (./voiced.yaml, else ./config/voiced.yaml).")  # fmt: skip
def graph(flow: str, svg: Path | None, config: Path | None) -> None:
    """Print a flow as a Mermaid flowchart: GitHub, GitLab and many editors show it as a drawing."""
    from voiced.rehearsal.rehearse import configured

    try:
        configuration = configured(config or find_settings(Path.cwd()), os.environ)
    except ConfigError as error:
        click.echo(complaint(error, "nothing was drawn"), err=True)
        raise SystemExit(1) from None
    if flow not in configuration.flows:
        raise click.ClickException(f"no flow is called {flow!r}{instead(flow, configuration.flows)}")
    drawing = chart(configuration.flows[flow])
    click.echo(mermaid(drawing), nl=False)
    if svg is not None:
        draw(drawing, svg)


def draw(drawing: Chart, svg: Path) -> None:
    """Have graphviz draw it. Raises ClickException when it cannot."""
    program = shutil.which("dot")
    if program is None:
        raise click.ClickException(
            "an SVG is drawn by graphviz, and there is no `dot` here: install it (apt install graphviz), or show the "
            "Mermaid text"
        )
    try:
        drawn = subprocess.run(  # noqa: S603 - `dot` as the path has it; what it draws comes in by its input
            [program, "-Tsvg"], input=dot(drawing).encode(), capture_output=True, timeout=LONGEST, check=True
        )
        svg.write_bytes(drawn.stdout)
    except subprocess.CalledProcessError as error:
        raise click.ClickException(
            f"dot ends with {error.returncode}: {error.stderr.decode(errors='replace')}"
        ) from None
    except (subprocess.TimeoutExpired, OSError) as error:
        raise click.ClickException(f"{svg} cannot be drawn: {error}") from None
