"""What journals are checked against, over real HTTP: ledgers, periods, account combinations; and suppliers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from connectors.oracle_fusion.accounts import AccountCombinations
from connectors.oracle_fusion.general_ledger import GeneralLedger, Period, combination_of_row, period_of
from connectors.oracle_fusion.sandbox.ledger_setup import SEGMENTS
from connectors.oracle_fusion.sandbox.value_sets import ACCOUNTS, COST_CENTRES
from connectors.oracle_fusion.suppliers import TAX_DETAILS, Suppliers
from ml_connector.core.errors import Misconfigured, RetryLater
from tests.connectors.oracle_pod import Pod, closed, pod
from tests.connectors.reading import read, read_with_crashes


@pytest.fixture(scope="module")
def fusion() -> Iterator[Pod]:
    with pod() as opened:
        opened.emulator.seed("purchase_orders", 30, 5)
        yield opened


async def test_a_ledger_tells_its_currency_and_its_chart(fusion: Pod) -> None:
    async with fusion.client() as client:
        ledger = await GeneralLedger(client).ledger("Deutschland Hauptbuch")
        with pytest.raises(Misconfigured, match="0 ledgers"):
            await GeneralLedger(client).ledger("Deutschland")

    assert (ledger.currency, ledger.chart_of_accounts) == ("EUR", "41")


async def test_a_day_belongs_to_a_period_of_the_ledger_with_its_status_of_now(fusion: Pod) -> None:
    today = datetime.now(UTC).date()
    async with fusion.client(page_size=7) as client:
        ledgers = GeneralLedger(client)
        ledger = await ledgers.ledger("US Primary Ledger")
        periods = await ledgers.periods(ledger)
        current = period_of(periods, today)
        assert current is not None
        assert current.status == "O"
        key = next(
            row["row"]
            for row in fusion.held("periods")
            if (str(row["LedgerId"]), row["ApplicationId"]) == (ledger.ledger_id, 101)
            and row["PeriodNameId"] == current.name
        )
        fusion.emulator.mutate("periods", {"keys": [key], "set": {"ClosingStatus": "C"}})
        closed = period_of(await ledgers.periods(ledger), today)

    assert len({period.name for period in periods}) == len(periods) > 27
    assert closed is not None
    assert (closed.name, closed.status) == (current.name, "C")
    assert period_of(periods, date(1999, 1, 1)) is None


def test_the_last_day_of_a_year_belongs_to_its_month_and_not_to_an_adjusting_period() -> None:
    december = Period("Dec-26", "O", date(2026, 12, 1), date(2026, 12, 31))
    adjusting = Period("Adj-26", "O", date(2026, 12, 31), date(2026, 12, 31))
    assert period_of([adjusting, december], date(2026, 12, 31)) is december


async def test_the_account_of_an_order_is_found_by_id_and_by_its_segments(fusion: Pod) -> None:
    line = fusion.held("purchase_orders")[0]["lines"][0]
    distribution = line["schedules"][0]["distributions"][0]
    async with fusion.client() as client:
        ledgers = GeneralLedger(client)
        ledger = await ledgers.ledger("US Primary Ledger")
        charged = await ledgers.combination(str(distribution["POChargeAccountId"]))
        assert charged is not None
        found = await ledgers.combination_of(ledger, charged.segments)
        elsewhere = await ledgers.combination_of(ledger, {**charged.segments, "costCenter": "999"})

    assert ".".join(charged.segments[name] for name in SEGMENTS) == distribution["POChargeAccount"]
    assert found == charged
    assert elsewhere is None


@pytest.mark.usefixtures("specs")
async def test_a_segment_that_the_chart_does_not_have_is_told() -> None:
    with pod() as fusion:
        async with fusion.client() as client:
            ledgers = GeneralLedger(client)
            with pytest.raises(Misconfigured):
                await ledgers.combination_of(await ledgers.ledger("US Primary Ledger"), {"colour": "red"})
        assert len(fusion.violations()) == 1
        fusion.world.requests.clear()


async def test_a_combination_that_is_disabled_cannot_be_posted_to(fusion: Pod) -> None:
    disabled = next(row for row in fusion.held("account_combinations") if row["EnabledFlag"] == "N")
    async with fusion.client() as client:
        found = await GeneralLedger(client).combination(str(disabled["_CODE_COMBINATION_ID"]))
    assert found is not None
    assert not found.enabled


def test_a_row_has_more_attributes_than_its_segments() -> None:
    row = {
        "AccountType": "L", "DetailBudgetingAllowedFlag": "Y", "JgzzReconFlag": "N", "FinancialCategory": "X",
        "DetailPostingAllowedFlag": "Y", "Reference3": "N", "SummaryFlag": "N", "StartDateActive": "1952-01-01",
        "EndDateActive": "2026-06-30", "EnabledFlag": "Y", "_CODE_COMBINATION_ID": 300000002671383,
        "_CHART_OF_ACCOUNTS_ID": 2002, "coCo": "01", "coAccount": "2311100", "Future": "000", "coNone": None,
    }  # fmt: skip
    told = combination_of_row(row, ("coAccount", "Future", "coMissing"))
    guessed = combination_of_row(row)
    assert told.segments == {"coAccount": "2311100", "Future": "000"}
    assert guessed.segments == {"coCo": "01", "coAccount": "2311100"}
    assert [told.is_postable(date(*day)) for day in ((1951, 12, 31), (1952, 1, 1), (2026, 6, 30), (2026, 7, 1))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not combination_of_row(row | {"SummaryFlag": "Y"}).is_postable(date(2026, 1, 1))


async def test_a_list_of_values_that_knows_no_offset_does_not_go_on_for_ever(fusion: Pod) -> None:
    fusion.fault("ignore_offset")
    async with fusion.client() as client:
        ledger = await GeneralLedger(client).ledger("US Primary Ledger")
        periods = await GeneralLedger(client).periods(ledger)
    async with fusion.client(page_size=7) as client:
        with pytest.raises(RetryLater, match="the same page"):
            await GeneralLedger(client).periods(ledger)
    fusion.world.faults.clear()
    assert len({period.name for period in periods}) == len(periods) > 27


async def test_all_suppliers_come_in_each_read_without_their_tax_numbers(fusion: Pod) -> None:
    fusion.emulator.seed("customers", 200, 5)
    async with fusion.client(page_size=5) as client:
        records = await read(Suppliers(client))
        again = await read_with_crashes(Suppliers(client))

    assert records == again
    assert [record.source_id for record in records] == sorted(
        str(row["SupplierId"]) for row in fusion.held("suppliers")
    )
    assert len(records) > 20
    assert all(record.modified_at is None and not record.body.keys() & TAX_DETAILS for record in records)


@pytest.mark.parametrize("fault", [None, "ignore_offset", "cap_page"])
async def test_values_tell_what_accounts_are_called_and_which_are_in_use(fusion: Pod, fault: str | None) -> None:
    if fault:
        fusion.fault(fault, path="*/child/values", rows=7)
    with closed(fusion, ACCOUNTS, "60501"):
        async with fusion.client(value_sets={"account": ACCOUNTS, "costCenter": COST_CENTRES}) as client:
            records = await read(AccountCombinations(client))
    fusion.world.faults.clear()
    told = {segment["Name"]: segment.get("Description") for segment in records[1].body["Segments"]}
    assert (told["account"], told["costCenter"], told["company"]) == ("Account 60501", "Cost centre 120", None)
    barred = {record.source_id for record in records if not record.body["Postable"]}
    assert barred == {
        str(row["_CODE_COMBINATION_ID"])
        for row in fusion.held("account_combinations")
        if row["account"] == "60501" or row["EnabledFlag"] == "N" or row["EndDateActive"]
    }


async def test_a_value_set_that_is_not_seen_is_told(fusion: Pod) -> None:
    async with fusion.client(value_sets={"account": "Nothing"}) as client:
        with pytest.raises(Misconfigured, match="no value set is seen"):
            await read(AccountCombinations(client))


async def test_the_accounts_that_are_wanted_come_in_each_read_with_their_segments_in_order(fusion: Pod) -> None:
    journals = {
        "ledger": "US Primary Ledger",
        "data_access_set": "1",
        "source": "Asana",
        "category": "Accrual",
        "segments": SEGMENTS,
        "amount": "remaining",
        "clearing_account": {"account": "21010"},
        "cost_centre_segment": "costCenter",
        "time_zone": "UTC",
        "closed_period": "reject",
    }
    wanted = "_CHART_OF_ACCOUNTS_ID = 41"
    async with fusion.client(page_size=50, account_combinations=wanted, journals=journals) as client:
        records = await read(AccountCombinations(client))
        again = await read_with_crashes(AccountCombinations(client))

    held = fusion.held("account_combinations")
    assert records == again
    assert len(records) == len(held)
    by_id = {record.source_id: record.body for record in records}
    for row in held:
        body = by_id[str(row["_CODE_COMBINATION_ID"])]
        assert [one["Value"] for one in body["Segments"]] == [row[name] for name in SEGMENTS]
        assert body["Postable"] == (row["EnabledFlag"] == "Y" and row["EndDateActive"] is None)
