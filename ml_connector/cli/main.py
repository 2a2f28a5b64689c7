"""The ``ml-connector`` command: what there is to type. Each command's work is in a module of its own.

Those modules are imported when their command runs: Prefect takes a second to import, and reads its settings then.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ml_connector.cli import deciding, environment, looking, setting_up
from ml_connector.cli.options import do

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
for part in (setting_up, looking, deciding):
    app.add_typer(part.commands)

Once = Annotated[bool, typer.Option("--once", help="End by itself instead of staying up until Ctrl-C")]
Port = Annotated[int, typer.Option(help="Port of the Prefect server; a free one is taken if it is in use")]


@app.callback()
def _options(context: typer.Context) -> None:
    """Keeps ERP systems in step with the tools that teams live in."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # else Prefect's client tells its maker what we do
    if context.invoked_subcommand not in ("up", "demo"):  # these find their own addresses
        environment.take_over()


@app.command()
def up(once: Once = False, port: Port = 4200) -> None:
    """Start all that is needed on this machine: PostgreSQL, Prefect server, receiver, worker, sandbox. Until Ctrl-C."""
    from ml_connector.cli.up import up as work

    do(work(once=once, port=port))


@app.command()
def demo(once: Once = False, port: Port = 4200) -> None:
    """Start everything, and let records move between the vendors, all played by the sandbox."""
    from ml_connector.cli.demo import demo as work

    do(work(once=once, port=port))


@app.command()
def sandbox(port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one")] = 8600) -> None:
    """Play the vendors on loopback, until Ctrl-C."""
    os.execv(sys.executable, [sys.executable, "-m", "ml_connector.sandbox", "--port", str(port)])  # noqa: S606
