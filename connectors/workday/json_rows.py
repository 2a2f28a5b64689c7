"""Rows of REST, WQL and reports under the names of the stream's model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Body

_TRUE = ("1", "true", "yes", "y")


def renamed(row: Body, fields: Mapping[str, str]) -> Body:
    """``fields``: name in the model to the path in the row. Values keep the characters that Workday sent."""
    body = {name: _at(row, path) for name, path in fields.items()}
    if "Is_Paid" in body and body.get("Payment_Status") is None:
        partially = _is_true(body.get("Is_Partially_Paid"))
        body["Payment_Status"] = "Paid" if _is_true(body["Is_Paid"]) else "Partially Paid" if partially else "Unpaid"
    return body


def check_columns(rows: list[Body], fields: Mapping[str, str], what: str) -> None:
    """`Misconfigured` naming what no row has: a column that was renamed would read as empty for every record."""
    present = {name for row in rows for name in row}
    missing = sorted({path.partition(".")[0] for path in fields.values()} - present)
    if rows and missing:
        raise Misconfigured(f"{what}: no row has {', '.join(missing)}. Correct `fields` in the tenant file", phase=what)


def instant(value: Any) -> datetime | None:
    """A moment as UTC; None if it is none, or a day without a time."""
    try:
        found = datetime.fromisoformat(str(value)) if value and len(str(value)) > 10 else None
    except ValueError:
        return None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _at(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    if isinstance(row, dict):  # a reference that nothing was asked of
        return row.get("descriptor")
    return row if row != "" else None


def _is_true(value: Any) -> bool:
    return str(value).lower() in _TRUE
