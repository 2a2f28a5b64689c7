"""The ledger: one row per intended effect at a destination, moved through its states by whoever holds the lease.

Everything is written here before it is sent. ``sending`` is committed before the first byte leaves; a crash found in
``sending`` is ``ambiguous``, never failed; ``applied`` is final. `records.State` has the states and their order.
Raw psycopg with arrays: this is the hot path (forced row-level security refuses COPY). They travel in binary, ``%b``:
as text an array of bodies is escaped byte by byte (measured: 0.3 instead of 20 microseconds a body).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ml_connector.core import audit, digests, jsonx, presence, watermarks
from ml_connector.core import ledger_sql as sql
from ml_connector.core.alarms import Alarm
from ml_connector.core.audit import Entry, Origin
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Connection, Database
from ml_connector.core.ids import storable, uuid7
from ml_connector.core.lease import Lease
from ml_connector.core.parking import LOOK_AGAIN
from ml_connector.core.records import Body, Decision, Outcome, SourceRecord, State
from ml_connector.core.selection import SELECTED, Selection
from ml_connector.core.states import FINISHED, OPEN, REPLAYABLE
from ml_connector.core.vault import Sealer
from ml_connector.core.versions import known_before

CLAIMED = (None, State.UNCHANGED, State.PARKED)
"""What a decision may say for its effect to go through a claim; everything else is settled as it is."""
SHOWN = 500
"""Records that are read at once where nothing is moved."""
BODY_GONE = "its body is no longer stored: it was erased, or was kept for as long as bodies are kept"


class Ledger:
    """The ledger of one stream of one tenant, written under a lease."""

    def __init__(self, db: Database, sealer: Sealer, lease: Lease, tenant: str, run_id: UUID, origin: Origin) -> None:
        self._db = db
        self._sealer = sealer
        self._lease = lease
        self._tenant = tenant
        self._run_id = run_id
        self._origin = origin
        self.stream = origin.stream

    async def plan(
        self,
        records: Sequence[SourceRecord],
        *,
        moment: datetime,
        cursor: str | None,
        only_changed: bool,
        told: Collection[str] = (),
        absent: Collection[str] = (),
    ) -> Chunk | None:
        """Enter records as ``planned`` and move the read cursor behind them, in one transaction.

        A version that is in the ledger already is only counted, unless another content of the same timestamp has
        followed it: then the object has gone back to it. Of several contents that are told of one object and one moment
        the last one is its newest version. ``moment`` is the version of records that have no
        modification time of their own. ``only_changed``: a record whose newest known version has the same content is
        only counted too (full reads). The body of a version that is only counted is stored again if it was pruned. None
        when nothing was new.
        ``told``: the objects that a full read has just told of; ``absent``: it does not tell of these any more.
        """
        items = [Item(uuid7(), storable(r.source_id), r.modified_at or moment, r.body) for r in records]
        batch_id = uuid7()
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self.stream)
            last = {(item.source_id, item.version_at): n for n, item in enumerate(items)}
            last_of = [last[item.source_id, item.version_at] for item in items]
            hashes = [jsonx.digest(r.body if r.version is None else r.version)[:16] for r in records]
            values: dict[str, Any] = {
                "ids": [item.effect_id for item in items],
                "source_ids": [item.source_id for item in items],
                "versions": [item.version_at for item in items],
                "hashes": hashes,
                "lasts": [hashes[n] for n in last_of],
                "batch": batch_id,
                "stream": self.stream,
            }
            inserted = await conn.execute(sql.PLAN_CHANGED if only_changed else sql.PLAN, values)
            new = {row[0] for row in await inserted.fetchall()}
            values["again"] = [item.effect_id not in new and last_of[n] == n for n, item in enumerate(items)]
            if any(values["again"]):
                inserted = await conn.execute(sql.PLAN_AGAIN, values)
                new |= {row[0] for row in await inserted.fetchall()}
            items = [item for item in items if item.effect_id in new]
            await watermarks.advance(
                conn, self._run_id, self.stream, cursor=cursor, fetched=len(records), known=len(records) - len(items)
            )
            if told:
                await presence.told(conn, self.stream, self._run_id, [storable(one) for one in told])
            if absent:
                await presence.gone(conn, self.stream, absent)
            if items:
                await self._insert_batch(conn, batch_id, len(items))
                await self._name(conn, _names(records))
                await self._store(conn, "source", [(item.effect_id, 0, jsonx.dumps(item.body)) for item in items])
                await self._audit(conn, [Entry(i.effect_id, i.source_id, "read", State.PLANNED) for i in items])
            if len(items) < len(records):
                bodies = dict(zip(values["ids"], (r.body for r in records), strict=True))
                forgotten = await (await conn.execute(sql.FORGOTTEN, values)).fetchall()
                await self._store(conn, "source", [(i, 0, jsonx.dumps(bodies[read])) for i, read in forgotten])
        crashpoint("ledger.planned")
        return Chunk(batch_id, items) if items else None

    async def plan_replay(self, selection: Selection, after: UUID | None, limit: int, *, resend: bool) -> Chunk | None:
        """Enter the next ``limit`` selected effects once more, one generation later, and move the cursor behind them.

        None when nothing is left. Without ``resend`` what may stand at the destination already is left out. One that
        was held or needed a person is superseded by its replay; one whose body is gone is rejected.
        """
        batch_id = uuid7()
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self.stream)
            found = await _selected(conn, self.stream, selection, after, limit, resend=resend, into=self._run_id)
            if not found:
                return None
            originals = [row[0] for row in found]
            replaced = await (await conn.execute(sql.REPLACE, (originals,))).fetchall()
            ids = [uuid7() for _ in originals]
            values = {"batch": batch_id, "ids": ids, "originals": originals, "gone": BODY_GONE}
            planned = await (await conn.execute(sql.PLAN_REPLAY, values)).fetchall()
            await self._insert_batch(conn, batch_id, len(ids))
            await watermarks.advance(
                conn, self._run_id, self.stream, cursor=str(found[-1][2]), fetched=len(ids), known=0
            )
            await self._audit(
                conn,
                [
                    *[
                        Entry(i, source, "replay", State.SUPERSEDED, reason=why, attempt=n)
                        for i, source, why, n in replaced
                    ],
                    *[Entry(i, source, "replay", state, reason=why) for i, source, state, why in planned],
                ],
            )
        crashpoint("ledger.planned")
        return await self.load([batch_id], 0.0)

    async def reopen(self) -> None:
        """Plan again what this run has rejected: the mapping, or what the vendor minded, may have been mended."""
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self.stream)
            reopened = await (await conn.execute(sql.REOPEN, (self._run_id, self.stream))).fetchall()
            await conn.execute(
                "update batch set open = true where id = any(%s) and not open", ([row[3] for row in reopened],)
            )
            await self._audit(
                conn,
                [Entry(i, source, "retry", State.PLANNED, attempt=n) for i, source, n, _ in reopened],
            )

    async def open_batches(self) -> list[tuple[UUID, int]]:
        """The batches of this stream that have unfinished effects, oldest first, whichever run planned them; and how
        many effects each was planned with."""
        async with self._db.tenant(self._tenant) as conn:
            rows = await conn.execute(
                "select id, planned from batch where stream = %s and open order by id", (self.stream,)
            )
            return [(row[0], row[1]) for row in await rows.fetchall()]

    async def load(
        self, batch_ids: Sequence[UUID], settle_seconds: float, *, last_link: datetime | None = None
    ) -> Chunk:
        """The effects of some batches that can be moved now, with their bodies, as a chunk of the last of them.

        What is found in ``sending`` was left there by a process that is gone: it becomes ``ambiguous``, and can be
        probed once its write, if there was one, has had time to settle. Effects that wait for a moment to come, for a
        person or for a policy are left out; so are parked ones, unless something was linked (``last_link``, see
        `parking`) since they were looked at, or a newer version has come. Not for batches that this process is working
        on.
        """
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self.stream)
            crashed = await (await conn.execute(sql.CRASHED, (settle_seconds, list(batch_ids)))).fetchall()
            await self._audit(
                conn,
                [Entry(i, source, "recover", State.AMBIGUOUS, reason="crash", attempt=n) for i, source, n in crashed],
            )
            rows = await (await conn.execute(sql.LOAD, (list(batch_ids), last_link))).fetchall()
        return Chunk(batch_ids[-1], [_item(self._sealer, *row) for row in rows])

    async def claim(self, decisions: Sequence[Decision], hashes: Mapping[UUID, bytes]) -> list[Decision]:
        """Commit ``sending`` for what is to be sent, with the request stored, and return just that.

        Conditional per effect: when a newer version of the same object is in the ledger the effect is ``superseded``;
        when another effect of the object is in flight it stays as it is, for a later drain. A decision that something
        is ``unchanged`` passes through here too: it is only true while nothing of that object is in flight. So does
        ``parked``: of the versions of an object only the newest has something to wait for. Of those that share a
        serial the first one goes, if no other, and none of its object, is in flight or waits for a person.
        """
        serials = [d for d in decisions if d.serial is not None and d.state is None]
        first = {d.serial: d.effect_id for d in reversed(serials)}
        behind = {d.effect_id for d in serials} - set(first.values())
        wanted = [d for d in decisions if d.state in CLAIMED and d.effect_id not in behind]
        if not wanted:
            return []
        by_id = {d.effect_id: d for d in wanted}
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self.stream)
            if serials:
                shared = {"id": [d.effect_id for d in serials], "serial": [d.serial for d in serials]}
                await conn.execute(sql.SERIALS, {**shared, "stream": self.stream})
            claimed = await (
                await conn.execute(
                    sql.CLAIM,
                    {
                        "id": list(by_id),
                        "state": [d.state or State.SENDING for d in wanted],
                        "action": [d.action or None for d in wanted],
                        "dest_id": [d.dest_id for d in wanted],
                        "payload_hash": [hashes.get(d.effect_id) for d in wanted],
                        "reason": [d.reason for d in wanted],
                        "run": self._run_id,
                    },
                )
            ).fetchall()
            sending = {row[0]: row[2] for row in claimed if row[1] == State.SENDING}
            await self._store(
                conn, "request", [(i, attempt, jsonx.dumps(by_id[i].request)) for i, attempt in sending.items()]
            )
            await self._audit(
                conn,
                [
                    Entry(i, by_id[i].source_id, by_id[i].action, state, by_id[i].dest_id, None, reason, attempt)
                    for i, state, attempt, reason in claimed
                ],
            )
        crashpoint("ledger.claimed")
        return [d for d in wanted if d.effect_id in sending]

    async def stand_for(
        self,
        source_id: str,
        decisions: Sequence[Decision],
        hashes: Mapping[UUID, bytes],
        compose: Callable[[Collection[UUID]], Body],
    ) -> int:
        """Let one new effect, ``source_id``, stand for these: they are ``digested`` in the transaction that plans it.

        Of each record only the newest version is digested, as in a claim. ``compose`` makes its body from those that
        are. It is sent by the next drain of the stream, like anything that was planned. Returns how many it stands for.
        """
        batch_id, digest = uuid7(), uuid7()
        by_id = {d.effect_id: d for d in decisions}
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self.stream)
            moved = await (
                await conn.execute(
                    sql.CLAIM,
                    {
                        "id": list(by_id),
                        "state": [State.DIGESTED] * len(by_id),
                        "action": ["digest"] * len(by_id),
                        "dest_id": [None] * len(by_id),
                        "payload_hash": [hashes.get(i) for i in by_id],
                        "reason": [digests.told_in(digest)] * len(by_id),
                        "run": self._run_id,
                    },
                )
            ).fetchall()
            members = [row[0] for row in moved if row[1] == State.DIGESTED]
            entries = [Entry(i, by_id[i].source_id, "digest", state, reason=why) for i, state, _, why in moved]
            if members:
                body = jsonx.dumps(compose(members))
                await conn.execute(sql.DOUBT, (members,))
                await conn.execute(
                    sql.PLAN_DIGEST, {"id": digest, "batch": batch_id, "stream": self.stream, "source_id": source_id,
                    "members": members},
                )  # fmt: skip
                await self._insert_batch(conn, batch_id, 0)  # it is none of the records that the run accounts for
                await self._name(conn, {(by_id[i].source_id, source_id) for i in members})
                await self._store(conn, "source", [(digest, 0, body)])
                entries.append(Entry(digest, source_id, "digest", State.PLANNED))
            await self._audit(conn, entries)
        crashpoint("ledger.digested")
        return len(members)

    async def settle(
        self, outcomes: Sequence[Outcome], settle_seconds: float, stand_for: Mapping[UUID, Sequence[UUID]] | None = None
    ) -> None:
        """Write down what became of effects. An applied one updates the link table in the same transaction.

        ``stand_for``: of digests, the effects that they tell of: each of those learns of the message. Where the
        message is refused they are.
        After an attempt that did not end well the last payload is forgotten there: of several calls for one object
        some may have been carried out, so the one before is no longer known to be what the destination holds.
        """
        if not outcomes:
            return
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self.stream)
            settled = await (
                await conn.execute(
                    sql.SETTLE,
                    {
                        "id": [o.effect_id for o in outcomes],
                        "state": [o.state for o in outcomes],
                        "action": [o.action or None for o in outcomes],
                        "dest_id": [o.dest_id for o in outcomes],
                        "reason": [o.reason for o in outcomes],
                        "wait": [_wait(o, settle_seconds) for o in outcomes],
                        "run": self._run_id,
                    },
                )
            ).fetchall()
            by_id = {o.effect_id: o for o in outcomes}
            said = {i: by_id[i].answer for i, _, _ in settled if by_id[i].answer is not None}
            await self._store(conn, "answer", [(i, n, jsonx.dumps(said[i])) for i, _, n in settled if i in said])
            entries = [_entry(by_id[i], source_id, attempt) for i, source_id, attempt in settled]
            refused = [(i, source_id) for i, source_id, _ in settled if by_id[i].state is State.REJECTED]
            entries += await digests.fall(conn, refused)
            for i, _, _ in settled:
                if stand_for and i in stand_for and by_id[i].state is State.APPLIED:
                    told = await conn.execute(sql.TOLD, (by_id[i].dest_id, list(stand_for[i])))
                    entries += [_told(by_id[i], *row) for row in await told.fetchall()]
            await self._audit(conn, entries)
        crashpoint("ledger.settled")

    async def known_before(self, items: Sequence[Item], others: Mapping[UUID, Sequence[str]]) -> dict[UUID, Body]:
        """`versions.known_before` of this stream."""
        return await known_before(self._db, self._sealer, self._tenant, self.stream, items, others)

    async def told(self, alarms: Sequence[Alarm]) -> None:
        """Write down that people were told of these effects."""
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self.stream)
            await self._audit(
                conn, [Entry(a.effect_id, a.source_id, "alert", a.state, attempt=a.attempts) for a in alarms]
            )

    async def close(self, batch_ids: Sequence[UUID]) -> None:
        """Note of each of the batches that it has nothing unfinished left, if so."""
        async with self._db.tenant(self._tenant) as conn:
            await conn.execute(
                "update batch set open = false where id = any(%s) and not exists "
                "(select 1 from effect where batch_id = batch.id and tenant = batch.tenant and state = any(%s))",
                (list(batch_ids), list(OPEN)),
            )
        crashpoint("ledger.closed")

    async def next_due(self) -> float | None:
        """Seconds until the next waiting effect of this stream can be moved; None when none waits.

        One that waits behind another effect of its object, which is in flight, cannot be moved before that one.
        """
        async with self._db.tenant(self._tenant) as conn:
            row = await (await conn.execute(sql.NEXT_DUE, (self.stream,))).fetchone()
        return None if row is None or row[0] is None else max(0.0, float(row[0]))

    async def _insert_batch(self, conn: Connection, batch_id: UUID, planned: int) -> None:
        await conn.execute(
            "insert into batch (tenant, id, stream, run_id, planned) values (mlc_tenant(), %s, %s, %s, %s)",
            (batch_id, self.stream, self._run_id, planned),
        )

    async def _name(self, conn: Connection, names: Collection[tuple[str, str]]) -> None:
        """``names``: what people call a record, or a part of it is known by, and a source id."""
        if names:
            await conn.execute(sql.NAME, (self.stream, *(list(column) for column in zip(*sorted(names), strict=True))))

    async def _store(self, conn: Connection, kind: str, bodies: Sequence[tuple[UUID, int, bytes]]) -> None:
        if bodies:
            await conn.execute(
                "insert into body (tenant, effect_id, kind, attempt, envelope) "
                "select mlc_tenant(), b.id, %s, b.attempt, b.envelope "
                "from unnest(%b::uuid[], %b::integer[], %b::bytea[]) as b(id, attempt, envelope)"
                + " on conflict (effect_id, kind, attempt) do nothing"
                * (kind == "answer"),  # the first one stays
                (
                    kind,
                    [effect_id for effect_id, _, _ in bodies],
                    [attempt for _, attempt, _ in bodies],
                    [self._sealer.seal("body", "envelope", f"{i}:{kind}:{n}", text) for i, n, text in bodies],
                ),
            )

    async def _audit(self, conn: Connection, entries: Sequence[Entry]) -> None:
        await audit.append(conn, self._origin, entries)


async def selected(
    db: Database, sealer: Sealer, tenant: str, stream: str, selection: Selection, *, resend: bool
) -> AsyncIterator[Chunk]:
    """What a replay would take up, with its stored bodies: for reading, nothing is moved."""
    after: UUID | None = None
    while True:
        async with db.tenant(tenant) as conn:
            found = await _selected(conn, stream, selection, after, SHOWN, resend=resend, into=None)
            rows = await (await conn.execute(sql.LOAD_THESE, ([row[0] for row in found],))).fetchall()
        if not found:
            return
        items = {row[0]: _item(sealer, *row) for row in rows}
        for effect_id, source_id, _ in found:
            item = items.setdefault(effect_id, Item(effect_id, source_id, datetime.now(UTC), {}))
            item.generation += 1
            if not item.body:
                item.refusal = State.REJECTED, BODY_GONE
        yield Chunk(UUID(int=0), list(items.values()))
        after = found[-1][2]


async def _selected(
    conn: Connection,
    stream: str,
    selection: Selection,
    after: UUID | None,
    limit: int,
    *,
    resend: bool,
    into: UUID | None,
) -> list[tuple[UUID, str, UUID]]:
    """Effect, source id, and where to go on behind it."""
    states = [state for state in selection.states or FINISHED if state in REPLAYABLE]
    place = {"stream": stream, "after": after or UUID(int=0), "limit": limit, "into": into or UUID(int=0)}
    found = await conn.execute(SELECTED, {**await selection.values(conn, states, resend=resend), **place})
    rows: list[tuple[UUID, str, UUID]] = await found.fetchall()
    return rows


def _names(records: Sequence[SourceRecord]) -> set[tuple[str, str]]:
    numbers = {(jsonx.mended(r.number), storable(r.source_id)) for r in records if r.number}
    return numbers | {(storable(r.record), storable(r.source_id)) for r in records if r.record}


def _item(
    sealer: Sealer, effect_id: UUID, source_id: str, version_at: datetime, body_of: UUID, generation: int, state: str,
    attempts: int, dest_id: str | None, body: bytes, request: bytes | None, sent_as: int | None,
) -> Item:  # fmt: skip
    stored = sealer.open("body", "envelope", f"{body_of}:source:0", body)
    asked = sealer.open("body", "envelope", f"{effect_id}:request:{sent_as}", request) if request else None
    return Item(
        effect_id, source_id, version_at, jsonx.loads(stored), body_of=body_of, generation=generation,
        state=State(state), attempts=attempts, dest_id=dest_id, request=jsonx.loads(asked) if asked else None,
    )  # fmt: skip


def _wait(outcome: Outcome, settle_seconds: float) -> float | None:
    if outcome.state is State.PARKED:
        return LOOK_AGAIN
    if outcome.state is not State.AMBIGUOUS:
        return outcome.retry_after
    return max(settle_seconds, outcome.retry_after or 0.0)


def _entry(outcome: Outcome, source_id: str, attempt: int) -> Entry:
    return Entry(
        outcome.effect_id, source_id, outcome.action or None, outcome.state, outcome.dest_id, outcome.request_id,
        outcome.reason, attempt,
    )  # fmt: skip


def _told(outcome: Outcome, effect_id: UUID, source_id: str) -> Entry:
    return Entry(
        effect_id, source_id, "digest", State.DIGESTED, outcome.dest_id, outcome.request_id,
        digests.told_in(outcome.effect_id),
    )  # fmt: skip


async def links(db: Database, tenant: str, stream: str, source_ids: Sequence[str]) -> dict[str, tuple[str, bytes]]:
    """Destination id and hash of the last payload sent, per source id that is linked."""
    asked = {storable(one): one for one in source_ids}
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(sql.LINKS, {"stream": stream, "source_id": list(asked)})
        return {asked[source_id]: (dest_id, bytes(hashed)) for source_id, dest_id, hashed in await rows.fetchall()}
