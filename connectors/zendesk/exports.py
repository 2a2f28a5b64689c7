"""Incremental exports: what has changed since a moment, and from then on since the export's own cursor.

Zendesk orders an export by a timestamp of its own that no object shows, so the cursor of the last answer is kept and
the next run goes on from there; a new start time would lose or repeat objects.
https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from connectors.zendesk.client import VENDOR, Zendesk
from connectors.zendesk.errors import Refused
from ml_connector.core.errors import AbortRun
from ml_connector.core.records import Body, Page, SourceRecord, Window

_PER_PAGE = "250"
"""Of 1,000 allowed: a ticket may hold 64 KiB of text, and each answer has to fit into our memory."""
_MARGIN = timedelta(minutes=2)
"""A start time has to lie a minute back, and the export leaves the last minute out."""


async def export(
    client: Zendesk,
    kind: str,
    window: Window,
    cursor: str | None,
    records: Callable[[Sequence[Body]], Awaitable[list[SourceRecord]]],
) -> AsyncIterator[Page]:
    """Pages up to the end of the stream; their cursors are Zendesk's. With a ``cursor`` the window does not matter,
    unless Zendesk refuses it.

    An answer of which nothing is wanted is a page without records, if its cursor has moved.
    """
    at, ended = cursor, False
    while not ended:
        since = {"cursor": at} if at else {"start_time": _start(window)}
        try:
            answer, request_id = await client.export(kind, {**since, "per_page": _PER_PAGE})
        except Refused:
            if at is None or at != cursor:
                raise
            at = None  # Zendesk does not take it any more: the window begins where the last one had not ended yet
            continue
        rows, after, ended = answer.get(kind) or [], answer.get("after_cursor"), answer.get("end_of_stream") is True
        if not after and (rows or not ended):
            raise AbortRun(f"the export of {kind} gave no cursor to go on from", vendor=VENDOR, request_id=request_id)
        if after == at and not ended:
            raise AbortRun(f"the export of {kind} does not move on", vendor=VENDOR, request_id=request_id)
        found = await records(rows)
        if after and (found or after != at):
            yield Page(found, after, request_id)
        at = after


def changed_at(row: Body) -> datetime | None:
    """When an object was last changed, UTC; None if that cannot be read, so that one odd object stops no other."""
    try:
        return datetime.fromisoformat(str(row.get("updated_at"))).astimezone(UTC)
    except ValueError:
        return None


def _start(window: Window) -> str:
    if window.lo is None:
        return "0"
    return str(max(0, int((min(window.lo, window.hi) - _MARGIN).timestamp())))
