"""The inbox, for who handles its events: oldest first, in order per object, and none is forgotten.

Only the holder of the stream's lease takes events and settles them, so an event needs no claim of its own: one that
was taken by a process which then died is simply still pending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Database
from ml_connector.core.lease import Lease
from ml_connector.core.vault import Sealer, Undecryptable

_LONGEST_PAUSE = 3600.0


@dataclass(slots=True, frozen=True)
class Pending:
    """An event that waits to be handled."""

    id: int
    connection: str
    event_id: str
    kind: str
    object_key: str
    received_at: datetime
    attempts: int
    """How often it was taken, this time included. Above one: it was put off, or its process died."""
    body: bytes = field(repr=False)

    @property
    def pause(self) -> float:
        """Seconds until it is tried again if it cannot be handled now: more with each time that it was taken."""
        return min(_LONGEST_PAUSE, 15 * 2.0 ** min(self.attempts, 10))


class Inbox:
    """The events of one stream of one tenant, handled by one run under the stream's lease. Raises LeaseLost."""

    def __init__(
        self, db: Database, sealer: Sealer, lease: Lease, tenant: str, stream: str, run_id: UUID | None
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._lease = lease
        self._tenant = tenant
        self._stream = stream
        self._run_id = run_id

    async def take(self, limit: int) -> list[Pending]:
        """The oldest events that are due, in order. While one of an object is put off, its later ones wait behind it.

        They stay pending until they are settled. One whose body does not open is rejected, and holds up no other.
        """
        taken: list[Pending] = []
        while not taken:
            async with self._db.tenant(self._tenant) as conn:
                await self._lease.hold(conn, self._stream)
                rows = await (await conn.execute(_TAKE, {"stream": self._stream, "limit": limit})).fetchall()
            crashpoint("inbox.taken")
            for row in sorted(rows):
                event = Pending(*(*row[:-1], b""))
                try:
                    taken.append(replace(event, body=self._open(event, row[-1])))
                except Undecryptable as error:
                    await self.reject(event, error.message)
            if not rows:
                break
        return taken

    async def done(self, events: Sequence[Pending], reason: str | None = None) -> None:
        """They are handled, and will not come again; ``reason`` is what a person may want to know."""
        await self._settle("state = 'done', reason = %(reason)s, settled_at = now()", events, reason=reason)

    async def reject(self, event: Pending, reason: str) -> None:
        """It will never be handled; ``reason`` is for a person."""
        await self._settle("state = 'rejected', reason = %(reason)s, settled_at = now()", [event], reason=reason)

    async def put_off(self, events: Sequence[Pending], reason: str, seconds: float) -> None:
        """They could not be handled now: let them come again after a while."""
        await self._settle(
            "reason = %(reason)s, due_at = clock_timestamp() + %(seconds)s * interval '1 s'",
            events,
            reason=reason,
            seconds=seconds,
        )

    async def _settle(self, change: str, events: Sequence[Pending], **values: str | float | None) -> None:
        async with self._db.tenant(self._tenant) as conn:
            await self._lease.hold(conn, self._stream)
            await conn.execute(
                f"update inbox set {change}, run_id = %(run)s where id = any(%(ids)s) and state = 'pending'",  # noqa: S608 - written above
                {"ids": [event.id for event in events], "run": self._run_id, **values},
            )
        crashpoint("inbox.settled")

    def _open(self, event: Pending, envelope: bytes) -> bytes:
        return self._sealer.open(*place(event.connection, event.event_id), envelope)


def place(connection: str, event_id: str) -> tuple[str, str, str]:
    """Table, column and key that an event's body is sealed for: the same for all streams that listen."""
    return "inbox", "envelope", f"{connection}/{event_id}"


async def release(db: Database, tenant: str, ids: Sequence[int]) -> int:
    """Let events that were rejected, or put off, come again now; returns how many that were."""
    async with db.tenant(tenant) as conn:
        released = await conn.execute(
            "update inbox set state = 'pending', reason = null, due_at = now(), settled_at = null "
            "where id = any(%s) and (state = 'rejected' or state = 'pending' and due_at > now())",
            (list(ids),),
        )
        return released.rowcount


DUE = """e.state = 'pending' and e.due_at <= clock_timestamp() and not exists (
        select 1 from inbox b where b.stream = e.stream and b.object_key = e.object_key and b.object_key <> ''
            and b.state = 'pending' and b.id < e.id and b.due_at > clock_timestamp())"""
"""Of an event ``e`` of the inbox: a run that begins now would take it."""
_TAKE = f"""
update inbox set attempts = attempts + 1
where id in (select id from inbox e where e.stream = %(stream)s and {DUE} order by id limit %(limit)s)
returning id, connection, event_id, kind, object_key, received_at, attempts, envelope
"""  # noqa: S608 - written above
