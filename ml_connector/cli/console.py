"""How the command line speaks: what was asked for goes to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ml_connector.core.errors import ConnectorError, Disconnected, Misconfigured, Reauthenticate, RetryLater, SafeError

_WIDE = 140  # where nobody's window sets the width: a file, a pipe, CI
out = Console(width=None if sys.stdout.isatty() else _WIDE)
err = Console(stderr=True, width=None if sys.stderr.isatty() else _WIDE)

NEEDS_A_PERSON = 2
"""Exit code of Misconfigured and Reauthenticate: trying again does not help."""


def complain(error: BaseException) -> int:
    """Show what went wrong as one red paragraph; returns the exit code. No traceback: its values may be secret."""
    if isinstance(error, ConnectorError):
        text = error.message if error.vendor == "ml-connector" else str(error)
        if isinstance(error, RetryLater) and error.vendor != "ml-connector":
            text += ". That may pass: try again"
    else:
        text = str(SafeError.of(error))
    err.print(Text(text, style="red"))
    kinds = (Misconfigured.__name__, Reauthenticate.__name__, Disconnected.__name__)
    needs_person = isinstance(error, Misconfigured | Reauthenticate) or getattr(error, "kind", "") in kinds
    return NEEDS_A_PERSON if needs_person else 1


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table whose cells wrap and are never cut."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def cell(value: object) -> Text:
    """Text of a table that is taken as it is: vendors' texts may hold square brackets, which Rich would interpret."""
    return Text("" if value is None else str(value))


def ago(moment: datetime) -> str:
    """How long ago, in one unit: ``3 min``."""
    return spell(datetime.now(UTC) - moment)


def spell(span: timedelta) -> str:
    """A span in its largest unit."""
    seconds = max(0, int(span.total_seconds()))
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
