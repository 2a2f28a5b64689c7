"""What became of submissions: the batch is there, or may yet come, or never will.

Nothing may be sent again unless that is certain:

* The batch is there: applied.
* The job runs: the batch may come. What an answer named may have been the loader of the file, behind which the import
  is still to come, however the loader has ended: while no import of the group is seen to have ended
  (`journal_imports`), the batch may come, and in the end a person looks.
* The import has ended without it, and it has had time to appear: refused, if the log says why; else it may be sent
  again.
* The answer that would name the job was lost: the file is looked for. It is in the content server, under a name of its
  own, before a job begins; if it is not, although others of ours are, it never arrived. Otherwise a person looks.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.erp_integrations import ROOT, ErpIntegrations, Job, progress
from connectors.oracle_fusion.journal_batches import RESOURCE, PostedJournal, posted
from connectors.oracle_fusion.journal_entry import FILES, file_name
from connectors.oracle_fusion.journal_imports import JournalImports
from connectors.oracle_fusion.journal_log import refusal
from connectors.oracle_fusion.journal_outcomes import found_outcome, person, where, without_batch
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


class JournalProbe:
    """Looks; writes nothing."""

    def __init__(self, client: OracleFusion, settings: JournalSettings) -> None:
        self._client = client
        self._settings = settings
        self._erp = ErpIntegrations(client)
        self._imports = JournalImports(client)

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
        jobs = await self._imports.of(Job(trace.job, "", word), trace.group)
        if not jobs:
            return self._unseen(decision, trace, now, word, told=jobs is not None)
        if running := [job for job in jobs if job.progress == "running"]:
            return self._running(decision, trace, now, f"{word}, and {running[0].status} of job {running[0].job}")
        log, why = await self._log(jobs)
        if why:
            outcome = await self._refused(decision, trace, why)
        elif self._may_come(trace, now):
            outcome = self._wait(
                decision,
                trace.doubted(now),
                now,
                f"the import has ended ({jobs[0].status}), and its batch is not there yet",
            )
        else:
            outcome = without_batch(decision, trace, jobs)
        if outcome.state is not State.AMBIGUOUS and log:
            outcome.answer = {"log": log}
        return outcome

    async def _refused(self, decision: Decision, trace: Trace, why: str) -> Outcome:
        name = decision.request["batch"]
        if found := (await self._batches([name]))[name]:  # it has come meanwhile
            return found_outcome(decision, found)
        reason = f"Oracle's import refused the journal: {why}. {where(decision, trace)}"
        return Outcome(decision.effect_id, State.REJECTED, "post", str(trace), reason)

    async def _unanswered(self, decision: Decision, trace: Trace, now: datetime) -> Outcome:
        doubted = trace.doubted(now)
        if self._may_come(trace, now):
            return self._wait(decision, doubted, now, "it was not answered, and its batch is not there yet")
        patient = self._age(doubted.since, now) < self._settings.job_patience
        if trace.unsent and patient:
            return self._wait(decision, doubted, now, f"it was not sent: {UNKNOWN_FILE}")
        if trace.unsent:
            return person(decision, doubted, f"it was not sent: {UNKNOWN_FILE}, and there is no batch")
        if not self._settings.look_for_files:
            return person(decision, doubted, "it was not answered, and there is no batch")
        account = self._settings.document_account
        if await self._erp.documents(file_name(decision.request), account):
            if patient:
                return self._wait(decision, doubted, now, "its file has arrived, and its batch is not there yet")
            return person(decision, doubted, "its file has arrived, its job is unknown, and there is no batch")
        if not await self._erp.documents(FILES, account):  # perhaps we may see none
            return person(decision, doubted, "it was not answered, and not one file of ours is seen: nobody can tell")
        return Outcome(decision.effect_id, State.RETRY_WAIT, "post", str(doubted), "its file has never arrived")

    def _running(self, decision: Decision, trace: Trace, now: datetime, word: str) -> Outcome:
        said = f"status {word}" if word.strip() else "no status"
        if self._age(datetime.fromisoformat(decision.request["decided_at"]), now) >= self._settings.job_patience:
            return person(decision, trace, f"the job has not ended in time ({said}), and there is no batch")
        return self._wait(decision, trace, now, f"the job has not ended ({said})")

    def _unseen(self, decision: Decision, trace: Trace, now: datetime, word: str, *, told: bool) -> Outcome:
        """The loader may have loaded rows, however it has ended, and an import of them may come at any time."""
        why = f"the file's process has ended ({word}), and an import of its group is not seen"
        if not told:
            why += ": the user of the connection may not see requests of the scheduler"
        if self._age(datetime.fromisoformat(decision.request["decided_at"]), now) >= self._settings.job_patience:
            return person(decision, trace, f"{why}, and there is no batch")
        return self._wait(decision, trace, now, why)

    def _wait(self, decision: Decision, trace: Trace, now: datetime, why: str) -> Outcome:
        begun = trace.since or datetime.fromisoformat(decision.request["decided_at"])
        pause = min(LONGEST_PAUSE, self._age(begun, now) / SHARE)
        reason = f"{why}. {where(decision, trace)}"
        return Outcome(decision.effect_id, State.AMBIGUOUS, "post", str(trace), reason, retry_after=pause)

    def _may_come(self, trace: Trace, now: datetime) -> bool:
        """Always at the first look: the batches were looked for before it was seen that nothing moves any more."""
        return trace.since is None or self._age(trace.since, now) < self._settings.settle_seconds

    def _age(self, since: datetime | None, now: datetime) -> float:
        return max(0.0, (now - since).total_seconds()) if since else 0.0

    async def _log(self, jobs: Sequence[Job]) -> tuple[str, str | None]:
        """What these wrote, and the codes for rows that one of them names."""
        logs = []
        for job in dict.fromkeys(job.job for job in jobs):
            try:
                logs.append(await self._erp.log(job))
            except (RetryLater, AbortRun):  # one too large too: without it the journal is not refused, nothing is lost
                continue
            if why := refusal(logs[-1]):
                return "\n".join(logs), why
        return "\n".join(filter(None, logs)), None
