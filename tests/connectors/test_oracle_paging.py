"""The pager against a source that changes, serves less, hides digits and lies: what stays as it is always comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.oracle_fusion.paging import CollectionPage, Keyset
from connectors.oracle_fusion.ranks import ByNumber, ByTime
from ml_connector.core.errors import AbortRun, RetryLater
from tests.connectors.oracle_model import Collection, Show, cut_off, rounded, without_zero_fraction, written

HI = 10_000_000
LATER = HI + 5_000_000
SHOWN: list[Show] = [cut_off(1), cut_off(1000), cut_off(1_000_000), rounded(1000), rounded(1_000_000)]
CLAIMS: list[Callable[[bool], bool]] = [lambda more: more, lambda _: False, lambda _: True]

# Few instants for many rows, so that they collide, and some that differ only in digits that are not shown.
moments = st.sampled_from([1, 999, 1_000, 1_234_000, 1_234_001, 1_234_400, 1_234_600, 1_999_999, 2_000_000, HI, LATER])
rows = st.dictionaries(st.integers(-2, 190), moments, max_size=180)


async def no_pause(_: float) -> None:
    """The tests do not wait."""


def keyset(source: Collection, since: int | None = None, until: int | None = HI) -> Keyset:
    return Keyset(
        source.fetch, ByTime("LastUpdateDate"), "PartyId", since=since, until=until, phase="test", pause=no_pause
    )


async def read(source: Collection, crash_after: Callable[[int], bool], **window: Any) -> list[tuple[int, str]]:
    """Read all; after the pages for which ``crash_after`` holds, only the cursor survives."""
    got: list[tuple[int, str]] = []
    cursor, pages = None, 0
    while True:
        async for page in keyset(source, **window).read(cursor):
            assert page.rows, "an empty page"
            got += [(int(row["PartyId"]), row["LastUpdateDate"]) for row in page.rows]
            cursor, pages = page.cursor, pages + 1
            assert len(source.queries) < 2000, "it does not end"
            if crash_after(pages):
                break
        else:
            return got


@settings(max_examples=300, deadline=None)
@given(
    held=rows,
    show=st.sampled_from([*SHOWN, without_zero_fraction]),
    caps=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    claims=st.sampled_from(CLAIMS),
    ids_as_text=st.booleans(),
    since=st.none() | moments,
    changes=st.lists(
        st.tuples(st.sampled_from(["touch", "touch to within the window", "delete"]), st.integers(-2, 90)), max_size=40
    ),
    crash_every=st.integers(1, 4),
)
async def test_what_stays_as_it_is_comes_exactly_once(
    held: dict[int, int],
    show: Show,
    caps: list[int],
    claims: Callable[[bool], bool],
    ids_as_text: bool,
    since: int | None,
    changes: list[tuple[str, int]],
    crash_every: int,
) -> None:
    pending = list(changes)

    def change() -> None:
        for _ in range(min(2, len(pending))):
            what, row_id = pending.pop()
            if row_id in source.rows:
                source.rows |= {row_id: LATER} if what == "touch" else {}
                if what == "delete":
                    del source.rows[row_id]

    source = Collection(dict(held), show, caps, ids_as_text, claims, change)

    got = await read(source, lambda pages: pages % crash_every == 0, since=since)

    wanted = {(row_id, show(at)) for row_id, at in held.items() if (since is None or at > since) and at <= HI}
    unchanged = {row_id for row_id, at in held.items() if source.rows.get(row_id) == at}
    assert {row for row in wanted if row[0] in unchanged} - set(got) == set(), "lost"
    assert {row for row in got if row[0] in unchanged} - wanted == set(), "not asked for"
    assert [row for row, times in Counter(got).items() if times > 1] == [], "came twice"


async def test_a_bulk_load_with_one_timestamp_is_read_by_id_and_not_by_offset() -> None:
    source = Collection(dict.fromkeys(range(1, 1201), 5_000_123), caps=[500])

    got = await read(source, lambda _: True)

    assert sorted(row_id for row_id, _ in got) == list(range(1, 1201))
    assert len(got) == 1200
    assert len(source.queries) < 12


async def test_a_read_with_few_ties_costs_one_request_per_page_and_one_to_confirm_the_end() -> None:
    source = Collection({row_id: row_id // 2 * 1000 for row_id in range(2, 1002)}, caps=[499])

    got = await read(source, lambda _: False)

    assert len(got) == 1000
    assert len(source.queries) == 4


async def test_nothing_new_costs_one_request() -> None:
    source = Collection({1: 5})

    assert await read(source, lambda _: False, since=6) == []
    assert source.queries == [
        "LastUpdateDate > '1970-01-01T00:00:00.000006+00:00' and LastUpdateDate <= '1970-01-01T00:00:10.000+00:00'"
    ]


async def test_rows_without_a_readable_date_come_and_do_not_stop_the_others() -> None:
    def show(stored: int) -> str:
        return "2026-11-20T08:15:30" if stored % 2 else written(stored, 1000)

    source = Collection({row_id: row_id * 1000 + row_id % 2 for row_id in range(1, 40)}, show, caps=[3, 1, 5])

    got = await read(source, lambda _: True)

    assert {row_id for row_id, _ in got} == set(range(1, 40))


async def test_a_format_that_cannot_be_read_at_all_stops_the_run() -> None:
    source = Collection(dict.fromkeys(range(1, 40), 5000), lambda _: "20-NOV-26")

    with pytest.raises(AbortRun, match="LastUpdateDate"):
        await read(source, lambda _: False)


async def test_rows_that_come_unordered_stop_the_run() -> None:
    source = Collection({row_id: row_id * 1000 for row_id in range(1, 40)})

    async def shuffled(q: str, _: str) -> CollectionPage:
        page = await source.fetch(q, "LastUpdateDate:asc,PartyId:asc")
        return CollectionPage(page.rows[::-1], page.has_more)

    source_read = Keyset(shuffled, ByTime("LastUpdateDate"), "PartyId", since=None, until=HI, phase="test").read(None)
    with pytest.raises(AbortRun, match="not ordered"):
        await anext(source_read)


async def test_a_filter_that_is_ignored_stops_the_run_instead_of_reading_for_ever() -> None:
    source = Collection({row_id: row_id * 2000 for row_id in range(1, 200)}, caps=[50])

    async def ignoring(_: str, order_by: str) -> CollectionPage:
        return await source.fetch("", order_by)

    reader = Keyset(ignoring, ByTime("LastUpdateDate"), "PartyId", since=None, until=HI, phase="test")
    with pytest.raises(AbortRun, match="outside of what was asked for"):
        [page async for page in reader.read(None)]


async def test_a_pod_that_does_not_know_unequal_is_read_completely_all_the_same() -> None:
    source = Collection({row_id: row_id // 3 * 1000 for row_id in range(3, 203)}, caps=[50, 1])

    async def without_unequal(q: str, order_by: str) -> CollectionPage:
        return await source.fetch(" and ".join(part for part in q.split(" and ") if "!=" not in part), order_by)

    reader = Keyset(without_unequal, ByTime("LastUpdateDate"), "PartyId", since=None, until=HI, phase="test")
    got = [row["PartyId"] async for page in reader.read(None) for row in page.rows]

    assert sorted(got) == list(range(3, 203))


async def test_an_empty_page_that_claims_more_is_asked_again_and_is_not_the_end() -> None:
    asked = 0

    async def empty(_: str, __: str) -> CollectionPage:
        nonlocal asked
        asked += 1
        return CollectionPage([], True)

    reader = Keyset(empty, ByTime("LastUpdateDate"), "PartyId", since=None, until=HI, phase="test", pause=no_pause)
    with pytest.raises(RetryLater):
        [page async for page in reader.read(None)]
    assert asked == 3


async def test_a_full_read_by_id() -> None:
    source = Collection(dict.fromkeys(range(1, 1001), 0), caps=[499])
    reader = Keyset(source.fetch, ByNumber("PartyId"), "PartyId", since=0, until=None, phase="test")

    got = [row["PartyId"] async for page in reader.read(None) for row in page.rows]

    assert got == list(range(1, 1001))
    assert len(source.queries) == 4
