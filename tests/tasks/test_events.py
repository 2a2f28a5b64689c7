"""Events and the read behind them, between a source and a destination in memory, and on a real inbox and ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

import pytest

from ml_connector.core.balance import Balance, balance
from ml_connector.core.db import Database
from ml_connector.core.errors import RejectRecord, RetryLater
from ml_connector.core.inbox import place
from ml_connector.core.inbox_writer import Arrival, insert
from ml_connector.core.listeners import listen
from ml_connector.core.records import Page, SourceRecord, Window
from ml_connector.core.vault import Vault
from ml_connector.core.webhooks import Event
from tasks import events
from tasks.fetch import missed
from tasks.leftovers import leftovers
from tasks.log_audit import log_audit
from tasks.stream import Route
from tasks.transform import transform
from tasks.upsert import upsert
from tests.fakes import FakeSource
from tests.tasks.test_journey import World

TICKETS, USERS = "test/tickets", "test/users"


class Told(FakeSource):
    """A source whose objects events tell of. Those in ``unreadable`` are refused, and what is asked beside them; those
    in ``foreign`` are none of ours."""

    objects = "ticket"

    def __init__(self) -> None:
        super().__init__()
        self.unreadable: set[str] = set()
        self.foreign: set[str] = set()
        self.clock_only = False

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        if self.clock_only:
            raise RetryLater("the export is down", vendor=self.system)
        async for page in super().read(window, cursor):
            yield page

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:  # noqa: ARG002
        return object_key.partition(":")[2] not in self.foreign

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        if self.unreadable & set(ids):
            raise RejectRecord("refused with 422", vendor=self.system)
        return [SourceRecord(key, *self.rows[key]) for key in ids if key in self.rows]


class Desk(World):
    """Streams that hear events."""

    def __init__(self, db: Database, vault: Vault) -> None:
        super().__init__(db, vault)
        self.source: Told = Told()
        self.arrived = 0
        self.start_from: Literal["now"] | None = None

    def route(self, key: str = TICKETS) -> Route:
        route = super().route(key)
        route.start_from = self.start_from
        return route

    async def tell(self, *ids: str) -> None:
        """An event of each object reaches the inbox."""
        sealer = await self.vault.sealer("acme", "body")
        arrivals = []
        for one in ids:
            self.arrived += 1
            event = Event(f"e{self.arrived}", "ticket.changed", f"ticket:{one}", b"")
            arrivals.append(Arrival("acme", "desk", event, sealer.seal(*place("desk", event.event_id), b"{}")))
        async with self.db.system() as conn:
            await insert(conn, arrivals)

    async def hear(self, flow_run: str, *keys: str) -> list[Balance]:
        """What the flow of ticket events does."""
        async with self.opened(flow_run, [self.route(key) for key in keys or (TICKETS,)]) as run:
            async for stream, chunk in events.events(run):
                with run.tolerating(chunk):
                    await upsert(stream, await transform(stream, chunk))
            for stream in run.streams:
                async for chunk in missed(run, stream):
                    with run.tolerating(chunk):
                        await upsert(stream, await transform(stream, chunk))
            self.problem = await log_audit(run)
            return [await balance(self.db, "acme", run.run.id, s.route.key) for s in run.streams]

    @property
    def written(self) -> list[str]:
        return [source_id for source_id, _ in self.destination.writes]


@pytest.fixture
async def desk(database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(events, "LINGER", 0.0)  # nobody sends while a test waits
    for key in (TICKETS, USERS):
        await listen(database, "acme", key, "desk", "flow/acme")
    return Desk(database, vault)


async def test_a_run_that_hears_of_one_object_still_reads_those_of_which_nobody_told(desk: Desk) -> None:
    desk.source.put("t1", name="told")
    desk.source.put("t2", name="not told")
    await desk.tell("t1")
    [found] = await desk.hear("r1")
    assert sorted(desk.written) == ["t1", "t2"]
    assert (found.fetched, found.known, found.created) == (3, 1, 2)
    assert desk.problem is None


async def test_an_event_that_is_none_of_ours_is_done_with(desk: Desk) -> None:
    desk.source.put("t1", name="ours")
    desk.source.foreign = {"x1"}
    await desk.tell("x1", "t1", "gone")
    async with desk.opened("r1", [desk.route(TICKETS)]) as run:
        [stream] = run.streams
        stream.heard = await stream.inbox.take(10)
        chunk = await events.hear(stream)

    assert [item.source_id for item in chunk.items] == ["t1"]
    async with desk.db.tenant("acme") as conn:
        rows = await conn.execute("select object_key, state from inbox where stream = %s", (TICKETS,))
        assert dict(await rows.fetchall()) == {"ticket:x1": "done", "ticket:t1": "done", "ticket:gone": "rejected"}


async def test_the_export_behind_events_is_read_seldom(desk: Desk) -> None:
    await desk.hear("r1")
    desk.source.put("t1", name="not told")
    await desk.hear("r2")
    assert desk.written == [], "it was read a moment ago"
    async with desk.db.tenant("acme") as conn:
        await conn.execute("update watermark set updated_at = updated_at - interval '1 h'")
    await desk.hear("r3")
    assert desk.written == ["t1"]


async def test_a_run_makes_way_for_the_next_one_though_more_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH", 1)
    monkeypatch.setattr(events, "LONGEST", 0.0)
    desk.source.clock_only = True  # events alone
    desk.source.put("t1", name="x")
    await desk.tell("t1")
    await desk.hear("r1")
    assert desk.written == []
    monkeypatch.setattr(events, "LONGEST", 60.0)
    await desk.hear("r2")
    assert desk.written == ["t1"]


async def test_an_object_that_cannot_be_read_holds_up_no_other(desk: Desk) -> None:
    for name in ("bad", "good", "fine"):
        desk.source.put(name, name=name)
    desk.source.unreadable = {"bad"}
    await desk.tell("bad", "good", "bad", "fine")
    await desk.hear("r1")
    assert {"good", "fine"} <= set(desk.written)
    assert desk.problem is not None
    assert "refused with 422" in desk.problem
    async with desk.db.tenant("acme") as conn:
        left = await conn.execute(
            "select object_key, reason, due_at > now() + interval '20 s' from inbox "
            "where state = 'pending' and stream = %s order by id",
            (TICKETS,),
        )
        told = ("ticket:bad", "RejectRecord: refused with 422 [fake_erp]", True)
        assert await left.fetchall() == [told, told]

    desk.source.unreadable = set()
    async with desk.db.tenant("acme") as conn:
        await conn.execute("update inbox set due_at = now()")
    await desk.hear("r2")
    assert sorted(desk.written) == ["bad", "fine", "good"]


async def test_a_stream_that_is_told_of_without_end_leaves_the_others_their_turn(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH", 1)
    for n in range(3):
        desk.source.put(f"t{n}", name=f"{n}")
    await desk.tell("t0", "t1", "t2")
    await desk.hear("r1", TICKETS, USERS)
    assert desk.written == ["t0", "t0", "t1", "t1", "t2", "t2"]  # by turns, of one stream and the other


async def test_events_that_wait_for_a_parent_are_looked_at_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH", 1)
    desk.links = {"parent": "test/parents"}
    for n in range(6):
        desk.source.put(f"t{n}", name=f"{n}", parent=f"p{n}")
        await desk.tell(f"t{n}")
    await desk.hear("r1")
    async with desk.db.tenant("acme") as conn:
        await conn.execute("update effect set next_at = now()")
    async with desk.opened("r2", [desk.route(TICKETS)]) as run:
        chunks = [chunk async for chunk in leftovers(run, run.streams[0], together=4)]
    assert [len(chunk) for chunk in chunks] == [4, 2]


async def test_now_is_when_the_first_run_looked_though_it_did_not_come_through(desk: Desk) -> None:
    desk.start_from = "now"
    desk.source.put("before", name="of no interest")
    desk.source.clock_only = True
    await desk.hear("r1")
    assert desk.problem is not None
    desk.source.clock_only = False
    desk.source.put("between", name="nobody told")
    desk.source.put("after", name="nobody told")
    await desk.hear("r2")
    await desk.hear("r3")
    assert sorted(desk.written) == ["after", "between"]
