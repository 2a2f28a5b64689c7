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


def children(value: Any) -> list[Body]:
    """The rows of an expanded collection, however it is wrapped. One without rows may have come as nothing."""
    rows = value.get("items") if isinstance(value, dict) else value
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def has_more(value: Any) -> bool:
    """Whether an expanded collection says that it was cut; up to version 2 it cannot say so."""
    return isinstance(value, dict) and bool(value.get("hasMore"))


def key_in_url(row: Body) -> str | None:
    """The last part of a row's own address, as it is written there; None if the row came without links."""
    context = row.get("@context")
    links = context.get("links") if isinstance(context, dict) else row.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "self":
            return str(link.get("href", "")).rpartition("/")[2] or None
    return None


def _value(name: str, value: Any) -> Any:
    if isinstance(value, int) and name.endswith("Id") and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict) and (isinstance(value.get("items"), list) or "hasMore" in value):
        value = children(value)
    if isinstance(value, list):
        return [normalised(child) if isinstance(child, dict) else child for child in value]
    return value
