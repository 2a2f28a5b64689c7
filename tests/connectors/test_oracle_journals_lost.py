"""Journals whose submission, job or batch is lost, late, repeated or there already: none is posted twice."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from uuid import UUID

import pytest

from connectors.oracle_fusion.erp_integrations import progress
from connectors.oracle_fusion.journal_names import order_part
from connectors.oracle_fusion.journals import Journals
from ml_connector.core.errors import Misconfigured
from ml_connector.core.ids import uuid7
from ml_connector.core.records import Body, Decision, Intent, State
from tests.connectors.journal_desk import (
    BATCHES,
    SUBMIT,
    Desk,
    completion,
    imported,
    orders,
    post,
    settings,
    submissions,
)
from tests.connectors.journal_desk import prepared as prepared
from tests.connectors.oracle_pod import Pod
from tests.connectors.oracle_pod import running as running

LOOK = ("GET", "*/erpintegrations")


@pytest.fixture(params=["apart", "together"])
def fusion(prepared: Pod, request: pytest.FixtureRequest) -> Pod:
    """The number of a file is that of its loader, or of the import itself."""
    prepared.emulator.configure({"import_is_apart": request.param == "apart"})
    return prepared


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


async def test_a_slow_job_is_waited_for_and_one_that_never_ends_is_for_a_person(fusion: Pod) -> None:
    fusion.fault("slow_job", *SUBMIT, times=1, seconds=2.0)
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


@pytest.mark.parametrize("fusion", ["apart"], indirect=True)
@pytest.mark.parametrize("loader", ["loader_warning", None])
async def test_while_an_import_may_wait_behind_its_loader_nothing_is_sent_again(
    fusion: Pod, loader: str | None
) -> None:
    fusion.fault("late_import", *SUBMIT, times=1, seconds=2.0)
    if loader:
        fusion.fault(loader, *SUBMIT, times=1)
    async with fusion.client(**settings()) as client:
        desk, journals = Desk([completion(orders(fusion)[0])]), Journals(client)
        await desk.send(journals)
        await desk.probe(journals)
        await desk.probe(journals)
        assert desk.states == [State.AMBIGUOUS]
        assert "import of its group is not seen" in str(desk.only.reason)
        await desk.until_settled(journals)
    assert desk.only.state is State.APPLIED
    assert (submissions(fusion), len(imported(fusion))) == (1, 1)


@pytest.mark.parametrize("fusion", ["apart"], indirect=True)
async def test_an_import_that_is_not_seen_is_for_a_person_in_the_end(fusion: Pod) -> None:
    fusion.emulator.configure({"sees_requests": False})
    fusion.fault("child_failure", *SUBMIT, times=1)
    async with fusion.client(**settings(job_patience=0.2)) as client:
        desk = await post(client, completion(orders(fusion)[0]))
    assert desk.only.state is State.NEEDS_HUMAN
    assert "requests of the scheduler" in str(desk.only.reason)
    assert submissions(fusion) == 1


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
