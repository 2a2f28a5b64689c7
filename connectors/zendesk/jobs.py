"""Background jobs: Zendesk takes 100 objects a call, works on them later, and reports on each of them.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/job_statuses/
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import Any

from connectors.zendesk.errors import Forbidden, Refused
from connectors.zendesk.job_results import results_of
from connectors.zendesk.writing import Api, Call, Fate, Halt, Result, Results, Work, result_of
from ml_connector.core.errors import AbortRun, ConnectorError, RetryLater
from ml_connector.core.records import Body

PER_JOB = 100
SUSPECT = 2
"""From so many attempts on an object may be what its jobs fail of, and is kept away from the others."""
_SOONEST, _LATEST = 0.1, 2.0
"""Seconds between two looks at the jobs in flight: doubled when none has ended, halved when one has."""


@dataclass(slots=True)
class _Flight:
    over: asyncio.Future[Body | None]
    until: float
    last_seen: float


class Jobs:
    """The jobs of one client: bounded in flight, and looked at together.

    ``deadline``: seconds after which a job that has not ended is given up as unclear. ``forget``: seconds for which a
    job may be missing from the answers before it counts as lost. ``patience``: seconds for which a submission waits
    while Zendesk takes no more jobs.
    """

    def __init__(
        self, client: Api, most: int, *, deadline: float = 600, forget: float = 15, patience: float = 120
    ) -> None:
        self.deadline = deadline
        self.forget = forget
        self.patience = patience
        self._client = client
        self._room = asyncio.Semaphore(most)
        self._flying: dict[str, _Flight] = {}
        self._allowed: dict[Call, bool] = {}
        self._trial = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    @property
    def in_flight(self) -> frozenset[str]:
        """Ids of the jobs whose results this client is waiting for."""
        return frozenset(self._flying)

    def batches(self, work: Sequence[Work], halt: Halt) -> list[Coroutine[Any, Any, Results]]:
        """Write everything, in jobs of one kind of call each: one coroutine per job, to be run together.

        Each piece of work has exactly one result. A job that is refused as a whole is split until the objects at
        fault stand alone. What ends the run (a refused token, a lost lease) goes into ``halt``.
        """
        return [self._batch(batch, halt) for batch in _batches(work)]

    async def _batch(self, batch: list[Work], halt: Halt) -> Results:
        async with self._room:
            if halt.error:
                return [(work, halt.unsent()) for work in batch]
            outcome = await self._job(batch, halt)
        if not isinstance(outcome, Refused):
            return outcome
        if len(batch) == 1:
            return [(batch[0], result_of(outcome))]
        half = len(batch) // 2
        halves = await asyncio.gather(self._batch(batch[:half], halt), self._batch(batch[half:], halt))
        return [*halves[0], *halves[1]]

    async def _job(self, batch: list[Work], halt: Halt) -> Results | Refused:
        """Submit and wait. `Refused` if Zendesk did not take the job because of what is in it."""
        call = batch[0].call
        try:
            submitted = await self._try_out(call, batch) if call.optional else await self._submit(call, batch)
        except Refused as error:
            return error
        except RetryLater as error:
            return [(work, result_of(error)) for work in batch]
        except AbortRun as error:
            return [(work, halt.stop(error)) for work in batch]
        if submitted is None:
            return [(work, Result(Fate.FORBIDDEN, reason="Zendesk forbids this in bulk")) for work in batch]
        answer, request_id = submitted
        try:
            job = await self._end_of(answer.get("job_status") or {})
        except ConnectorError as error:
            job = None
            if isinstance(error, AbortRun):
                halt.stop(error)
        return results_of(batch, job, request_id)

    async def _try_out(self, call: Call, batch: list[Work]) -> tuple[Body, str | None] | None:
        """As `_submit`, or None if the account may not make this call: that is asked once."""
        async with self._trial:
            if call not in self._allowed:
                try:
                    submitted = await self._submit(call, batch)
                except Forbidden:
                    self._allowed[call] = False
                    return None
                self._allowed[call] = True
                return submitted
        return await self._submit(call, batch) if self._allowed[call] else None

    async def _submit(self, call: Call, batch: list[Work]) -> tuple[Body, str | None]:
        """At most 30 jobs may be queued or running in an account; a place becomes free by waiting."""
        clock = asyncio.get_running_loop().time
        until = clock() + self.patience
        while True:
            try:
                return await self._client.write(call.method, call.path, {call.key: [work.body for work in batch]})
            except RetryLater as error:
                if error.maybe_applied or clock() >= until:
                    raise
                await asyncio.sleep(min(error.retry_after or _LATEST, 30.0))

    async def _end_of(self, job: Body) -> Body | None:
        """The job when it has ended; None if that cannot be known."""
        if _over(job):
            return job
        if not (job_id := job.get("id")):
            return None
        loop = asyncio.get_running_loop()
        flight = _Flight(loop.create_future(), loop.time() + self.deadline, loop.time())
        self._flying[job_id] = flight
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_all())
        try:
            return await flight.over
        finally:
            self._flying.pop(job_id, None)
            if not self._flying and self._watch:
                self._watch.cancel()
                self._watch = None

    async def _watch_all(self) -> None:
        """Look at all jobs in flight with one call, until none is left."""
        pause = _SOONEST
        while self._flying:
            await asyncio.sleep(pause)
            try:
                ended = self._settle(await self._client.show_jobs(list(self._flying)))
            except RetryLater:
                ended = self._settle(None)  # the jobs go on without being watched, up to their deadline
            except Exception as error:  # noqa: BLE001 - whoever waits for a job must hear of it
                for flight in self._flying.values():
                    if not flight.over.done():
                        flight.over.set_exception(error)
                return
            pause = max(pause / 2, _SOONEST) if ended else min(pause * 2, _LATEST)

    def _settle(self, jobs: list[Body] | None) -> int:
        """Hand the jobs that have ended to those who wait for them; returns how many. None: there was no answer."""
        now = asyncio.get_running_loop().time()
        seen = {job.get("id"): job for job in jobs or ()}
        ended = 0
        for job_id, flight in self._flying.items():
            job = seen.get(job_id)
            if job is not None:
                flight.last_seen = now
            lost = now > flight.until or (jobs is not None and now - flight.last_seen > self.forget)
            if flight.over.done() or not (lost or _over(job)):
                continue
            flight.over.set_result(job if _over(job) else None)
            ended += 1
        return ended


def _over(job: Body | None) -> bool:
    return job is not None and job.get("status") in ("completed", "failed", "killed")


def _batches(work: Sequence[Work]) -> Iterator[list[Work]]:
    for call in dict.fromkeys(piece.call for piece in work):
        same = [piece for piece in work if piece.call == call and not piece.alone]
        suspects = [piece for piece in same if piece.decision.attempts >= SUSPECT]
        yield from _portions([piece for piece in same if piece.decision.attempts < SUSPECT], PER_JOB)
        # in a hundred jobs: a few stand alone, and after an outage, when all are suspects, few remain for the next time
        yield from _portions(suspects, min(PER_JOB, ceil(len(suspects) / 100)))
    yield from ([piece] for piece in work if piece.alone)


def _portions(work: list[Work], size: int) -> Iterator[list[Work]]:
    pieces = iter(work)
    while portion := list(islice(pieces, size)):
        yield portion
