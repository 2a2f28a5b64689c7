"""Journals of completed tasks: one batch for each completion, whatever is lost, repeated or late on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.erp_integrations import progress
from connectors.oracle_fusion.journal_batches import posted
from connectors.oracle_fusion.journal_log import refusal
from connectors.oracle_fusion.journal_names import BatchName, order_part
from connectors.oracle_fusion.journal_settings import JournalSettings
from connectors.oracle_fusion.journals import Journals
from connectors.oracle_fusion.ping import ping
from connectors.oracle_fusion.sandbox.ledger_setup import DATA_ACCESS_SET, SEGMENTS
from ml_connector.core.errors import AbortRun, Misconfigured
from ml_connector.core.ids import uuid7
from ml_connector.core.records import Body, Decision, Intent, Outcome, State
from tests.connectors.oracle_pod import Pod
from tests.connectors.oracle_pod import running as running

SUBMIT = ("POST", "*/erpintegrations")
LOOK = ("GET", "*/erpintegrations")
BATCHES = ("GET", "*/journalBatches")
NOW = datetime.now(UTC).replace(microsecond=123_000)
SETTINGS: dict[str, Any] = {
    "ledger": "US Primary Ledger",
    "data_access_set": str(DATA_ACCESS_SET),
    "source": "Asana",
    "category": "Accrual",
    "segments": SEGMENTS,
    "amount": "field",
    "clearing_account": {"account": "22100", "costCenter": "000"},
    "cost_centre_segment": "costCenter",
    "time_zone": "UTC",
    "closed_period": "reject",
    "settle_seconds": 0,
}


@pytest.fixture
def fusion(running: Pod) -> Pod:
    running.anew()
    running.emulator.seed("purchase_orders", 200, 5)
    running.emulator.seed("journal_batches", 1, 5)
    return running


def settings(**changes: Any) -> dict[str, Any]:
    return {"journals": JournalSettings(**{**SETTINGS, **changes})}


def orders(fusion: Pod, currency: str = "USD", *statuses: str) -> list[Body]:
    """Open orders whose accounts may all be posted to."""
    disabled = {row["_CODE_COMBINATION_ID"] for row in fusion.held("account_combinations") if row["EnabledFlag"] == "N"}
    return [
        row
        for row in fusion.held("purchase_orders")
        if row["Status"] in (statuses or ("Open",)) and row["CurrencyCode"] == currency
        and not {one["POChargeAccountId"] for one in distributions(row)} & disabled
    ]  # fmt: skip


def distributions(order: Body) -> list[Body]:
    return [one for line in order["lines"] for schedule in line["schedules"] for one in schedule["distributions"]]


def completion(order: Body, task: int = 1, **changes: Any) -> Body:
    at = NOW + timedelta(milliseconds=task)
    return {
        "completion": f"12{task:012d}",
        "completed_at": at,
        "po_number": order["OrderNumber"],
        "task_name": 'Umbau, 3. Stock; "fertig"',
        "task_url": "https://app.asana.com/0/0/12",
        "amount": Decimal("100.00"),
    } | changes


@dataclass
class Entry:
    """What the ledger keeps of an effect."""

    intent: Intent
    state: State = State.PLANNED
    request: Body = field(default_factory=dict)
    serial: str | None = None
    dest_id: str | None = None
    attempts: int = 0
    reason: str | None = None
    outcome: Outcome | None = None


class Desk:
    """What the core does with a destination: one of a serial at a time, and nothing twice that is in doubt."""

    def __init__(self, payloads: Sequence[Body]) -> None:
        self.told: list[str | None] = []
        self.entries = {
            (i := Intent(uuid7(), str(payload["completion"]), payload, None)).effect_id: Entry(i)
            for payload in payloads
        }

    @property
    def states(self) -> list[State]:
        return [entry.state for entry in self.entries.values()]

    @property
    def open(self) -> list[Entry]:
        """What may still be sent."""
        return [entry for entry in self.entries.values() if entry.state in (State.PLANNED, State.RETRY_WAIT)]

    @property
    def only(self) -> Entry:
        (entry,) = self.entries.values()
        return entry

    async def until_settled(self, journals: Journals, rounds: int = 500) -> Counter[State]:
        for _ in range(rounds):
            await self.probe(journals)
            await self.send(journals)
            if not self.open and State.AMBIGUOUS not in self.states:
                break
        return Counter(self.states)

    async def decided(self, journals: Journals) -> list[Decision]:
        """Those that may be sent."""
        busy = {e.serial for e in self.entries.values() if e.state in (State.AMBIGUOUS, State.NEEDS_HUMAN) and e.serial}
        ready = []
        for decision in await journals.decide([e.intent for e in self.open if e.serial not in busy]):
            entry = self.entries[decision.effect_id]
            entry.serial = decision.serial
            if decision.state is not None:
                entry.state, entry.reason, entry.dest_id = decision.state, decision.reason, decision.dest_id
            elif decision.serial not in busy:
                busy.add(str(decision.serial))
                entry.request, entry.state = decision.request, State.AMBIGUOUS
                decision.attempts, entry.attempts = entry.attempts, entry.attempts + 1
                ready.append(decision)
        return ready

    async def send(self, journals: Journals) -> None:
        async for outcomes in journals.send(await self.decided(journals)):
            self.settle(outcomes)

    async def probe(self, journals: Journals) -> None:
        doubtful = [e for e in self.entries.values() if e.state is State.AMBIGUOUS]
        asked = [
            Decision(e.intent.effect_id, e.intent.source_id, "", e.request, e.dest_id, attempts=e.attempts)
            for e in doubtful
        ]
        self.settle(await journals.probe(asked))

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self.told += [outcome.reason] if outcome.state is State.NEEDS_HUMAN else []
            entry = self.entries[outcome.effect_id]
            entry.state, entry.reason, entry.outcome = outcome.state, outcome.reason, outcome
            entry.dest_id = outcome.dest_id or entry.dest_id


async def post(client: OracleFusion, *payloads: Body) -> Desk:
    desk = Desk(payloads)
    await desk.until_settled(Journals(client))
    return desk


def imported(fusion: Pod) -> list[Body]:
    return [row for row in fusion.held("journal_batches") if row["BatchName"].startswith("MLC-")]


def submissions(fusion: Pod) -> int:
    return sum(one.method == "POST" and one.path.endswith("erpintegrations") for one in fusion.world.requests)


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


async def test_each_completion_is_posted_once_whatever_is_lost(fusion: Pod) -> None:
    for fault, (method, path) in [
        ("lose_response", SUBMIT),
        ("reset", SUBMIT),
        ("truncate", SUBMIT),
        ("html", SUBMIT),
        ("apply_then_status", SUBMIT),
        ("child_failure", SUBMIT),
        ("slow_job", SUBMIT),
        ("lose_response", LOOK),
        ("apply_then_status", BATCHES),
    ]:
        fusion.fault(fault, method, path, rate=0.12, seconds=0.05)
    some = orders(fusion)
    payloads = [completion(some[n % len(some)], n, amount=Decimal("1.01")) for n in range(16)]

    async with fusion.client(**settings(job_patience=0.5)) as client:
        desk = await post(client, *payloads)
        fusion.world.faults.clear()
        restored = await post(client, *payloads)  # a database that knows nothing of all this

    stuck = {entry.serial for entry in desk.entries.values() if entry.state is State.NEEDS_HUMAN}
    assert set(desk.states) <= {State.APPLIED, State.NEEDS_HUMAN, State.PLANNED}
    assert all(entry.serial in stuck for entry in desk.open)
    assert desk.states.count(State.APPLIED) > 8
    effects = Counter(effect.key for effect in fusion.world.effects)
    assert set(effects.values()) == {1}
    again = {str(entry.intent.source_id): entry.state for entry in restored.entries.values()}
    for entry in desk.entries.values():
        if entry.state is State.APPLIED:
            assert again[entry.intent.source_id] is State.UNCHANGED
    assert len(imported(fusion)) == len(effects) > 8
    assert all(row["RunningTotalDr"] == row["RunningTotalCr"] == Decimal("1.01") for row in imported(fusion))


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


async def test_a_slow_job_is_waited_for_and_one_that_never_ends_is_for_a_person(fusion: Pod) -> None:
    fusion.fault("slow_job", *SUBMIT, times=1, seconds=0.4)
    order, other = orders(fusion)[:2]
    async with fusion.client(**settings()) as client:
        desk, journals = Desk([completion(order)]), Journals(client)
        await desk.send(journals)
        await desk.probe(journals)
        waiting = desk.only.outcome
        await desk.until_settled(journals)
    fusion.fault("slow_job", *SUBMIT, seconds=3600)
    async with fusion.client(**settings(job_patience=0)) as client:
        stuck = await post(client, completion(other, 2))

    assert waiting is not None
    assert waiting.state is State.AMBIGUOUS
    assert "job 10000001" in str(waiting.dest_id)
    assert desk.only.state is State.APPLIED
    assert stuck.only.state is State.NEEDS_HUMAN
    assert all(part in str(stuck.only.reason) for part in ("MLC-", "group", "job 100000", "ml-connector resolve"))


async def test_rows_that_a_failed_job_left_behind_are_not_posted_with_the_next_one(fusion: Pod) -> None:
    fusion.fault("child_failure", *SUBMIT, times=2)
    one, other = orders(fusion)[:2]
    async with fusion.client(**settings()) as client:
        desk = await post(client, completion(one))
        fusion.fault("child_failure", *SUBMIT, times=3)
        failing = await post(client, completion(other, 2))

    assert desk.only.state is State.APPLIED
    assert failing.only.state is State.NEEDS_HUMAN
    assert submissions(fusion) == 6
    (held,) = imported(fusion)
    assert held["RunningTotalDr"] == 100
    left = {row["GROUP_ID"] for row in fusion.held("gl_interface")}
    assert len(left) == 5
    assert desk.only.request["group"] not in left


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


async def test_a_source_that_the_job_does_not_select_is_for_a_person(fusion: Pod) -> None:
    async with fusion.client(**settings(source_id="Spreadsheet")) as client:
        desk = await post(client, completion(orders(fusion)[0]))
    assert desk.only.state is State.NEEDS_HUMAN
    assert "its rows may be in the interface" in str(desk.only.reason)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (("WAIT", "READY", "BLOCKED", "RUNNING", "PAUSED", "COMPLETED", "HOLD", "", "A new word"), "running"),
        (("SUCCEEDED", "succeeded", "FINISHED"), "succeeded"),
        (
            ("WARNING", "ERROR", "ERROR MANUAL RECOVERY", "ERROR_MANUAL_RECOVERY", "EXPIRED", "VALIDATION FAILED"),
            "failed",
        ),
        (("CANCELLED", "CANCELED"), "cancelled"),
    ],
)
def test_only_a_final_word_ends_a_job_and_an_unknown_one_does_not(words: tuple[str, ...], meaning: str) -> None:
    assert {progress(word) for word in words} == {meaning}


# --- deaths, and answers that were lost


async def test_a_death_between_the_submission_and_its_commit_posts_nothing_twice(fusion: Pod) -> None:
    order = orders(fusion)[0]
    async with fusion.client(**settings()) as client:
        desk, journals = Desk([completion(order)]), Journals(client)
        async for _ in journals.send(await desk.decided(journals)):
            pass  # nobody writes it down
        await desk.until_settled(journals)
    assert desk.only.state is State.APPLIED
    assert submissions(fusion) == 1


async def test_what_was_not_answered_is_sent_again_only_if_its_file_provably_never_came(fusion: Pod) -> None:
    fusion.fault("reset", *SUBMIT, times=2)
    one, other = orders(fusion)[:2]
    async with fusion.client(**settings()) as client:
        alone = await post(client, completion(one))
        posted_ = await post(client, completion(other, 2))
        beside = await post(client, completion(other, 3))
        fusion.fault("reset", *SUBMIT, times=1)
        again = await post(client, completion(other, 4))

    # where not one file is seen, the content server may not show them to us
    assert alone.only.state is posted_.only.state is State.NEEDS_HUMAN
    assert "not one file of ours is seen" in str(alone.only.reason)
    assert beside.only.state is again.only.state is State.APPLIED
    assert submissions(fusion) == 5
    assert len(imported(fusion)) == 2


async def test_a_submission_that_our_database_has_lost_is_not_made_again_while_its_job_runs(fusion: Pod) -> None:
    fusion.fault("slow_job", *SUBMIT, times=1, seconds=0.4)
    order, other = orders(fusion)[:2]
    async with fusion.client(**settings()) as client:
        journals = Journals(client)
        await Desk([completion(order)]).send(journals)
        failed_over = Desk([completion(order)])  # the database is one of a moment before
        await failed_over.until_settled(journals)
    fusion.fault("slow_job", *SUBMIT, times=1, seconds=3600)
    async with fusion.client(**settings(job_patience=0)) as client:
        journals = Journals(client)
        await Desk([completion(other, 2)]).send(journals)
        stuck = await post(client, completion(other, 2))
        stuck.only.state = State.RETRY_WAIT  # a person has looked: not applied
        await stuck.until_settled(journals)

    assert failed_over.only.state is State.APPLIED
    assert "a file of this completion that we know nothing of" in str(stuck.told[0])
    assert stuck.states == [State.APPLIED]
    assert submissions(fusion) == 3


async def test_a_pod_that_does_not_tell_of_files_leaves_each_lost_answer_to_a_person(fusion: Pod) -> None:
    fusion.fault("reset", *SUBMIT, times=1)
    one, other = orders(fusion)[:2]
    async with fusion.client(**settings(look_for_files=False)) as client:
        unclear = await post(client, completion(one))
        clear = await post(client, completion(other, 2))
    assert (unclear.only.state, clear.only.state) == (State.NEEDS_HUMAN, State.APPLIED)


async def test_a_batch_that_comes_late_is_waited_for(fusion: Pod) -> None:
    fusion.fault("slow_job", *SUBMIT, times=1, seconds=0.4)
    fusion.fault("lose_response", *SUBMIT, times=1)
    async with fusion.client(**settings()) as client:
        desk = Desk([completion(orders(fusion)[0])])
        await desk.until_settled(Journals(client))
    assert desk.only.state is State.APPLIED
    assert submissions(fusion) == 1


async def test_what_is_known_of_an_earlier_submission_says_nothing_of_this_one(fusion: Pod) -> None:
    fusion.fault("child_failure", *SUBMIT, times=1)
    async with fusion.client(**settings()) as client:
        desk, journals = Desk([completion(orders(fusion)[0])]), Journals(client)
        await desk.send(journals)
        await desk.probe(journals)
        await desk.probe(journals)
        assert desk.states == [State.RETRY_WAIT]
        fusion.fault("slow_job", *SUBMIT, times=1, seconds=3600)
        async for _ in journals.send(await desk.decided(journals)):
            pass  # it dies, and the effect still names the job that has failed
        await desk.probe(journals)
        await desk.probe(journals)
    assert (str(desk.only.dest_id)[:21], desk.states) == (f"group {desk.only.request['group']}", [State.AMBIGUOUS])
    assert "its file has arrived" in str(desk.only.reason)


async def test_a_journal_of_the_order_that_has_come_meanwhile_stops_the_submission(fusion: Pod) -> None:
    order = orders(fusion)[0]
    async with fusion.client(**settings(amount="remaining")) as client:
        desk, journals = Desk([completion(order)]), Journals(client)
        decisions = await desk.decided(journals)
        await post(client, completion(order, 2))
        async for outcomes in journals.send(decisions):
            desk.settle(outcomes)
        assert desk.states == [State.RETRY_WAIT]
        await desk.until_settled(journals)
    assert desk.only.state is State.REJECTED
    assert len(imported(fusion)) == 1


async def test_a_batch_that_holds_something_else_and_one_that_is_there_twice_are_for_a_person(fusion: Pod) -> None:
    one, other = orders(fusion)[:2]
    async with fusion.client(**settings()) as client:
        journals = Journals(client)
        desk, twice = Desk([completion(one)]), Desk([completion(other, 2)])
        await desk.send(journals)
        desk.only.request["amount"] = "99.00"
        await desk.probe(journals)
        decisions = await twice.decided(journals)
        for group in ("1000001", "1000002"):  # as if Oracle had taken one submission for two
            decisions[0].request["columns"]["GROUP_ID"] = group
            request = {**decisions[0].request, "seen": seen(fusion, other)}
            async for _ in journals.send([Decision(uuid7(), "x", "post", request, attempts=9)]):
                pass
            hide(fusion)
        show(fusion)
        await twice.probe(journals)
        late = await journals.decide([Intent(UUID(int=1), "x", completion(other, 2), None)])

    assert desk.only.state is twice.only.state is late[0].state is State.NEEDS_HUMAN
    assert "does not hold what was sent" in str(desk.only.reason)
    assert "reverse all but one" in str(twice.only.reason)


def seen(fusion: Pod, order: Body) -> list[str]:
    return [
        str(row["JeBatchId"])
        for row in imported(fusion)
        if f"MLC-{order_part(order['OrderNumber'])}-" in row["BatchName"]
    ]


def hide(fusion: Pod) -> None:
    for row in imported(fusion):
        row_id = str(row["JeBatchId"])
        fusion.emulator.mutate(
            "journal_batches", {"keys": [row_id], "set": {"BatchName": f"hidden {row['BatchName']}"}}
        )


def show(fusion: Pod) -> None:
    for row in fusion.held("journal_batches"):
        name = row["BatchName"].removeprefix("hidden ")
        fusion.emulator.mutate("journal_batches", {"keys": [str(row["JeBatchId"])], "set": {"BatchName": name}})


# --- access


async def test_without_a_sight_of_the_batches_nothing_is_posted(fusion: Pod) -> None:
    fusion.fault("no_data_security", *BATCHES)
    async with fusion.client(**settings()) as client:
        with pytest.raises(Misconfigured, match="not one journal batch is seen"):
            await post(client, completion(orders(fusion)[0]))
    assert submissions(fusion) == 0


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
    async with fusion.client() as client:
        untold = (await ping(client, ("PurchaseOrder", "Journal")))[-1]
    assert (able.ok, blind.ok, untold.ok) == (True, False, False)
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
