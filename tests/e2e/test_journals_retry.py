"""Retry on a completed posting run, pressed in Prefect's UI: nothing is posted, and what was is shown."""

from __future__ import annotations

import pytest

from tests.boards import Board, tenant_file
from tests.e2e.stack import FlowRun, Stack, until

POSTED = 3


@pytest.mark.slow
def test_retry_of_a_completed_posting_run_posts_nothing_and_shows_the_batches(stack: Stack) -> None:
    sandbox, board = stack.sandbox, Board(stack.sandbox)
    sandbox.reset()
    sandbox.settings("asana", rate_scale=None)
    file = tenant_file("${SANDBOX_URL}").replace("tenant: acme", "tenant: boards")
    costs = stack.deploy("boards", file, "oracle-asana-sync-costs")
    sandbox.seed("oracle_fusion", "journal_batches", 1)
    sandbox.seed("oracle_fusion", "purchase_orders", 10)
    assert stack.run(costs, streams=["purchase_orders"]).wait() == "Completed"

    numbers = board.complete(POSTED)
    until(lambda: len(board.batches()) == POSTED, 90, "the completed tasks to be posted")
    run = _posting(stack)
    assert run.wait() == "Completed"
    names = {batch["BatchName"].partition(" ")[0] for batch in board.batches()}
    assert {row["destination"] for row in run.artifacts()["records"]} == names

    since = len(sandbox.effects("oracle_fusion"))
    run.retry()
    assert run.wait() == "Completed"
    assert sandbox.effects("oracle_fusion")[since:] == []
    assert sorted(batch["order"] for batch in board.batches()) == sorted(numbers)
    assert {row["destination"] for row in run.artifacts()["records"]} == names
    assert run.balance()["journals"]["read"] == 0


def _posting(stack: Stack) -> FlowRun:
    """The run that the events have rung for."""
    wanted = {"flows": {"name": {"any_": ["oracle-asana-post-journals"]}}, "sort": "EXPECTED_START_TIME_DESC"}
    [run, *_] = stack.api.post("/flow_runs/filter", json=wanted).raise_for_status().json()
    return FlowRun(stack, run["id"])
