"""Records of which a person is to be told: once each, however many runs meet them.

That somebody was told is an audit entry (action ``alert``), so it is part of the record's history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from ml_connector.core.db import Database
from ml_connector.core.ledger_sql import OVERTAKEN
from ml_connector.core.parking import overdue
from ml_connector.core.records import State
from ml_connector.core.states import IN_FLIGHT, literals

TRIES = 5
"""So often a record has been sent without coming through when somebody is told."""


@dataclass(slots=True, frozen=True)
class Alarm:
    """An effect that waits for a decision (``undecided``) or for another record for days (``waiting``), or one that
    keeps failing and stays open."""

    effect_id: UUID
    source_id: str
    state: State
    attempts: int

    @property
    def undecided(self) -> bool:
        return self.state is State.NEEDS_HUMAN

    @property
    def waiting(self) -> bool:
        return self.state is State.PARKED


async def untold(db: Database, tenant: str, stream: str) -> list[Alarm]:
    """The alarms of a stream of which nobody has been told yet, oldest first, whichever run they are from."""
    async with db.tenant(tenant) as conn:
        values = {"stream": stream, "tries": TRIES, "overdue": overdue(datetime.now(UTC))}
        rows = await conn.execute(_UNTOLD, values)
        return [Alarm(i, source_id, State(state), tries) for i, source_id, state, tries in await rows.fetchall()]


# One that a newer version has followed is superseded when it is looked at: it waits for nothing.
_UNTOLD = f"""
    select e.id, e.source_id, e.state, e.attempts
    from batch b join effect e on e.tenant = b.tenant and e.batch_id = b.id
    where b.stream = %(stream)s and b.open
        and (e.state = 'needs_human'
            or e.attempts >= %(tries)s and e.state in {literals((State.RETRY_WAIT, *IN_FLIGHT))}
            or e.state = 'parked' and e.id < %(overdue)s and not {OVERTAKEN})
        and not exists (select 1 from audit_entry a where a.tenant = e.tenant and a.effect_id = e.id
            and a.action = 'alert' and (a.status = 'needs_human') = (e.state = 'needs_human')
            and (a.status = 'parked') = (e.state = 'parked'))
    order by e.id
"""  # noqa: S608 - put together from constants
