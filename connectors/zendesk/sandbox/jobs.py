"""Bulk work in the background. https://developer.zendesk.com/api-reference/ticketing/ticket-management/job_statuses/"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.zendesk.sandbox.account import ACCOUNT_ID, Account
from connectors.zendesk.sandbox.http import Answer, Call, Endpoint, Refused, Row, Write, not_found
from connectors.zendesk.sandbox.paging import listing, sequence

MAX_UNFINISHED = 30
TOO_MANY_JOBS = {
    "error": "TooManyJobs",
    "description": "Too many jobs are queued or running. Wait for some of them to finish and try again.",
}


@dataclass(slots=True)
class Batch:
    """What a job does: ``apply`` is called with each item, writes it, and returns the item's result."""

    noun: str
    """``Organization``; names the errors."""
    action: str
    """``create`` or ``update``."""
    items: Sequence[Any]
    apply: Callable[[int, Any, Write], Row]
    indexed: bool = False
    """Whether results name the ``index`` of their item; the documentation shows it for ``create_many`` only."""


@dataclass(slots=True)
class Job:
    id: str
    batch: Batch
    write: Write
    fails_every: int | None
    fails_after: int | None
    """The job ends as ``failed`` when it has done this many items."""
    status: str = "queued"
    progress: int | None = None
    message: str | None = None
    results: list[Row] = field(default_factory=list)
    finished_at: float | None = None

    def shown(self, base: str) -> Row:
        done = self.finished_at is not None
        return {
            "id": self.id,
            "url": f"{base}/api/v2/job_statuses/{self.id}.json",
            "total": len(self.batch.items),
            "progress": self.progress,
            "status": self.status,
            "message": self.message,
            "results": self.results if done else None,
        }


class Jobs:
    """Half of a job's items are written when it starts working, the rest at its end."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._jobs: dict[str, Job] = {}
        self._lost: dict[str, Job] = {}

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "job_statuses", self.index),
            Endpoint("GET", "job_statuses/show_many", self.show_many),
            Endpoint("GET", "job_statuses/{job_status_id}", self.show),
        ]

    def submit(self, call: Call, batch: Batch) -> Answer:
        """Queue a batch; nothing is written before the job runs."""
        settings, armed = self.account.settings, self.account.armed
        if self._unfinished() >= MAX_UNFINISHED or armed("too_many_jobs", call.method, call.path):
            raise Refused(429, TOO_MANY_JOBS)
        partial = armed("partial_job", call.method, call.path)
        failed = armed("job_failed", call.method, call.path)
        slow = armed("job_delay", call.method, call.path)
        lost = armed("job_lost", call.method, call.path)
        job = Job(
            f"V3-{self.account.new_id():032x}",
            batch,
            call.write,
            int(partial.params.get("n", 10)) if partial else None,
            int(failed.params.get("after", 0)) if failed else None,
        )
        (self._lost if lost else self._jobs)[job.id] = job
        self._forget_oldest()
        if lost is None or lost.params.get("applies", True):
            self._schedule(job, float(slow.params["seconds"]) if slow else settings.job_delay)
        return Answer(200, {"job_status": job.shown(call.base)})

    def create(self, call: Call, noun: str, items: Sequence[Row], add: Callable[[Row, Write, int], Row]) -> Answer:
        """Queue a ``create_many``. The ids are given out at once, in another order than that of the items."""
        ids = self.account.new_ids(len(items))

        def apply(index: int, item: Row, write: Write) -> Row:
            return {"id": add(item, write, ids[index])["id"], "account_id": ACCOUNT_ID}

        return self.submit(call, Batch(noun, "create", items, apply, indexed=True))

    def index(self, call: Call) -> Answer:
        jobs = sorted(
            self._known(), key=lambda job: (job.finished_at is not None, job.finished_at or 0.0), reverse=True
        )
        rows = [job.shown(call.base) for job in jobs]
        return listing(call, "job_statuses", sequence(rows), lambda row: row)

    def show(self, call: Call) -> Answer:
        found = [job for job in self._known() if job.id == call.params["job_status_id"]]
        if not found:
            raise not_found()
        return Answer(200, {"job_status": found[0].shown(call.base)})

    def show_many(self, call: Call) -> Answer:
        wanted = set(call.listed("ids"))
        return Answer(200, {"job_statuses": [job.shown(call.base) for job in self._known() if job.id in wanted]})

    def state(self) -> list[Row]:
        """All jobs, those that Zendesk has lost included."""
        return [job.shown("") for job in [*self._jobs.values(), *self._lost.values()]]

    def forget(self) -> None:
        """The sandbox is reset: what is still queued will not run."""
        self._jobs.clear()
        self._lost.clear()

    def _known(self) -> list[Job]:
        oldest = time.monotonic() - self.account.settings.job_ttl
        expired = [job.id for job in self._jobs.values() if job.finished_at is not None and job.finished_at < oldest]
        for job_id in expired:
            del self._jobs[job_id]
        return list(self._jobs.values())

    def _unfinished(self) -> int:
        return sum(1 for job in self._jobs.values() if job.finished_at is None)

    def _forget_oldest(self) -> None:
        """Zendesk keeps the last 100 jobs, says an article of its help centre; a page of the reference says one day."""
        surplus = len(self._jobs) - self.account.settings.jobs_kept
        finished = [job.id for job in self._jobs.values() if job.finished_at is not None]
        for job_id in finished[: max(surplus, 0)]:
            del self._jobs[job_id]

    def _schedule(self, job: Job, delay: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(delay / 2, self._start, job)
        loop.call_later(delay, self._finish, job)

    def _start(self, job: Job) -> None:
        if self._is_current(job):
            job.status = "working"
            self._work(job, len(job.batch.items) // 2)

    def _finish(self, job: Job) -> None:
        if self._is_current(job):
            self._work(job, len(job.batch.items))
            job.status = "completed" if job.fails_after is None else "failed"
            at = f"{self.account.world.now():%Y-%m-%d %H:%M:%S} +0000"
            job.message = f"{job.status.capitalize()} at {at}"
            job.finished_at = time.monotonic()

    def _is_current(self, job: Job) -> bool:
        """False when the sandbox was reset since the job was queued."""
        return job.id in self._jobs or job.id in self._lost

    def _work(self, job: Job, until: int) -> None:
        until = until if job.fails_after is None else min(until, job.fails_after)
        for index in range(len(job.results), until):
            job.results.append(self._result(job, index))
        job.progress = len(job.results)

    def _result(self, job: Job, index: int) -> Row:
        batch, item = job.batch, job.batch.items[index]
        if job.fails_every is not None and (index + 1) % job.fails_every == 0:
            failed = {"error": "UpdateError", "details": "The item could not be saved"}
        else:
            try:
                result = batch.apply(index, item, job.write)
            except Refused as refused:
                failed = {"error": _error(batch, refused), "details": refused.summary()}
            else:
                return self._created(index, result) if batch.indexed else result
        failure = {"action": batch.action, "status": "Failed", "success": False, **failed}
        return {**self._names(job, index), **failure}

    def _created(self, index: int, result: Row) -> Row:
        if self.account.settings.result_index:
            return {"index": index, **result}
        return {"id": result["id"], "status": "Created"}  # https://github.com/facetoe/zenpy/issues/76

    def _names(self, job: Job, index: int) -> Row:
        """What tells which item has failed.

        The id is its place in the request, unless the request named one: not an id of anything.
        https://support.zendesk.com/hc/en-us/community/posts/4408861015066
        """
        batch, item, settings = job.batch, job.batch.items[index], self.account.settings
        if batch.action == "update" and isinstance(item, dict) and item.get("id"):
            return {"id": item["id"]}
        if batch.indexed and settings.failure_names == "nothing":
            return {}
        indexed = batch.indexed and settings.result_index and settings.failure_names == "index"
        return {"index": index, "id": index} if indexed else {"id": index}


def updated(row_id: int) -> Row:
    """The result of an item that was updated, as the reference shows it."""
    return {"id": row_id, "action": "update", "status": "Updated", "success": True}


def _error(batch: Batch, refused: Refused) -> str:
    if refused.answer.status == 404:
        return str(refused.answer.body["error"])
    return f"{batch.noun}{batch.action.capitalize()}Error"
