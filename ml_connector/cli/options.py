"""What the commands have in common: arguments and options, and how their work is done."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, Literal

import typer

from ml_connector.cli import console

Tenant = Annotated[str, typer.Argument(help="Name of a tenant: its file without .yaml")]
Streams = Annotated[str | None, typer.Option(help="Only these, separated by commas: organizations,users")]
Bodies = Annotated[bool, typer.Option("--bodies", help="Show the records' values too: only for those who may see them")]
KEY = "Id of a record at the source or the destination, or the number that people know it by"
Stream = Annotated[str, typer.Argument(help="A stream of messages, such as invoices")]
Record = Annotated[str, typer.Argument(help="A record's id at the source, or its number if it was read before")]
Since = Annotated[str | None, typer.Option(help="How far back: 90s, 10m, 2h, 7d")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit")]
Format = Literal["table", "jsonl", "csv"]
Failed = Annotated[bool, typer.Option("--failed", help="Only those that failed")]


def do(work: Coroutine[Any, Any, int | None]) -> None:
    """Do a command's work; its result is the exit code."""
    try:
        code = asyncio.run(work)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # whoever read what is printed has seen enough: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as error:  # noqa: BLE001 - whatever it is, its traceback must not be shown
        code = console.complain(error)
    raise typer.Exit(code or 0)
