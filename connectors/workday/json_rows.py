"""Rows of REST, WQL and reports under the names of the stream's model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_origin

from connectors.workday import models
from connectors.workday.statuses import document_status, owed
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Body

Values = Mapping[str, Mapping[str, str]]
"""By field of the model, what its values are in Workday and here."""
_TRUE = ("1", "true", "yes", "y")
_LISTS = frozenset(
    name
    for model in (models.Supplier, models.SupplierInvoice)
    for name, field in model.model_fields.items()
    if get_origin(field.annotation) is list
)
_SUPPLIER_STATUS = frozenset({"ACTIVE", "INACTIVE"})


def renamed(row: Body, fields: Mapping[str, str], values: Values, what: str) -> Body:
    """``fields``: name in the model to the path in the row. Amounts and texts keep the characters that Workday sent.

    `Misconfigured` where the status of a supplier is neither of the two: a deactivation would never arrive.
    """
    body = {name: _translated(_value(name, _at(row, path)), values.get(name)) for name, path in fields.items()}
    if body.get("Status") is not None:
        body["Status"] = str(body["Status"]).upper()
        if body["Status"] not in _SUPPLIER_STATUS:
            raise Misconfigured(
                f"{what}: the Status of a supplier is neither ACTIVE nor INACTIVE. Say in the tenant file what its "
                "values mean: `values: {Status: {...: ACTIVE, ...: INACTIVE}}`",
                phase=what,
            )
    if "Is_Paid" in body and body.get("Payment_Status") is None:
        partially = _is_true(body.get("Is_Partially_Paid"))
        body["Payment_Status"] = "Paid" if _is_true(body["Is_Paid"]) else "Partially Paid" if partially else "Unpaid"
    if "Payment_Status" in body:
        canceled = _is_true(body.get("Is_Canceled"))
        body["Document_Status"] = "Canceled" if canceled else document_status(body.get("Document_Status"))
        body = owed(body)
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
    """What stands at the path; of several instances each."""
    name, _, rest = path.partition(".")
    found = row.get(name) if isinstance(row, dict) else None
    if not rest:
        return [_plain(one) for one in found] if isinstance(found, list) else _plain(found)
    return [_at(one, rest) for one in found] if isinstance(found, list) else _at(found, rest)


def _plain(value: Any) -> Any:
    """Amounts are ``{currency, value}``, instances ``{id, descriptor}``.

    https://documentation.insightsoftware.com/simba-workday-jdbc-inst-guide/content/jdbc/wd/wqlquery.htm
    """
    if isinstance(value, dict):
        return value.get("value", value.get("descriptor"))
    return value if value != "" else None


def _value(name: str, found: Any) -> Any:
    if name in _LISTS:
        several = found if isinstance(found, list) else [found]
        return [str(one) for one in several if one is not None]
    return next(iter(found), None) if isinstance(found, list) else found


def _translated(value: Any, values: Mapping[str, str] | None) -> Any:
    return values.get(str(value), value) if values else value


def _is_true(value: Any) -> bool:
    return str(value).lower() in _TRUE
