"""The ledger: one row per intended effect at a destination, moved through its states by whoever holds the lease.

Everything is written here before it is sent (`planning`). ``sending`` is committed before the first byte leaves; a
crash found in ``sending`` is ``ambiguous``, never failed; ``applied`` is final. `records.State` has the states and
their order, `states` what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from ml_connector.core import digests, jsonx
from ml_connector.core import ledger_sql as sql
from ml_connector.core.alarms import Alarm
from ml_connector.core.audit import Entry
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Connection
from ml_connector.core.ids import uuid7
from ml_connector.core.ledger_query import movable
from ml_connector.core.ledger_writer import LedgerWriter
from ml_connector.core.parking import LOOK_AGAIN
from ml_connector.core.records import Body, Decision, Outcome, State
from ml_connector.core.states import OPEN
from ml_connector.core.versions import known_before

CLAIMED = (None, State.UNCHANGED, State.PARKED)
"""What a decision may say for its effect to go through a claim; everything else is settled as it is."""


class Ledger:
    """The ledger of one stream of one tenant: its effects are moved here."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer

    async def open_batches(self) -> list[tuple[UUID, int]]:
        """The batches of this stream that have unfinished effects, oldest first, whichever run planned them; and how
        many effects each was planned with."""
        async with self._writer.db.tenant(self._writer.tenant) as conn:
            rows = await conn.execute(
                "select id, planned from batch where stream = %s and open order by id", (self._writer.stream,)
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
        async with self._writer.transaction() as conn:
            crashed = await (await conn.execute(sql.CRASHED, (settle_seconds, list(batch_ids)))).fetchall()
            await self._writer.audit(
                conn,
                [Entry(i, source, "recover", State.AMBIGUOUS, reason="crash", attempt=n) for i, source, n in crashed],
            )
            return await movable(conn, self._writer.sealer, batch_ids, last_link)

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
        async with self._writer.transaction() as conn:
            if serials:
                shared = {"id": [d.effect_id for d in serials], "serial": [d.serial for d in serials]}
                await conn.execute(sql.SERIALS, {**shared, "stream": self._writer.stream})
            claimed = await self._claim(conn, wanted, hashes)
            sending = {row[0]: row[2] for row in claimed if row[1] == State.SENDING}
            await self._writer.store(
                conn, "request", [(i, attempt, jsonx.dumps(by_id[i].request)) for i, attempt in sending.items()]
            )
            await self._writer.audit(
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
        async with self._writer.transaction() as conn:
            told = [replace(d, state=State.DIGESTED, reason=digests.told_in(digest)) for d in decisions]
            moved = await self._claim(conn, told, hashes)
            members = [row[0] for row in moved if row[1] == State.DIGESTED]
            entries = [Entry(i, by_id[i].source_id, "digest", state, reason=why) for i, state, _, why in moved]
            if members:
                body = jsonx.dumps(compose(members))
                new = {"id": digest, "batch": batch_id, "stream": self._writer.stream, "source_id": source_id}
                await conn.execute(sql.PLAN_DIGEST, {**new, "members": members})
                await conn.execute(sql.TELL_IN, {"id": digest, "members": members})
                await self._writer.batch(conn, batch_id, 0)  # it is none of the records that the run accounts for
                await self._writer.name(conn, {(by_id[i].source_id, source_id) for i in members})
                await self._writer.store(conn, "source", [(digest, 0, body)])
                entries.append(Entry(digest, source_id, "digest", State.PLANNED))
            await self._writer.audit(conn, entries)
        crashpoint("ledger.digested")
        return len(members)

    async def settle(self, outcomes: Sequence[Outcome], settle_seconds: float) -> None:
        """Write down what became of effects. An applied one updates the link table in the same transaction.

        What becomes of a digest becomes of the records that it tells of.
        After an attempt that did not end well the last payload is forgotten there: of several calls for one object
        some may have been carried out, so the one before is no longer known to be what the destination holds.
        """
        if not outcomes:
            return
        by_id = {o.effect_id: o for o in outcomes}
        values = {
            "id": [o.effect_id for o in outcomes],
            "state": [o.state for o in outcomes],
            "action": [o.action or None for o in outcomes],
            "dest_id": [o.dest_id for o in outcomes],
            "reason": [o.reason for o in outcomes],
            "wait": [_wait(o, settle_seconds) for o in outcomes],
            "run": self._writer.run_id,
        }
        async with self._writer.transaction() as conn:
            settled = await (await conn.execute(sql.SETTLE, values)).fetchall()
            said = {i: by_id[i].answer for i, _, _ in settled if by_id[i].answer is not None}
            await self._writer.store(conn, "answer", [(i, n, jsonx.dumps(said[i])) for i, _, n in settled if i in said])
            entries = [_entry(by_id[i], source_id, attempt) for i, source_id, attempt in settled]
            ended = [(i, source_id) for i, source_id, _ in settled if by_id[i].state in digests.FALLEN]
            entries += await digests.fall(conn, ended)
            entries += await digests.tell(conn, [(by_id[i], source_id) for i, source_id, _ in settled])
            await self._writer.audit(conn, entries)
        crashpoint("ledger.settled")

    async def known_before(self, items: Sequence[Item], others: Mapping[UUID, Sequence[str]]) -> dict[UUID, Body]:
        """`versions.known_before` of this stream."""
        one = self._writer
        return await known_before(one.db, one.sealer, one.tenant, one.stream, items, others)

    async def told(self, alarms: Sequence[Alarm]) -> None:
        """Write down that people were told of these effects."""
        async with self._writer.transaction() as conn:
            await self._writer.audit(
                conn, [Entry(a.effect_id, a.source_id, "alert", a.state, attempt=a.attempts) for a in alarms]
            )

    async def close(self, batch_ids: Sequence[UUID]) -> None:
        """Note of each of the batches that it has nothing unfinished left, if so."""
        async with self._writer.transaction() as conn:  # or it closes what another process is opening again
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
        async with self._writer.db.tenant(self._writer.tenant) as conn:
            row = await (await conn.execute(sql.NEXT_DUE, (self._writer.stream,))).fetchone()
        return None if row is None or row[0] is None else max(0.0, float(row[0]))

    async def _claim(
        self, conn: Connection, decisions: Sequence[Decision], hashes: Mapping[UUID, bytes]
    ) -> list[tuple[UUID, str, int, str | None]]:
        """Move what can be moved as is decided of it; of each the id, its state now, its attempts and the reason."""
        values = {
            "id": [d.effect_id for d in decisions],
            "state": [d.state or State.SENDING for d in decisions],
            "action": [d.action or None for d in decisions],
            "dest_id": [d.dest_id for d in decisions],
            "payload_hash": [hashes.get(d.effect_id) for d in decisions],
            "reason": [d.reason for d in decisions],
            "run": self._writer.run_id,
        }
        return await (await conn.execute(sql.CLAIM, values)).fetchall()


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
