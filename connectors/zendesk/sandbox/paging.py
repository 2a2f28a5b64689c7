"""Zendesk's two ways of paging. https://developer.zendesk.com/api-reference/introduction/pagination/"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from urllib.parse import urlencode

from connectors.zendesk.sandbox.http import Answer, Call, Refused, Row, invalid_attribute

RowsAfter = Callable[[int], Iterable[tuple[int, Row]]]
"""The rows behind a position, each with its own position."""

TOO_DEEP = {
    "errors": [
        {
            "code": "InvalidPaginationDepth",
            "title": "Pagination requests using Offset Pagination are limited to page 100 or up to 10000 records "
            "(page * per_page)",
            "detail": "There are limits to the page depth in Offset Pagination. "
            "Please switch to Cursor Pagination at the earliest.",
        }
    ]
}


def listing(call: Call, name: str, rows_after: RowsAfter, render: Callable[[Row], Row]) -> Answer:
    """Cursor pages if the client names ``page[size]``, offset pages otherwise."""
    if any(parameter.startswith("page[") for parameter in call.query):
        return _cursor_page(call, name, rows_after, render)
    return offset_listing(call, name, rows_after, render)


def sequence(rows: Sequence[Row]) -> RowsAfter:
    """Positions in a short list in place of ids, for lists that are not in the order of ids."""
    return lambda after: islice(enumerate(rows, 1), after, None)


def walked(walk: Callable[[int], Iterator[Row]], keep: Callable[[Row], bool] = lambda _: True) -> RowsAfter:
    """The rows of a table that ``keep`` wants, positioned by id."""
    return lambda after: ((row["id"], row) for row in walk(after) if keep(row))


def offset_listing(call: Call, name: str, rows_after: RowsAfter, render: Callable[[Row], Row]) -> Answer:
    """``page`` and ``per_page``, at most 100 pages deep."""
    if any(parameter.startswith("page[") for parameter in call.query):
        raise invalid_attribute(call, "page", "be an integer")
    page, per_page = _number(call, "page", 1), min(_number(call, "per_page", 100), 100)
    if page > 100 or page * per_page > 10_000:
        raise Refused(400, TOO_DEEP)
    rows = [row for _, row in rows_after(0)]
    first = (page - 1) * per_page
    body = {
        name: [render(row) for row in rows[first : first + per_page]],
        "count": len(rows),
        "next_page": _link(call, {"page": str(page + 1)}) if first + per_page < len(rows) else None,
        "previous_page": _link(call, {"page": str(page - 1)}) if page > 1 else None,
    }
    return Answer(200, body)


def _cursor_page(call: Call, name: str, rows_after: RowsAfter, render: Callable[[Row], Row]) -> Answer:
    size = _number(call, "page[size]", 100)
    if size > 100:
        title = "Page size must be between 1 and 100"
        raise Refused(400, {"errors": [{"code": "InvalidPaginationParameter", "title": title}]})
    found = list(islice(rows_after(_position(call)), size + 1))
    shown, has_more = found[:size], len(found) > size
    after = _cursor(shown[-1][0]) if shown else None
    body = {
        name: [render(row) for _, row in shown],
        "meta": {
            "has_more": has_more,
            "after_cursor": after,
            "before_cursor": _cursor(shown[0][0]) if shown else None,
        },
        "links": {"next": _link(call, {"page[after]": after}) if has_more and after else None, "prev": None},
    }
    return Answer(200, body)


def _link(call: Call, changes: dict[str, str]) -> str:
    return f"{call.base}/{call.path}.json?{urlencode({**call.query, **changes})}"


def _cursor(position: int) -> str:
    return urlsafe_b64encode(f"aQ:{position}".encode()).decode()


def _position(call: Call) -> int:
    cursor = call.query.get("page[after]")
    if cursor is None:
        return 0
    try:
        return int(urlsafe_b64decode(cursor).decode().removeprefix("aQ:"))
    except ValueError:
        raise Refused(
            400, {"errors": [{"code": "InvalidPaginationParameter", "title": "page[after] is not valid"}]}
        ) from None


def _number(call: Call, name: str, default: int) -> int:
    value = call.query.get(name, str(default))
    if not value.isdigit() or int(value) < 1:
        raise invalid_attribute(call, name, "be an integer")
    return int(value)
