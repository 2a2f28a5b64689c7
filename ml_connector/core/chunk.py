"""A chunk of records on its way: what one task works on.

A plain ``__slots__`` class on purpose: Prefect walks lists, dicts, dataclasses and models that are task arguments
(300 ms for 500 records), and looks into nothing here. The repr shows counts only.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ml_connector.core.records import Body, State


class Item:
    """One effect with what is needed to move it: its row of the ledger, its source body, and what became of both."""

    __slots__ = (
        "attempts",
        "body",
        "body_of",
        "context",
        "crashes",
        "dest_id",
        "effect_id",
        "generation",
        "payload",
        "payload_hash",
        "refusal",
        "request",
        "source_id",
        "state",
        "version_at",
    )

    def __init__(
        self,
        effect_id: UUID,
        source_id: str,
        version_at: datetime,
        body: Body,
        *,
        body_of: UUID | None = None,
        generation: int = 0,
        state: State = State.PLANNED,
        attempts: int = 0,
        dest_id: str | None = None,
        request: Body | None = None,
        crashes: int = 0,
    ) -> None:
        self.effect_id = effect_id
        self.source_id = source_id
        self.version_at = version_at
        self.body = body
        self.body_of = body_of or effect_id
        self.generation = generation
        self.state = state
        self.attempts = attempts
        self.dest_id = dest_id
        self.request = request
        """The request of the last attempt, for a probe."""
        self.crashes = crashes
        """How many of the attempts have ended without a word of what became of it."""
        self.context: Body = {}
        """What mapping and routing see beside the body."""
        self.payload: Body | None = None
        self.payload_hash: bytes | None = None
        self.refusal: tuple[State, str] | None = None
        """Set by the mapping when the record is not to be sent: the state that it takes, and why."""

    def __repr__(self) -> str:
        return f"<Item {self.source_id} {self.state}>"


class Chunk:
    """The open effects of one batch."""

    __slots__ = ("batch_id", "items")

    def __init__(self, batch_id: UUID, items: list[Item]) -> None:
        self.batch_id = batch_id
        self.items = items

    @classmethod
    def empty(cls) -> Chunk:
        """No batch: what was read was known already."""
        return cls(UUID(int=0), [])

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<Chunk {self.batch_id} of {len(self.items)} records>"
