"""Reading a collection completely, although it changes while it is read.

Oracle pages by offset, and an offset counts rows that may have moved since: a row that is updated leaves its place in
the order, and its neighbour slips onto a page that has been read. So no offset is used. Each request asks for what is
ranked at or above the last row that came (`Keyset`), and no statement of the vendor about the rest is believed:
``hasMore`` is wrong at times, ``limit`` is lowered without a word. The read has ended when an empty page comes.

What a timestamp shows is coarser than what the database orders by, so the last row's rank is only known to lie
between `Mark.low` and `Mark.high`. The next request starts at ``low`` and leaves out by id the rows that it would
repeat, if they are few. Where they fill the whole page (a bulk load gives thousands of rows the same LastUpdateDate),
the rows between ``low`` and ``high``, the *crowd*, are read in the order of their ids, and then what lies above.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any, NoReturn

from connectors.oracle_fusion.ranks import Mark, Rank, whole_number
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core import jsonx
from ml_connector.core.errors import AbortRun, RetryLater
from ml_connector.core.records import Body

EXCLUDABLE = 20
"""How many ids a query may leave out; more make the address too long."""
EMPTY_PAUSES = (0.5, 1.0)
"""Seconds until a page is asked for again that is empty and claims that there are more rows."""


@dataclass(slots=True)
class CollectionPage:
    """One answer. ``has_more`` is what the vendor claims."""

    rows: list[Body] = field(repr=False)
    has_more: bool
    request_id: str | None = None


Fetch = Callable[[str, str], Awaitable[CollectionPage]]
"""Asks for one page: ``q`` and ``orderBy``."""


@dataclass(slots=True, frozen=True)
class Place:
    """Where a read stands: everything below ``since`` has come, and from there on the rows ``seen`` (id: rank).

    With ``until``, the crowd in ``[since, until)`` is being read by id and has come up to the id ``last``.
    """

    since: int | None
    strict: bool = False
    """``since`` itself is not asked for: the beginning of a window."""
    seen: dict[str, Any] = field(default_factory=dict)
    until: int | None = None
    last: int | None = None


@dataclass(slots=True)
class KeysetPage:
    """New rows, never none, and the cursor that resumes behind them."""

    rows: list[Body] = field(repr=False)
    cursor: str
    request_id: str | None


class Keyset:
    """Reads the rows of a collection whose rank is above ``since`` and at most ``until``; None: no bound.

    ``tail`` names the unique whole-number id. Each row comes once, in the order of (rank, id), crowds by id. A row
    whose rank cannot be read comes too, perhaps twice. Rows that change or vanish meanwhile may be missing; what
    stays as it is never is. ``phase`` says in errors what is being read.
    """

    def __init__(
        self,
        fetch: Fetch,
        rank: Rank,
        tail: str,
        *,
        since: int | None,
        until: int | None,
        phase: str,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fetch = fetch
        self._rank = rank
        self._tail = tail
        self._since = since
        self._until = until
        self._phase = phase
        self._pause = pause

    async def read(self, cursor: str | None) -> AsyncIterator[KeysetPage]:
        """All pages from behind ``cursor`` on. `RetryLater` or `AbortRun` when the answers make no sense."""
        place = Place(**jsonx.loads(cursor)) if cursor else Place(self._since, strict=True)
        while not self._is_beyond(place):
            page = await self._page(place)
            if place.until is not None and not page.rows:
                place = Place(place.until, seen=self._from(place.until, place.seen))
                continue
            if not page.rows:
                return
            advance = self._walked if place.until is None else self._crowded
            new, place = advance(place, page.rows)
            if new:
                yield KeysetPage(new, jsonx.dumps(asdict(place)).decode(), page.request_id)

    async def _page(self, place: Place) -> CollectionPage:
        for pause in (*EMPTY_PAUSES, None):
            page = await self._fetch(self._q(place), self._order_by(place))
            if page.rows or not page.has_more:
                return page
            if pause is not None:
                await self._pause(pause)
        raise RetryLater(
            "an empty page came that says that there are more rows: ask again later", vendor=SYSTEM, phase=self._phase
        )

    def _q(self, place: Place) -> str:
        attribute, literal = self._rank.attribute, self._rank.literal
        clauses = []
        if place.since is not None:
            clauses.append(f"{attribute} {'>' if place.strict else '>='} {literal(place.since)}")
        if place.until is not None and (self._until is None or place.until <= self._until):
            clauses.append(f"{attribute} < {literal(place.until)}")
        elif self._until is not None:
            clauses.append(f"{attribute} <= {literal(self._until)}")
        if place.last is not None:
            clauses.append(f"{self._tail} > {place.last}")
        if place.until is None and len(place.seen) <= EXCLUDABLE:
            clauses.extend(f"{self._tail} != {row_id}" for row_id in place.seen)
        return " and ".join(clauses)

    def _order_by(self, place: Place) -> str:
        attributes = [self._rank.attribute, self._tail] if place.until is None else [self._tail]
        return ",".join(f"{attribute}:asc" for attribute in dict.fromkeys(attributes))

    def _walked(self, place: Place, rows: Sequence[Body]) -> tuple[list[Body], Place]:
        """The new rows of a page that is ordered by rank, and where the read stands behind it."""
        keys = [self._key(row) for row in rows]
        self._check_bounds(place, [mark for *_, mark in keys])
        new = [row for row, (row_id, raw, _) in zip(rows, keys, strict=True) if place.seen.get(row_id) != raw]
        marks = [mark for *_, mark in keys if mark is not None]
        if any(later.at < earlier.at for earlier, later in pairwise(marks)):
            self._abort(f"the rows are not ordered by {self._rank.attribute}, which was asked for")
        if not marks:
            return new, self._without_rank(place, keys, new)
        top = marks[-1]
        since = top.low if place.since is None else max(place.since, top.low)
        seen = self._from(since, place.seen)
        seen |= {row_id: raw for row_id, raw, mark in keys if mark is None or mark.high > since}
        strict = place.strict and since == place.since
        return new, Place(since, strict, seen, until=None if new else top.high)

    def _without_rank(self, place: Place, keys: Sequence[tuple[str, Any, Mark | None]], new: Sequence[Body]) -> Place:
        """No row of the page has a rank: leave these out and ask again, as long as they are few."""
        seen = place.seen | {row_id: raw for row_id, raw, _ in keys}
        if not new or len(seen) > EXCLUDABLE:
            self._abort(f"{self._rank.attribute} has no value that can be read in a whole page of rows")
        return replace(place, seen=seen)

    def _crowded(self, place: Place, rows: Sequence[Body]) -> tuple[list[Body], Place]:
        """The new rows of a page of the crowd, which is ordered by id."""
        keys = [self._key(row) for row in rows]
        self._check_bounds(place, [mark for *_, mark in keys])
        last = place.last
        for row_id, *_ in keys:
            if last is not None and int(row_id) <= last:
                self._abort(f"the rows are not ordered by {self._tail}, which was asked for")
            last = int(row_id)
        new = [row for row, (row_id, raw, _) in zip(rows, keys, strict=True) if place.seen.get(row_id) != raw]
        return new, replace(place, last=last)

    def _from(self, since: int, seen: dict[str, Any]) -> dict[str, Any]:
        """Those of the rows that came which would come again from ``since`` on."""
        return {row_id: raw for row_id, raw in seen.items() if (mark := self._rank.mark(raw)) and mark.high > since}

    def _check_bounds(self, place: Place, marks: Sequence[Mark | None]) -> None:
        """A filter that is ignored would show us the same rows for ever, or none of those that matter."""
        limits = [bound for bound in (place.until, self._until) if bound is not None]
        for mark in marks:
            if mark is None:
                continue
            if (place.since is not None and mark.high <= place.since) or (limits and mark.low > min(limits)):
                self._abort(f"rows came whose {self._rank.attribute} is outside of what was asked for")

    def _key(self, row: Body) -> tuple[str, Any, Mark | None]:
        number = whole_number(row.get(self._tail))
        if number is None:
            self._abort(f"a row has no {self._tail}")
        raw = row.get(self._rank.attribute)
        return str(number), raw, self._rank.mark(raw)

    def _is_beyond(self, place: Place) -> bool:
        return self._until is not None and place.since is not None and place.since > self._until

    def _abort(self, what: str) -> NoReturn:
        raise AbortRun(
            f"{what}: reading on would lose rows. Compare REST version and framework version with those of the pod",
            vendor=SYSTEM,
            phase=self._phase,
        )
