"""What became of submissions: the batch is there, or may yet come, or never will.

Nothing may be sent again unless that is certain:

* The batch is there: applied.
* The job runs: the batch may come.
* The job has ended without it, and it has had time to appear: refused, if the log says why; else it may be sent again.
* The answer that would name the job was lost: the file is looked for. It is in the content server, under a name of its
  own, before a job begins; if it is not, although others of ours are, it never arrived. Otherwise a person looks.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from connectors.oracle_fusion.amounts import amount
from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.erp_integrations import ROOT, ErpIntegrations, Job, progress
from connectors.oracle_fusion.journal_batches import RESOURCE, PostedJournal, posted
from connectors.oracle_fusion.journal_entry import FILES, file_name
from connectors.oracle_fusion.journal_log import refusal
from connectors.oracle_fusion.journal_settings import JournalSettings
from connectors.oracle_fusion.journal_traces import Trace
from connectors.oracle_fusion.sending import AT_ONCE
from ml_connector.core.errors import AbortRun, RetryLater
from ml_connector.core.records import Decision, Outcome, State

LONGEST_PAUSE = 60.0
"""Seconds between two looks."""
SHARE = 4
"""A doubt is looked at again after a fourth of its age."""
UNKNOWN_FILE = "Oracle has a file of this completion that we know nothing of"
TRIES = 3
"""Submissions after which a failing job is for a person: each may leave its rows in the interface."""
AGAIN_AFTER = 60.0
"""Seconds until what certainly was not imported is sent again."""


class JournalProbe:
    """Looks; writes nothing."""

    def __init__(self, client: OracleFusion, settings: JournalSettings) -> None:
        self._client = client
        self._settings = settings
        self._erp = ErpIntegrations(client)

    async def outcomes(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """One for each, in order. `RetryLater` or `AbortRun` if Oracle cannot be asked for its batches."""
        there = await self._batches([decision.request["batch"] for decision in decisions if decision.request])
        now = await self._client.clock(ROOT, RESOURCE)
        room = asyncio.Semaphore(AT_ONCE)

        async def one(decision: Decision) -> Outcome:
            if not decision.request:
                return Outcome(decision.effect_id, State.NEEDS_HUMAN, "post", reason="what was sent is stored no more")
            if found := there[decision.request["batch"]]:
                return found_outcome(decision, found)
            async with room:
                return await self._in_doubt(decision, now)

        return list(await asyncio.gather(*(one(decision) for decision in decisions)))

    async def _batches(self, names: Sequence[str]) -> defaultdict[str, list[PostedJournal]]:
        """By our part of their names."""
        there: defaultdict[str, list[PostedJournal]] = defaultdict(list)
        for batch in await posted(self._client, [f"{name}%" for name in names]):
            there[str(batch.completion)].append(batch)
        return there

    async def _in_doubt(self, decision: Decision, now: datetime) -> Outcome:
        trace = Trace.of(decision.dest_id, decision.request["group"])
        try:
            return await (self._of_job if trace.job else self._unanswered)(decision, trace, now)
        except RetryLater as error:
            return self._wait(decision, trace, now, error.message)

    async def _of_job(self, decision: Decision, trace: Trace, now: datetime) -> Outcome:
        assert trace.job is not None  # noqa: S101 - the caller has looked
        word = await self._erp.status(trace.job)
        if progress(word) == "running":
            return self._running(decision, trace, now, word)
        jobs = [Job(trace.job, "", word), *await self._erp.family(trace.job)]
        if running := [job for job in jobs if job.progress == "running"]:
            return self._running(decision, trace, now, f"{word}, and {running[0].status} of job {running[0].job}")
        log = await self._log(trace.job)
        if why := refusal(log):
            outcome = await self._refused(decision, trace, why)
        elif self._may_come(trace, now):
            outcome = self._wait(
                decision, trace.doubted(now), now, f"the job has ended ({word}), and its batch is not there yet"
            )
        else:
            outcome = _without_batch(decision, trace, jobs)
        if outcome.state is not State.AMBIGUOUS and log:
            outcome.answer = {"log": log}
        return outcome

    async def _refused(self, decision: Decision, trace: Trace, why: str) -> Outcome:
        name = decision.request["batch"]
        if found := (await self._batches([name]))[name]:  # it has come meanwhile
            return found_outcome(decision, found)
        reason = f"Oracle's import refused the journal: {why}. {_where(decision, trace)}"
        return Outcome(decision.effect_id, State.REJECTED, "post", str(trace), reason)

    async def _unanswered(self, decision: Decision, trace: Trace, now: datetime) -> Outcome:
        doubted = trace.doubted(now)
        if self._may_come(trace, now):
            return self._wait(decision, doubted, now, "it was not answered, and its batch is not there yet")
        patient = self._age(doubted.since, now) < self._settings.job_patience
        if trace.unsent and patient:
            return self._wait(decision, doubted, now, f"it was not sent: {UNKNOWN_FILE}")
        if trace.unsent:
            return _person(decision, doubted, f"it was not sent: {UNKNOWN_FILE}, and there is no batch")
        if not self._settings.look_for_files:
            return _person(decision, doubted, "it was not answered, and there is no batch")
        account = self._settings.document_account
        if await self._erp.documents(file_name(decision.request), account):
            if patient:
                return self._wait(decision, doubted, now, "its file has arrived, and its batch is not there yet")
            return _person(decision, doubted, "its file has arrived, its job is unknown, and there is no batch")
        if not await self._erp.documents(FILES, account):  # perhaps we may see none
            return _person(decision, doubted, "it was not answered, and not one file of ours is seen: nobody can tell")
        return Outcome(decision.effect_id, State.RETRY_WAIT, "post", str(doubted), "its file has never arrived")

    def _running(self, decision: Decision, trace: Trace, now: datetime, word: str) -> Outcome:
        said = f"status {word}" if word.strip() else "no status"
        if self._age(datetime.fromisoformat(decision.request["decided_at"]), now) >= self._settings.job_patience:
            return _person(decision, trace, f"the job has not ended in time ({said}), and there is no batch")
        return self._wait(decision, trace, now, f"the job has not ended ({said})")

    def _wait(self, decision: Decision, trace: Trace, now: datetime, why: str) -> Outcome:
        begun = trace.since or datetime.fromisoformat(decision.request["decided_at"])
        pause = min(LONGEST_PAUSE, self._age(begun, now) / SHARE)
        reason = f"{why}. {_where(decision, trace)}"
        return Outcome(decision.effect_id, State.AMBIGUOUS, "post", str(trace), reason, retry_after=pause)

    def _may_come(self, trace: Trace, now: datetime) -> bool:
        """Always at the first look: the batches were looked for before it was seen that nothing moves any more."""
        return trace.since is None or self._age(trace.since, now) < self._settings.settle_seconds

    def _age(self, since: datetime | None, now: datetime) -> float:
        return max(0.0, (now - since).total_seconds()) if since else 0.0

    async def _log(self, job: str) -> str:
        try:
            return await self._erp.log(job)
        except (RetryLater, AbortRun):  # one too large too: without it the journal is not refused, and nothing is lost
            return ""


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


def _without_batch(decision: Decision, trace: Trace, jobs: Sequence[Job]) -> Outcome:
    """Of a job that has ended, with all that it started, and given no reason."""
    word = jobs[0].status
    if all(job.progress == "succeeded" for job in jobs):
        return _person(
            decision, trace, f"the job ended well ({word}) without a batch: its rows may be in the interface"
        )
    if any(job.progress == "cancelled" for job in jobs):
        return _person(decision, trace, f"the job was cancelled ({word}), and there is no batch")
    why = f"the job failed ({word}) without a reason in its log, and there is no batch"
    if decision.attempts >= TRIES:
        return _person(decision, trace, f"{why}, as often before")
    reason = f"{why}. {_where(decision, trace)}"
    return Outcome(decision.effect_id, State.RETRY_WAIT, "post", str(trace), reason, retry_after=AGAIN_AFTER)


def _person(decision: Decision, trace: Trace, why: str) -> Outcome:
    reason = (
        f"{why}. {_where(decision, trace)}. Look in Oracle for the batch, for the job and for rows of the group, then "
        "say with `ml-connector resolve` whether it was applied"
    )
    return Outcome(decision.effect_id, State.NEEDS_HUMAN, "post", str(trace), reason)


def _where(decision: Decision, trace: Trace) -> str:
    job = f"job {trace.job}" if trace.job else "job unknown"
    return f"Batch {decision.request['batch']}, group {trace.group}, {job}"
