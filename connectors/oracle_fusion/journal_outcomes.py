"""What is said of a submission when it is known what became of it, or that a person must look."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.oracle_fusion.amounts import amount
from connectors.oracle_fusion.erp_integrations import Job
from connectors.oracle_fusion.journal_batches import PostedJournal
from connectors.oracle_fusion.journal_traces import Trace
from ml_connector.core.records import Decision, Outcome, State

TRIES = 3
"""Submissions after which a failing job is for a person: each may leave its rows in the interface."""
AGAIN_AFTER = 60.0
"""Seconds until what certainly was not imported is sent again."""


def found_outcome(decision: Decision, batches: Sequence[PostedJournal]) -> Outcome:
    """Of a completion whose batches are there: more than one, or another amount, is for a person."""
    name, first = decision.request["batch"], batches[0]
    state, reason = State.APPLIED, f"batch {first.batch_id} ({first.name}), status {first.status}"
    if len(batches) > 1:
        named = " and ".join(f"{batch.batch_id} ({batch.name})" for batch in batches)
        state, reason = (
            State.NEEDS_HUMAN,
            f"batches {named} stand for the same completion: reverse all but one in Oracle",
        )
    elif first.amount != amount(decision.request["amount"], "amount") or first.currency != decision.request["currency"]:
        state, reason = (
            State.NEEDS_HUMAN,
            f"{reason}, does not hold what was sent: compare it in Oracle with the request",
        )
    return Outcome(decision.effect_id, state, "post", name, reason)


def without_batch(decision: Decision, trace: Trace, jobs: Sequence[Job]) -> Outcome:
    """Of a job that has ended, with all that it started, and given no reason."""
    word = jobs[0].status
    if all(job.progress == "succeeded" for job in jobs):
        return person(decision, trace, f"the job ended well ({word}) without a batch: its rows may be in the interface")
    if any(job.progress == "cancelled" for job in jobs):
        return person(decision, trace, f"the job was cancelled ({word}), and there is no batch")
    why = f"the job failed ({word}) without a reason in its log, and there is no batch"
    if decision.attempts >= TRIES:
        return person(decision, trace, f"{why}, as often before")
    reason = f"{why}. {where(decision, trace)}"
    return Outcome(decision.effect_id, State.RETRY_WAIT, "post", str(trace), reason, retry_after=AGAIN_AFTER)


def person(decision: Decision, trace: Trace, why: str) -> Outcome:
    reason = (
        f"{why}. {where(decision, trace)}. Look in Oracle for the batch, for the job and for rows of the group, then "
        "say with `ml-connector resolve` whether it was applied"
    )
    return Outcome(decision.effect_id, State.NEEDS_HUMAN, "post", str(trace), reason)


def where(decision: Decision, trace: Trace) -> str:
    job = f"job {trace.job}" if trace.job else "job unknown"
    return f"Batch {decision.request['batch']}, group {trace.group}, {job}"
