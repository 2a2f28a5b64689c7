"""Journals of completed tasks: what is booked, to which accounts, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.oracle_fusion.journal_batches import posted
from connectors.oracle_fusion.journal_log import refusal
from connectors.oracle_fusion.journal_names import BatchName, order_part
from connectors.oracle_fusion.journal_settings import JournalSettings
from connectors.oracle_fusion.journals import Journals
from connectors.oracle_fusion.ping import ping
from connectors.oracle_fusion.sandbox.ledger_setup import ENDED, SEGMENTS
from connectors.oracle_fusion.sandbox.value_sets import COST_CENTRES
from ml_connector.core.errors import AbortRun, Misconfigured
from ml_connector.core.records import State
from tests.connectors.journal_desk import (
    BATCHES,
    NOW,
    SETTINGS,
    SUBMIT,
    Desk,
    completion,
    distributions,
    imported,
    orders,
    post,
    settings,
    submissions,
)
from tests.connectors.journal_desk import fusion as fusion
from tests.connectors.journal_desk import prepared as prepared
from tests.connectors.oracle_pod import Pod, closed
from tests.connectors.oracle_pod import running as running


async def test_a_completion_becomes_one_balanced_batch_and_a_second_look_finds_it(fusion: Pod) -> None:
    order = orders(fusion)[0]
    async with fusion.client(**settings(cost_centre=None)) as client:
        first = await post(client, completion(order))
        again = await post(client, completion(order))
        (batch,) = await posted(client)

    name = str(BatchName.of(order["OrderNumber"], "12000000000001", NOW + timedelta(milliseconds=1)))
    assert (first.only.state, first.only.dest_id) == (State.APPLIED, name)
    assert (again.only.state, again.only.dest_id) == (State.UNCHANGED, name)
    assert (batch.amount, batch.currency, batch.status) == (Decimal(100), "USD", "U")
    assert (batch.task, batch.order, batch.completed_at) == (
        "12000000000001", order["OrderNumber"], NOW + timedelta(milliseconds=1),
    )  # fmt: skip
    (held,) = imported(fusion)
    (header,) = held["journalHeaders"]
    debits = {line["AccountCombination"]: line["EnteredDr"] for line in header["journalLines"] if line["EnteredDr"]}
    credits_ = {line["AccountCombination"]: line["EnteredCr"] for line in header["journalLines"] if line["EnteredCr"]}
    assert debits.keys() == {one["POChargeAccount"] for one in distributions(order)}
    assert credits_ == {"101.10.22100.000.000.000": Decimal(100)}
    assert sum(debits.values()) == 100
    assert header["DefaultEffectiveDate"] == NOW.date().isoformat()
    assert order["OrderNumber"] in held["BatchDescription"]
    assert submissions(fusion) == 1


LOOK = ("GET", "*/erpintegrations")
REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"po_number": "US1"}, "no purchase order of this number"),
    ({}, {"po_number": "it's"}, "no purchase order of this number"),
    ({}, {"amount": None}, "names no amount"),
    ({}, {"amount": Decimal(-5)}, "not above zero"),
    ({}, {"amount": Decimal("1.001")}, "more decimals than USD has"),
    ({}, {"amount": Decimal(10**12)}, "exceeds what is left"),
    ({"amount": "line"}, {}, "names no line"),
    ({"amount": "line"}, {"po_line": Decimal(99)}, "no such line"),
    ({}, {"completed_at": NOW - timedelta(days=70)}, "is not open (C: closed)"),
    ({}, {"completed_at": NOW - timedelta(days=7000)}, "no accounting period"),
    ({"closed_period": "next_open"}, {"completed_at": NOW + timedelta(days=40)}, "no later one is open"),
    ({"cost_centre": "999"}, {}, ".999.000.000 cannot be posted to"),
    ({"clearing_account": {"company": "102"}}, {}, "account 102."),
    ({"clearing_account": dict(zip(SEGMENTS, ENDED.split("."), strict=True))}, {}, "it may be used from 1951-01-01 to"),
]


@pytest.mark.parametrize(("told", "changes", "why"), REFUSED, ids=[why for *_, why in REFUSED])
async def test_what_cannot_be_booked_is_refused_with_the_reason(
    fusion: Pod, told: dict[str, Any], changes: dict[str, Any], why: str
) -> None:
    async with fusion.client(**settings(**told)) as client:
        desk = await post(client, completion(orders(fusion)[0], **changes))
    assert desk.only.state is State.REJECTED
    assert why in str(desk.only.reason)
    assert submissions(fusion) == 0


async def test_orders_that_bear_no_cost_are_refused(fusion: Pod) -> None:
    pending = orders(fusion, "USD", "Pending Approval")[0]
    foreign = orders(fusion, "EUR")[0]
    barred = orders(fusion)[0]
    account = str(distributions(barred)[0]["POChargeAccountId"])
    fusion.emulator.mutate("account_combinations", {"keys": [account], "set": {"EnabledFlag": "N"}})
    key = str(foreign["POHeaderId"])
    fusion.emulator.mutate("purchase_orders", {"keys": [key], "set": {"ConversionRate": None}})
    async with fusion.client(**settings()) as client:
        desk = await post(client, *(completion(one, n) for n, one in enumerate((pending, foreign, barred))))

    assert set(desk.states) == {State.REJECTED}
    reasons = [str(entry.reason) for entry in desk.entries.values()]
    assert "PENDING APPROVAL" in reasons[0]
    assert "no conversion rate to USD" in reasons[1]
    assert "cannot be posted to" in reasons[2]


@pytest.mark.parametrize(
    "named",
    [
        SEGMENTS[:5],
        (
            *SEGMENTS[:4],
            SEGMENTS[5],
            SEGMENTS[4],
        ),
        ("Colour", *SEGMENTS),
    ],
)
async def test_segments_that_are_not_those_of_the_chart_in_its_order_book_nothing(
    fusion: Pod, named: tuple[str, ...]
) -> None:
    order = orders(fusion)[0]
    (held, *_) = distributions(order)
    fusion.emulator.mutate(
        "account_combinations", {"keys": [str(held["POChargeAccountId"])], "set": {"product": "001"}}
    )
    held["POChargeAccount"] = held["POChargeAccount"].replace(".000.000", ".001.000")
    async with fusion.client(**settings(segments=named)) as client:
        with pytest.raises(Misconfigured, match="name all segments"):
            await post(client, completion(order))
    assert submissions(fusion) == 0


async def test_an_account_with_a_value_that_is_not_in_use_is_refused(fusion: Pod) -> None:
    order = orders(fusion)[0]
    value = distributions(order)[0]["POChargeAccount"].split(".")[3]
    values = {"costCenter": COST_CENTRES}
    with closed(fusion, COST_CENTRES, value):
        async with fusion.client(**settings(), value_sets=values) as client:
            desk = await post(client, completion(order))
    async with fusion.client(**settings(), value_sets=values) as client:
        again = await post(client, completion(order))
    assert (desk.only.state, again.only.state) == (State.REJECTED, State.APPLIED)
    assert "its costCenter is not in use" in str(desk.only.reason)


@pytest.mark.parametrize(("currency", "unit"), [("EUR", Decimal("0.01")), ("JPY", Decimal(1))])
async def test_an_order_in_another_currency_is_booked_in_it_at_its_rate(
    fusion: Pod, currency: str, unit: Decimal
) -> None:
    order = orders(fusion, currency)[0]
    async with fusion.client(**settings(amount="remaining", closed_period="next_open")) as client:
        desk = await post(client, completion(order), completion(order, 2))
        (batch,) = await posted(client)

    assert desk.states == [State.APPLIED, State.REJECTED]
    ordered = sum((Decimal(str(one["Ordered"])) for one in distributions(order)), Decimal(0))
    assert batch.currency == currency
    assert batch.amount == ordered.quantize(unit, "ROUND_DOWN")
    (header,) = imported(fusion)[0]["journalHeaders"]
    assert header["CurrencyConversionRate"] == order["ConversionRate"]


@pytest.mark.parametrize(
    ("units", "currency", "change", "why"),
    [
        ([], "EUR", {}, "nothing says that its conversion rate leads to USD"),
        (["France BU"], "EUR", {}, "`business_units` does not name"),
        (["France BU"], "USD", {}, "`business_units` does not name"),
        (["US1 Business Unit"], "EUR", {"RequisitioningBU": "France BU"}, "`business_units` does not name"),
        (["US1 Business Unit"], "USD", {"BillToBU": None, "RequisitioningBU": None}, "`business_units` does not name"),
        ([], "USD", {"ConversionRate": 0.92}, "a conversion rate to another currency"),
        ([], "USD", {"ConversionRate": 1}, None),
    ],
)
async def test_an_order_of_another_ledger_is_refused(
    fusion: Pod, units: list[str], currency: str, change: dict[str, Any], why: str | None
) -> None:
    order = orders(fusion, currency)[0]
    if change:
        fusion.emulator.mutate("purchase_orders", {"keys": [str(order["POHeaderId"])], "set": change})
    async with fusion.client(**settings(business_units=units)) as client:
        desk = await post(client, completion(order, amount=Decimal(1)))
    assert desk.only.state is (State.REJECTED if why else State.APPLIED)
    assert (why or "batch") in str(desk.only.reason)
    assert submissions(fusion) == (0 if why else 1)


async def test_the_journals_of_an_order_never_exceed_it(fusion: Pod) -> None:
    order = orders(fusion)[0]
    ordered = sum((Decimal(str(one["Ordered"])) for one in distributions(order)), Decimal(0))
    part = (ordered * 2 / 5).quantize(Decimal("0.01"))
    async with fusion.client(**settings()) as client:
        desk = await post(client, *(completion(order, n, amount=part) for n in range(4)))
    async with fusion.client(**settings(amount="remaining")) as client:
        rest = await post(client, completion(order, 9))

    assert sorted(desk.states) == [State.APPLIED, State.APPLIED, State.REJECTED, State.REJECTED]
    assert rest.only.state is State.APPLIED
    assert sum(row["RunningTotalDr"] for row in imported(fusion)) == ordered


async def test_a_line_is_booked_once_and_to_its_own_accounts(fusion: Pod) -> None:
    order = next(one for one in orders(fusion) if len(one["lines"]) > 1)
    line = order["lines"][1]
    async with fusion.client(**settings(amount="line")) as client:
        desk = await post(client, *(completion(order, n, po_line=Decimal(2), amount=None) for n in range(2)))

    assert desk.states == [State.APPLIED, State.REJECTED]
    (held,) = imported(fusion)
    assert held["RunningTotalDr"] == line["Ordered"]
    debited = {row["AccountCombination"] for row in held["journalHeaders"][0]["journalLines"] if row["EnteredDr"]}
    assert debited == {one["POChargeAccount"] for schedule in line["schedules"] for one in schedule["distributions"]}


async def test_a_completion_in_a_closed_period_goes_to_the_next_open_one(fusion: Pod) -> None:
    order = orders(fusion)[0]
    async with fusion.client(**settings(closed_period="next_open", time_zone="America/New_York")) as client:
        desk = await post(client, completion(order, completed_at=NOW - timedelta(days=70)))
        (batch,) = await posted(client, period=f"{NOW:%b-%y}")

    assert desk.only.state is State.APPLIED
    assert imported(fusion)[0]["journalHeaders"][0]["DefaultEffectiveDate"] == NOW.date().replace(day=1).isoformat()
    assert batch.period == f"{NOW:%b-%y}"


async def test_a_task_that_is_completed_again_is_posted_again_only_where_that_is_wanted(fusion: Pod) -> None:
    one, other = orders(fusion)[:2]
    first, second = completion(one), completion(other, completed_at=NOW + timedelta(hours=1))
    async with fusion.client(**settings()) as client:
        await post(client, first)
        ignored = await post(client, second)
        moved = await post(client, completion(other))  # the same completion; the task names another order today
    async with fusion.client(**settings(completed_again="post")) as client:
        wanted = await post(client, second)
        once = await post(client, second)

    assert ignored.only.state is moved.only.state is once.only.state is State.UNCHANGED
    assert "an earlier completion" in str(ignored.only.reason)
    assert "there already" in str(moved.only.reason)
    assert wanted.only.state is State.APPLIED
    assert len(imported(fusion)) == 2


# --- jobs


async def test_an_import_that_refuses_its_rows_tells_the_code_and_keeps_the_log(fusion: Pod) -> None:
    order = orders(fusion)[0]
    account = str(distributions(order)[0]["POChargeAccountId"])
    async with fusion.client(**settings()) as client:
        desk, journals = Desk([completion(order)]), Journals(client)
        decisions = await desk.decided(journals)
        fusion.emulator.mutate("account_combinations", {"keys": [account], "set": {"EnabledFlag": "N"}})
        async for outcomes in journals.send(decisions):
            desk.settle(outcomes)
        await desk.probe(journals)

    assert desk.only.state is State.REJECTED
    assert "EF03 (an account combination" in str(desk.only.reason)
    assert desk.only.outcome is not None
    assert "Journal Import Execution Report" in str(desk.only.outcome.answer)
    assert imported(fusion) == []


async def test_a_file_that_is_refused_with_success_is_refused(fusion: Pod) -> None:
    fusion.fault("minus_one", *SUBMIT, times=1)
    one, other = orders(fusion)[:2]
    async with fusion.client(**settings()) as client:
        desk = await post(client, completion(one))
    async with fusion.client(**settings(data_access_set="300000000000001")) as client:
        wrong = await post(client, completion(other))
    assert desk.only.state is wrong.only.state is State.REJECTED
    assert "ReqstId -1" in str(desk.only.reason)
    assert imported(fusion) == []


async def test_a_missing_privilege_ends_the_run_with_nothing_in_doubt(fusion: Pod) -> None:
    fusion.emulator.configure({"may_write": False})
    async with fusion.client(**settings()) as client:
        desk = Desk([completion(orders(fusion)[0])])
        with pytest.raises(AbortRun):
            await desk.send(Journals(client))
    assert desk.only.state is State.RETRY_WAIT


async def test_ping_says_whether_journals_could_be_posted(fusion: Pod) -> None:
    async with fusion.client(**settings()) as client:
        able = (await ping(client, ("PurchaseOrder", "Journal")))[-1]
        fusion.fault("no_data_security", *BATCHES)
        blind = (await ping(client, ("PurchaseOrder", "Journal")))[-1]
        fusion.world.faults.clear()
        fusion.fault("status", *LOOK, status=400)
        no_files = (await ping(client, ("PurchaseOrder", "Journal")))[-1]
    fusion.emulator.configure({"sees_requests": False})
    async with fusion.client(**settings(look_for_files=False)) as client:
        no_requests = (await ping(client, ("PurchaseOrder", "Journal")))[-1]
    async with fusion.client() as client:
        untold = (await ping(client, ("PurchaseOrder", "Journal")))[-1]
    assert (able.ok, blind.ok, untold.ok, no_files.ok, no_requests.ok) == (True, False, False, False, True)
    assert "look_for_files: false" in str(no_files.hint)
    assert "does not tell of requests" in str(no_requests.hint)
    assert "does not tell of requests" not in str(able.hint)
    assert f"open periods {NOW:%b-%y}" in able.what


async def test_a_connection_without_settings_for_journals_says_so(fusion: Pod) -> None:
    async with fusion.client() as client:
        with pytest.raises(Misconfigured, match="Give it `journals`"):
            Journals(client)


def test_the_segments_that_settings_name_are_those_of_one_chart() -> None:
    with pytest.raises(ValueError, match="colour is none of the segments"):
        JournalSettings(**{**SETTINGS, "clearing_account": {"colour": "red"}})
    with pytest.raises(ValueError, match="time zone"):
        JournalSettings(**{**SETTINGS, "time_zone": "Mars/Olympus"})


def test_the_codes_of_a_log_are_those_of_its_rows_not_those_of_its_key() -> None:
    key = "Error key: " + " ".join(f"E{letter}0{n}" for letter in "ABCDEFPRSU" for n in (1, 2, 4))
    assert refusal("ORA-00060: deadlock detected") is None
    assert refusal("row 1 EF04\nrow 2 EP01") == (
        "EF04 (an account combination that may not be posted to), EP01 (the accounting period, which is not open)"
    )
    assert refusal(f"row 1 EU02\n{key}") == "EU02 (debits and credits that are not equal)"
    assert refusal(key) is None


def test_a_name_tells_the_completion_and_is_never_longer_than_oracle_keeps() -> None:
    at = datetime(2058, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    for number in ("US160001", "a_b", "US-16/0001", "Bestellung 2026/11 für Größe", "X" * 30):
        name = BatchName.of(number, "9" * 19, at)
        assert len(str(name)) <= 50
        assert BatchName.parse(f"{name} Asana A 1 2 N") == name
        assert (name.task, name.completed_at) == ("9" * 19, at)
    assert len({order_part(number) for number in ("A-1", "A.1", "A 1", "A1", "a1")}) == 5
    assert BatchName.parse("Spreadsheet A 20222 10075725 N") is None
    assert BatchName.parse("MLC-US1-12-abcx-1 Asana") is None
