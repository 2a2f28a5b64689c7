"""How many rows are asked for in one call: fewer where Fusion cannot gather them in time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from connectors.oracle_fusion.paging import CollectionPage
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import ConnectorError
from ml_connector.core.http import Retry

log = logging.getLogger(__name__)

EASY = 10
"""So many pages that went well, and more is asked for again: a few heavy documents do not slow down all that follow."""


class PageSize:
    """Of one read: ``most`` rows, half as many after each answer that was too much (too late, or too large), in the end
    one. Only for readers who do not mind how many rows come at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows = most
        self._went_well = 0

    async def ask(self, fetch: Callable[[int, Retry], Awaitable[CollectionPage]]) -> CollectionPage:
        """The answer of ``fetch`` to so many rows; what it raises when one row is too much as well."""
        while True:
            try:
                page = await fetch(self._rows, Retry.UNLESS_TOO_MUCH if self._rows > 1 else Retry.ALWAYS)
            except ConnectorError as error:
                if not error.too_much or self._rows == 1:
                    raise
                self._rows, self._went_well = self._rows // 2, 0
                log.info("%s %s: %s; asking for %d rows", SYSTEM, error.phase, error.message, self._rows)
                continue
            self._went_well += 1
            if self._went_well >= EASY:
                self._rows, self._went_well = min(2 * self._rows, self._most), 0
            return page
