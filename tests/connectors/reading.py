"""Sources as the tests of all connectors read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ml_connector.core.records import Source, SourceRecord, Window


def everything() -> Window:
    return Window(None, datetime.now(UTC) + timedelta(seconds=1))


async def read(source: Source, window: Window | None = None, cursor: str | None = None) -> list[SourceRecord]:
    """All records of the window, or those behind a cursor; pages are never empty."""
    found = []
    async for page in source.read(window or everything(), cursor):
        assert page.records
        found += page.records
    return found


async def read_with_crashes(source: Source, window: Window | None = None) -> list[SourceRecord]:
    """The same by a reader that dies after each page and keeps the cursor only."""
    window = window or everything()
    found: list[SourceRecord] = []
    cursor: str | None = None
    while True:
        page = await anext(aiter(source.read(window, cursor)), None)
        if page is None:
            return found
        assert page.cursor != cursor
        found += page.records
        cursor = page.cursor
