"""Rows for people or for programs: a table, JSON lines or CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from ml_connector.cli import console
from ml_connector.core import jsonx
from ml_connector.core.errors import Misconfigured
from ml_connector.core.tenant_config import Duration

Format = Literal["table", "jsonl", "csv"]


async def put_out(
    form: Format, rows: AsyncGenerator[dict[str, Any]], columns: Sequence[str], shown: Sequence[str]
) -> None:
    """Print the rows. A table has only the columns ``shown``, which a person wants to see; ``body`` if there is one."""
    async with aclosing(rows):  # whoever reads may go away before the end
        if form == "table":
            await _as_table(rows, [name for name in columns if name in (*shown, "body")])
        elif form == "jsonl":
            async for row in rows:
                sys.stdout.write(jsonx.dumps(row).decode() + "\n")
        else:
            writer = csv.DictWriter(sys.stdout, columns)
            writer.writeheader()
            async for row in rows:
                writer.writerow(_flat(row))


def span(text: str | None, option: str = "--since") -> timedelta | None:
    """How far back: ``7d``."""
    try:
        return TypeAdapter(Duration).validate_python(text) if text else None
    except ValidationError:
        raise Misconfigured(f"{option} takes a whole number and a unit, such as 90s, 10m, 2h or 7d") from None


async def _as_table(rows: AsyncIterator[dict[str, Any]], shown: Sequence[str]) -> None:
    listed = console.table(*shown)
    async for row in rows:
        flat = _flat(row)
        listed.add_row(*[console.cell(_short(flat[name])) for name in shown])
    console.out.print(listed)


def _short(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return row if row.get("body") is None else {**row, "body": jsonx.dumps(row["body"]).decode()}
