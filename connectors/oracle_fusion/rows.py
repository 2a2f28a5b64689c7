"""Rows as all framework versions would have sent them."""

from __future__ import annotations

from typing import Any

from ml_connector.core.records import Body

_NOT_DATA = frozenset({"links", "@context"})


def normalised(row: Body) -> Body:
    """The attributes of a row that have a value.

    Ids are text, as of version 9 (they do not fit into a double). Expanded children are lists, as of versions 1 and 2;
    since version 3 they come wrapped as a collection. Links are left out: ``links`` up to version 8, then part of
    ``@context``.
    """
    return {
        name: value if type(value) is str else _value(name, value)
        for name, value in row.items()
        if value is not None and name not in _NOT_DATA
    }


def _value(name: str, value: Any) -> Any:
    if isinstance(value, int) and name.endswith("Id") and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        value = value["items"]
    if isinstance(value, list):
        return [normalised(child) if isinstance(child, dict) else child for child in value]
    return value
