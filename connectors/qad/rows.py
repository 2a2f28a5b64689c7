"""A row of a browse as a record, under our names of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from connectors.qad.settings import Entity
from ml_connector.core import jsonx
from ml_connector.core.records import Body, SourceRecord


def record_of(row: Body, name: str, entity: Entity) -> SourceRecord:
    """A row of the browse of the entity ``name``."""
    body: Body = {field: _plain(row.get(column)) for field, column in entity.fields.items()}
    if entity.custom:
        body["custom"] = {field: _plain(row.get(column)) for field, column in entity.custom.items()}
    body |= {field: _address(template, body) for field, template in entity.links.items()}
    source_id = _joined(body, entity.key)
    body["customerId"] = source_id if name == "customers" else _joined(body, entity.customer)
    if name == "contacts":
        body["contactId"] = source_id
    modified = _instant(row.get(entity.last_modified)) if entity.last_modified else None
    # A row without its key is rejected by the mapping, and must not pass for another record until then.
    if source_id is None:
        return SourceRecord(f"no key: {jsonx.digest(row).hex()[:16]}", modified, body)
    return SourceRecord(source_id, modified, body, str(body[entity.key[-1]]))


def _joined(body: Body, names: Sequence[str]) -> str | None:
    """None where one of them is empty."""
    parts = [body.get(name) for name in names]
    return None if None in parts else ".".join(str(part) for part in parts)


def _plain(value: Any) -> Any:
    """Progress pads nothing and knows empty text only: it stands for no value."""
    return (value.strip() or None) if isinstance(value, str) else value


def _address(template: str, body: Body) -> str | None:
    """None where a field that it needs is empty."""
    values = {
        name: quote(str(value), safe="") for name, value in body.items() if value is not None and name != "custom"
    }
    try:
        return template.format_map(values)
    except KeyError:
        return None


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
