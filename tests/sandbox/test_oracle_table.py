"""The indexes of the Oracle emulator's tables are a shortcut, never another answer."""

from __future__ import annotations

import pytest

from connectors.oracle_fusion.sandbox.pod import Pod
from connectors.oracle_fusion.sandbox.query import EVERYTHING, parse
from connectors.oracle_fusion.sandbox.resources import HUB_PERSONS, Row
from connectors.oracle_fusion.sandbox.table import FEW, Order, Table
from ml_connector.sandbox.world import World

BY_TIME: Order = (("LastUpdateDate", False), ("PartyId", False))
BY_ID: Order = (("PartyId", False),)
BY_NAME: Order = (("LastName", True), ("JobTitle", False), ("PartyId", False))
BY_JOB: Order = (("JobTitle", True), ("PartyId", True))


@pytest.fixture(scope="module")
def persons() -> Table:
    pod = Pod(World())
    pod.seed_customers(20, 5)
    pod.seed_contacts(FEW + 1_000, 5)  # so that some reads take the one index and some the other
    table = pod.table("contacts")
    pod.mutate("contacts", {"count": 40})
    pod.mutate("contacts", {"count": 9, "seed": 2, "delete": True})
    return table


def conditions(rows: list[Row]) -> list[str]:
    """Queries as clients write them, around dates and ids that there are."""
    early, late = rows[100]["LastUpdateDate"], rows[-100]["LastUpdateDate"]
    key, employer = rows[FEW]["PartyId"], rows[10]["OrganizationPartyId"]
    return [
        "",
        f"LastUpdateDate > '{early}' and LastUpdateDate <= '{late}'",
        f"LastUpdateDate >= '{early}' and LastUpdateDate < '{late}' and PartyId > {key}",
        f"(LastUpdateDate > '{early}' or LastUpdateDate = '{early}' and PartyId > {key}) and PartyId != {key}",
        f"LastUpdateDate != '{early}' and PartyId <= {key}",
        f"OrganizationPartyId = {employer} and LastUpdateDate <= '{late}'",
        f"PartyId = {key} or PartyId = {key + 13} or OrganizationPartyId = {employer}",
        f"PartyId = {key} or LastName = 'Smith'",
        f"LastUpdateDate > '{late}' and PartyId > {key}",
        f"LastUpdateDate > '{late}' and LastUpdateDate < '{early}'",
        "JobTitle is null and LastName like 'S%'",
    ]


def brute(table: Table, q: str, order: Order) -> list[int]:
    where = parse(q, HUB_PERSONS, 4) if q else EVERYTHING
    rows = [row for row in table.rows.values() if where.matches(row)]
    for name, descending in reversed(order):
        # Oracle sorts nulls last, and first where the order is descending.
        rows.sort(key=lambda row, name=name: (row[name] is None, row[name] or ""), reverse=descending)  # type: ignore[misc]
    return [row["PartyId"] for row in rows]


@pytest.mark.parametrize("order", [BY_TIME, BY_ID, BY_NAME, BY_JOB])
def test_an_index_gives_what_looking_at_each_row_gives(persons: Table, order: Order) -> None:
    rows = sorted(persons.rows.values(), key=lambda row: row["LastUpdateDate"])
    for q in conditions(rows):
        where = parse(q, HUB_PERSONS, 4) if q else EVERYTHING
        expected = brute(persons, q, order)
        assert [row["PartyId"] for row in persons.select(where, order)] == expected, q
        assert [row["PartyId"] for row in persons.select(where, order, 7)] == expected[7:], q
        assert persons.count(where) == len(expected)


def test_rows_that_the_order_leaves_equal_come_in_any_order(persons: Table) -> None:
    first, second = ([row["PartyId"] for row in persons.select(EVERYTHING, ())] for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)
