"""Whatever happens, in whatever order: in the end the destination holds what the source holds, written once a version.

Hypothesis tells stories of source edits, runs, retries, replays, lost responses, outages, deaths and stolen leases
about two streams, of which one waits for the other. Each story has a tenant of its own on one real Postgres.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_connector.core import audit, jsonx
from ml_connector.core.balance import balance
from ml_connector.core.crashpoints import arm
from ml_connector.core.db import Connection, Database
from ml_connector.core.embedded import Embedded
from ml_connector.core.errors import ConnectorError, RetryLater, SafeError
from ml_connector.core.ids import uuid7
from ml_connector.core.lease import LeaseTaken
from ml_connector.core.records import Decision, Intent, Outcome, Page, Window
from ml_connector.core.secret import Secret
from ml_connector.core.vault import MasterKeys, Vault
from tasks.fetch import pages
from tasks.hold_run import Guard, hold_run
from tasks.leftovers import leftovers
from tasks.log_audit import log_audit
from tasks.story import FlowRun, NothingLeft
from tasks.story import given as given_flow_run
from tasks.stream import Route
from tasks.transform import transform
from tasks.upsert import upsert
from tests.fakes import FakeDestination, FakeMapping, FakeSource

PARENTS, CHILDREN = "model/parents", "model/children"


class Died(BaseException):
    """The process was killed: no handler of ``Exception`` sees it."""


class Process:
    """A process that may be killed: from then on nothing that it does has an effect."""

    def __init__(self) -> None:
        self.dead = False

    def check(self) -> None:
        if self.dead:
            raise Died

    def die(self) -> None:
        self.dead = True
        raise Died


class Mishap:
    """What happens to a run at its ``at``-th transaction, crash point or write."""

    def __init__(self, kind: str, at: int) -> None:
        self.kind = kind
        self.at = at
        self.seen = 0

    def is_due(self, *kinds: str) -> bool:
        if self.kind in kinds:
            self.seen += 1
        return self.kind in kinds and self.seen == self.at


NONE = Mishap("none", 0)


class Storm(Database):
    """A database as one process sees it: it may go away, and the process may die before or after any commit."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.process = Process()
        self.mishap = NONE
        self.flow: asyncio.Task[bool] | None = None
        self.interrupt: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def tenant(self, tenant: str) -> AsyncIterator[Connection]:
        process, mishap = self.process, self.mishap
        process.check()
        if mishap.is_due("stopped") and self.interrupt is not None:
            await self.interrupt()
        if mishap.is_due("cancelled") and self.flow is not None:
            self.flow.cancel()
        if mishap.is_due("outage") or (mishap.kind == "outage" and mishap.at < mishap.seen < mishap.at + 3):
            raise psycopg.OperationalError("the server closed the connection unexpectedly")
        if mishap.is_due("dies before a transaction"):
            process.die()
        async with super().tenant(tenant) as conn:
            yield conn
            process.check()
        if mishap.is_due("dies after a transaction"):
            process.die()

    def on_point(self, _name: str) -> None:
        self.process.check()
        if self.mishap.is_due("dies at a crash point"):
            self.process.die()


class Desk(FakeDestination):
    """Notes for which effect each write was made, shows its writes after a while only, and is written to by a living
    process that holds its lease."""

    settle_seconds = 0.3  # what a busy machine lets pass between the claim of a write and the write is in it, too
    lag = 0.05

    def __init__(self, db: Storm) -> None:
        super().__init__()
        self.db = db
        self.guard = Guard()
        self.written: list[tuple[str, UUID]] = []
        self.shown: dict[str, dict[str, Any]] = {}

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        self.db.process.check()
        return await super().decide(intents, preview=preview)

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        for decision in decisions:
            await asyncio.sleep(0)
            process, guard = self.db.process, self.guard
            if self.db.mishap.is_due("stopped before a write") and self.db.interrupt is not None:
                await self.db.interrupt()
            process.check()
            guard()
            fates = self.fate.get(decision.source_id, [])
            if fates[:1] == ["lost, and carried out later"]:
                fates[0] = "lost before"
                loop = asyncio.get_running_loop()
                loop.call_later(self.lag, self._arrive, decision, loop.time() + 2 * self.lag)
            async for outcomes in super().send([decision]):
                yield outcomes

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        self.db.process.check()
        objects, self.objects = self.objects, self.shown
        try:
            return await super().probe(decisions)
        finally:
            self.objects = objects

    def _write(self, decision: Decision) -> None:
        self._arrive(decision, asyncio.get_running_loop().time() + self.lag)
        if self.db.mishap.is_due("dies when the write has arrived"):
            self.db.process.die()

    def _arrive(self, decision: Decision, seen_from: float) -> None:
        """``seen_from``: by the clock of the loop, and not from when a busy machine comes to it."""
        super()._write(decision)
        self.written.append((decision.source_id, decision.effect_id))
        loop = asyncio.get_running_loop()
        loop.call_at(seen_from, self.shown.__setitem__, decision.source_id, decision.request)


class Erp(FakeSource):
    """A source that can fail at its ``n``-th page, and change a record without saying so by its timestamp."""

    def __init__(self, db: Storm, *, windowed: bool) -> None:
        super().__init__(windowed=windowed, page=2)
        self.db = db
        self.fails_at: int | None = None

    async def clock(self) -> datetime:
        self.db.process.check()
        return await super().clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        n = 0
        async for page in super().read(window, cursor):
            self.db.process.check()
            n += 1
            if self.fails_at is not None and n >= self.fails_at:
                self.fails_at = None
                raise RetryLater("the ERP is down", vendor=self.system)
            await asyncio.sleep(0)
            yield page


class Story:
    """One tenant with two streams, and the flow runs that move them."""

    def __init__(self, url: str, *, windowed: bool) -> None:
        self.tenant = f"t{uuid7().hex}"
        self.db = Storm(url)
        self.keys = MasterKeys.parse(Secret(MasterKeys.generate("test")))
        self.sources = {PARENTS: Erp(self.db, windowed=True), CHILDREN: Erp(self.db, windowed=windowed)}
        self.desks = {PARENTS: Desk(self.db), CHILDREN: Desk(self.db)}
        self.refused: set[tuple[str, str]] = set()
        self.flow_runs: list[tuple[str, int, int]] = []  # name, how often begun, how often completed
        self.full = False
        self.lease: Any = None

    # --- what can happen

    async def put(self, key: str, who: int, name: str, parent: int) -> None:
        body = {"name": name} if key == PARENTS else {"name": name, "parent": f"p{parent}"}
        self.sources[key].put(_id(key, who), **body)

    async def touch(self, key: str, who: int) -> None:
        source = self.sources[key]
        if _id(key, who) in source.rows:
            _, body = source.rows[_id(key, who)]
            source.put(body["id"], **{name: value for name, value in body.items() if name != "id"})

    async def change_silently(self, key: str, who: int, name: str) -> None:
        """A change that the record's timestamp does not show."""
        source = self.sources[key]
        if _id(key, who) in source.rows:
            at, body = source.rows[_id(key, who)]
            source.rows[_id(key, who)] = (at, {**body, "name": name})
            source.now += timedelta(minutes=0 if source.windowed else 1)

    async def arrive_late(self, key: str, who: int, name: str) -> None:
        """A record whose timestamp is older than what has been read already."""
        source = self.sources[key]
        if _id(key, who) not in source.rows:
            await self.put(key, who, name, who)
            at, body = source.rows[_id(key, who)]
            source.rows[_id(key, who)] = (at - timedelta(minutes=40), body)

    async def meet(self, key: str, who: int, fates: list[str]) -> None:
        self.desks[key].fate[_id(key, who)] = list(fates)
        if "refused" in fates:
            self.refused.add((key, _id(key, who)))

    async def unreachable(self, key: str) -> None:
        self.desks[key].unreachable = True

    async def troubles_end(self) -> None:
        for key, desk in self.desks.items():
            desk.unreachable = False
            desk.fate.clear()
            self.sources[key].fails_at = None

    async def source_fails(self, key: str, page: int) -> None:
        self.sources[key].fails_at = page

    async def run(self, mishap: tuple[str, int], *, full: bool = False) -> None:
        self.flow_runs.append((f"run-{len(self.flow_runs)}", 0, 0))
        self.full = full
        await self._begin(len(self.flow_runs) - 1, mishap)

    async def full_run(self, mishap: tuple[str, int]) -> None:
        await self.run(mishap, full=True)

    async def retry(self, which: int, mishap: tuple[str, int]) -> None:
        if self.flow_runs:
            self.full = False
            await self._begin(which % len(self.flow_runs), mishap)

    async def _begin(self, which: int, mishap: tuple[str, int]) -> None:
        self.db.mishap = Mishap(*mishap)
        self.db.interrupt = self._stopped_for_long
        arm(self.db.on_point)
        try:
            await self._attempt(which)
        finally:
            arm(None)
        await self._process_ends()

    async def _attempt(self, which: int) -> None:
        name, begun, completed = self.flow_runs[which]
        self.flow_runs[which] = name, begun + 1, completed
        before, self.db.flow = self.db.flow, asyncio.create_task(self._flow(FlowRun(name, name, begun + 1, completed)))
        try:
            done = await self.db.flow
        except NothingLeft:
            done = True
        except (Died, SafeError, ConnectorError, psycopg.Error, LeaseTaken, asyncio.CancelledError):
            done = False
        self.db.flow = before
        self.flow_runs[which] = name, begun + 1, completed + done

    async def _stopped_for_long(self) -> None:
        """The process sleeps for longer than its lease, and another one does the work meanwhile."""
        lease, self.db.mishap = self.lease, NONE
        guards = {key: desk.guard for key, desk in self.desks.items()}
        await self._lease_ends()
        if lease is not None:
            lease._good_until = 0.0
        self.flow_runs.append((f"run-{len(self.flow_runs)}", 0, 0))
        await self._attempt(len(self.flow_runs) - 1)
        self.lease = lease
        for key, desk in self.desks.items():
            desk.guard = guards[key]

    async def _process_ends(self) -> None:
        self.db.process.dead = True
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if getattr(task.get_coro(), "__qualname__", "") == "_fetch_unless":  # a read-ahead that nobody waits for
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self.db.process = Process()
        self.db.mishap = NONE
        await self._lease_ends()

    async def _lease_ends(self) -> None:
        async with Database.tenant(self.db, self.tenant) as conn:
            await conn.execute("update lease set until = clock_timestamp() - interval '1 s'")

    async def _flow(self, flow_run: FlowRun) -> bool:
        token = given_flow_run.set(flow_run)
        guard, self.lease = Guard(), None
        for desk in self.desks.values():
            desk.guard = guard
        try:
            async with hold_run(
                self.db, Vault(self.db, self.keys), guard, self.tenant, "model", self._routes(), lease_seconds=60,
                reject_limit=(1.0, 1_000),
            ) as run:  # fmt: skip
                self.lease = run.lease
                for stream in run.streams:
                    for chunks in (leftovers(run, stream), pages(run, stream), leftovers(run, stream, patience=1.0)):
                        async for chunk in chunks:
                            with run.tolerating(chunk):
                                await upsert(stream, await transform(stream, chunk))
                problem = await log_audit(run)
                for stream in run.streams:
                    found = await balance(self.db, self.tenant, run.run.id, stream.route.key)
                    assert found.problem is None
                return problem is None
        finally:
            given_flow_run.reset(token)

    def _routes(self) -> list[Route]:
        return [
            Route(
                key.split("/")[1], key, source=self.sources[key], mapping=FakeMapping(),  # type: ignore[arg-type]
                destination=self.desks[key], links={} if key == PARENTS else {"parent": PARENTS}, backlinks={},
                lookback=None if self.full else timedelta(minutes=15), delay=timedelta(0), start_from=None,
                address=lambda _: None,
            )
            for key in (PARENTS, CHILDREN)
        ]  # fmt: skip

    # --- what must hold

    async def ends_well(self) -> None:
        for source in self.sources.values():
            source.now += timedelta(minutes=1)
        for full in (True, False):
            await self.run(("none", 0), full=full)
            assert self.flow_runs[-1][2] == 1, "a run without any mishap did not complete"
        for key in (PARENTS, CHILDREN):
            await self._matches(key)
            await self._once_and_in_order(key)
        assert (await audit.verify(self.db, self.tenant)).broken_at is None
        async with self.db.tenant(self.tenant) as conn:
            rows = await conn.execute(
                "select distinct e.state from batch b join effect e on e.batch_id = b.id "
                "where b.open and e.state not in ('applied', 'unchanged', 'rejected', 'superseded')"
            )
            assert {row[0] for row in await rows.fetchall()} <= {"parked"}

    async def _matches(self, key: str) -> None:
        async with self.db.tenant(self.tenant) as conn:
            rows = await conn.execute(
                "select distinct on (source_id) source_id, version_hash, state, reason from effect where stream = %s "
                "order by source_id, version_at desc, body_of desc, generation desc",
                (key,),
            )
            newest = {row[0]: row[1:] for row in await rows.fetchall()}
        source, desk = self.sources[key], self.desks[key]
        assert set(newest) == set(source.rows), "a record never entered the ledger"
        for source_id, (_, body) in source.rows.items():
            version, state, reason = newest[source_id]
            assert bytes(version) == jsonx.digest(body)[:16], "the newest version never entered the ledger"
            held = desk.objects.get(source_id)
            if state == "rejected":
                assert body["name"] == "poison" or (key, source_id) in self.refused
            elif state == "parked":
                assert body["parent"] not in self.desks[PARENTS].objects
            elif body["name"] == "unwanted":
                assert state == "unchanged"
            else:
                assert state in ("applied", "unchanged"), f"{source_id} is {state}: {reason}"
                assert held is not None
                assert held["name"] == body["name"]
                if key == CHILDREN:
                    assert held["parent"] == f"d-{body['parent']}"

    async def _once_and_in_order(self, key: str) -> None:
        async with self.db.tenant(self.tenant) as conn:
            rows = await conn.execute(
                "select id, version_at, body_of, generation from effect where stream = %s", (key,)
            )
            rank = {row[0]: row[1:] for row in await rows.fetchall()}
        twice = [effect for effect, n in Counter(effect for _, effect in self.desks[key].written).items() if n > 1]
        assert not twice, "a version was written twice without a replay"
        last: dict[str, Any] = {}
        for source_id, effect in self.desks[key].written:
            assert source_id not in last or rank[effect] > last[source_id], "an older version came after a newer one"
            last[source_id] = rank[effect]


def _id(key: str, who: int) -> str:
    return f"{'p' if key == PARENTS else 'c'}{who}"


KEYS = st.sampled_from((PARENTS, CHILDREN))
WHO = st.integers(0, 3)
NAMES = st.sampled_from(("A", "B", "A", "B", "C", "poison", "unwanted"))
FATES = st.lists(
    st.sampled_from(("ok", "lost before", "lost after", "lost, and carried out later", "busy", "refused")),
    min_size=1,
    max_size=3,
)
TRANSACTIONS = ("stopped", "cancelled", "outage", "dies before a transaction", "dies after a transaction")
MISHAPS = st.one_of(
    st.just(("none", 0)),
    st.tuples(st.sampled_from(TRANSACTIONS), st.integers(4, 45)),
    st.tuples(st.just("dies at a crash point"), st.integers(1, 20)),
    st.tuples(st.sampled_from(("dies when the write has arrived", "stopped before a write")), st.integers(1, 4)),
)
EDITS = st.one_of(
    st.tuples(st.just("put"), KEYS, WHO, NAMES, WHO),
    st.tuples(st.just("touch"), KEYS, WHO),
    st.tuples(st.just("change_silently"), KEYS, WHO, NAMES),
    st.tuples(st.just("arrive_late"), KEYS, WHO, NAMES),
)
TROUBLES = st.one_of(
    st.tuples(st.just("meet"), KEYS, WHO, FATES),
    st.tuples(st.just("meet"), KEYS, WHO, FATES),
    st.tuples(st.just("unreachable"), KEYS),
    st.tuples(st.just("source_fails"), KEYS, st.integers(1, 3)),
)
RUNS = st.one_of(
    st.tuples(st.just("run"), MISHAPS),
    st.tuples(st.just("run"), MISHAPS),
    st.tuples(st.just("full_run"), MISHAPS),
    st.tuples(st.just("retry"), WHO, MISHAPS),
)
CHAPTERS = st.tuples(
    st.lists(EDITS, min_size=2, max_size=6),
    st.lists(TROUBLES, max_size=3),
    st.lists(RUNS, min_size=1, max_size=2),
)


def test_in_the_end_the_destination_holds_what_the_source_holds(postgres: Embedded) -> None:
    name = f"t_{uuid7().hex[8:24]}"
    postgres.create(name, "mlc_template")

    until = time.monotonic() + 30  # seconds; a story takes one

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(chapters=st.lists(CHAPTERS, min_size=3, max_size=5), windowed=st.booleans())
    def tell(chapters: list[Any], windowed: bool) -> None:
        if time.monotonic() < until:
            asyncio.run(_tell(postgres.uri(name, "mlc_app"), chapters, windowed))

    tell()


async def _tell(url: str, chapters: list[Any], windowed: bool) -> None:
    story = Story(url, windowed=windowed)
    async with story.db:
        for who in range(4):
            await story.put(PARENTS, who, "A", 0)
            await story.put(CHILDREN, who, "A", who)
        for edits, troubles, runs in chapters:
            for what, *how in (*edits, *troubles, *runs):
                await getattr(story, what)(*how)
            await story.troubles_end()
        await story.ends_well()
