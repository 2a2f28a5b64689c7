"""``reconcile``: how completions, journal batches and purchase orders of a month agree."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

from ml_connector.cli import console
from ml_connector.cli.month_end import Line, by_completion, by_order
from ml_connector.cli.month_records import records_of
from ml_connector.core.errors import Misconfigured
from tasks.workspace import open_workspace

_COLUMNS = tuple(Line.__dataclass_fields__)
_TITLES = {
    "completion": "Completions",
    "batch": "Batches that no completion in our ledger has made",
    "order": "Purchase orders",
}


async def reconcile(tenant: str, month: str, file: Path | None) -> int:
    """Show the month, and write it to ``file`` as CSV; the exit code is 1 if something differs.

    ``month``: 2026-10, the accounting period of the ledger that holds the middle of it.
    """
    middle = _middle(month)
    async with open_workspace(tenant) as workspace:
        found = await records_of(workspace, middle)
    lines = [*by_completion(found.completions, found.elsewhere, found.batches), *by_order(found.orders, found.batches)]
    for kind, title in _TITLES.items():
        _show(title, [line for line in lines if line.kind == kind])
    if file is not None:
        await asyncio.to_thread(_write, file, lines)
    differing = sum(bool(line.difference) for line in lines)
    counted = f"{len(found.completions)} completions, {len(found.batches)} batches, {len(found.orders)} orders"
    agreement = f"{differing} lines differ" if differing else "all agree"
    console.out.print(f"{tenant}, {found.period.name}: {counted}; {agreement}.", highlight=False)
    return int(differing > 0)


def _middle(month: str) -> date:
    try:
        return datetime.strptime(f"{month}-15", "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no time zone
    except ValueError:
        raise Misconfigured("--period takes a month, such as 2026-10") from None


def _show(title: str, lines: Sequence[Line]) -> None:
    """Only the columns in which something stands."""
    rows = [{name: value for name, value in asdict(line).items() if name != "kind"} for line in lines]
    shown = [name for name in _COLUMNS if any(row.get(name) not in (None, "") for row in rows)]
    if not rows:
        return
    listed = console.table(*shown, title=title)
    for row in rows:
        listed.add_row(*[console.cell(_text(row[name])) for name in shown])
    console.out.print(listed)


def _text(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value


def _write(file: Path, lines: Sequence[Line]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, _COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)
