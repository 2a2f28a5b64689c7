"""``GET /api/qracore/browses``, with its quirks: 200 without rows to whatever is not asked as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from starlette.datastructures import QueryParams

from connectors.qad.sandbox.instance import Browse, Instance, Row
from ml_connector.sandbox.world import FaultRule

LOOKUP = "urn:browse:custom:lookupBrowseFields"
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda held, asked: held == asked,
    "cn": lambda held, asked: asked in held,
    "sw": lambda held, asked: held.startswith(asked),
    "ew": lambda held, asked: held.endswith(asked),
    "gt": lambda held, asked: held > asked,
    "ge": lambda held, asked: held >= asked,
    "lt": lambda held, asked: held < asked,
    "le": lambda held, asked: held <= asked,
}


def answer(query: QueryParams, instance: Instance, odd: Callable[[str], FaultRule | None]) -> dict[str, Any]:
    """The body; ``odd`` says whether a fault of this name is armed."""
    urn, page, action = query.get("browseId", ""), query.get("page"), query.get("pageAction")
    browse = _columns(instance) if urn == LOOKUP else instance.browses.get(urn)
    if browse is None or page is None or action != ("first" if page == "1" else "next") or odd("no_rows"):
        return _page([], False)
    if not instance.turned(query.get("callId", ""), urn, int(page)):
        return _page([], False)
    rows = browse.rows
    for one in query.getlist("filter"):
        parts = one.split(",")
        compared = _compared(parts[1:])
        if parts[0] not in browse.columns or not compared:
            return refused(parts[0], "The filter is not valid.")
        rows = [row for row in rows if all(holds(_text(row[parts[0]]), asked) for holds, asked in compared)]
    size = int(query.get("pageSize", 25))
    if (rule := odd("cap_page")) and urn != LOOKUP:
        size = min(size, int(rule.params["rows"]))
    number = 1 if odd("repeat_pages") else int(page)
    shown = [dict(row) for row in rows[(number - 1) * size : number * size]]
    if rule := odd("mutate_while_paging"):
        instance.stir(browse, shown[: int(rule.params["rows"])])
    return _page(shown, int(page) * size < len(rows) and not odd("lie_has_more"))


def _compared(parts: list[str]) -> list[tuple[Callable[[str, str], bool], str]]:
    """Of ``op,value,literal`` or ``rg,from,literal,to,literal``; none if it is neither."""
    match parts:
        case [op, value, "literal"] if op in _COMPARE:
            return [(_COMPARE[op], value)]
        case ["rg", first, "literal", last, "literal"]:
            return [(_COMPARE["ge"], first), (_COMPARE["le"], last)]
    return []


def _page(rows: Iterable[Row], more: bool) -> dict[str, Any]:
    return {"data": list(rows), "auxillaryData": {"HasMoreParams": "true" if more else "false"}}


def refused(field: str, message: str, code: str | None = None) -> dict[str, Any]:
    """An error in a 200."""
    error = {"fieldName": field, "message": message, "fieldValue": "", "code": code}
    return {"submitResult": {"success": False, "errors": [error]}}


def _columns(instance: Instance) -> Browse:
    rows = [
        {"field": name, "fieldLabel": name.rpartition(".")[2], "fieldDataType": kind, "browseURI": urn}
        for urn, browse in instance.browses.items()
        for name, kind in browse.columns.items()
    ]
    return Browse("field", dict.fromkeys(("field", "fieldLabel", "fieldDataType", "browseURI"), "character"), rows)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
