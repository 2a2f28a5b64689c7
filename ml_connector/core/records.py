"""What travels between the rooms: records from a source, intents for a destination, and what became of them.

Reprs are masked: a body that is printed by accident (an exception, a log line, Prefect) shows its key only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

Body = dict[str, Any]


class State(StrEnum):
    """What may be said of an effect.

    ``planned``, then ``sending``, committed before the first byte leaves, then ``applied``, which is final. A process
    that dies in ``sending``, or an answer that never comes, leaves it ``ambiguous``: it is probed, and then it is
    ``applied`` or waits (``retry_wait``) to be sent again. With nothing sent it ends ``unchanged``, ``rejected``,
    ``superseded`` (a newer version of the object is there) or ``digested`` (one message tells it with others); it waits
    ``parked`` for a record that it belongs to, ``held`` for the tenant's policy, ``needs_human`` for a person, who may
    let it be ``abandoned``.
    """

    PLANNED = "planned"
    SENDING = "sending"
    AMBIGUOUS = "ambiguous"
    RETRY_WAIT = "retry_wait"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    NEEDS_HUMAN = "needs_human"
    PARKED = "parked"
    HELD = "held"
    DIGESTED = "digested"
    ABANDONED = "abandoned"


@dataclass(slots=True, frozen=True)
class Window:
    """The half-open span ``(lo, hi]`` of source time that a run reads; ``lo`` None means from the beginning."""

    lo: datetime | None
    hi: datetime


@dataclass(slots=True, frozen=True)
class SourceRecord:
    """One record as the source gave it.

    ``modified_at`` is the source's own modification time in UTC, or None where the source has none (balances):
    then the content alone tells versions apart. ``number`` is what people call it, where that is not its id.
    """

    source_id: str
    modified_at: datetime | None
    body: Body = field(repr=False)
    number: str | None = None
    version: str | None = None
    """What tells two versions of one time apart, where their content does not: of a completed task it is the completion
    alone, whatever somebody writes on the task later."""
    later: bool = False
    """It counts as another version of what the ledger knows, and not as the first one: where a source cannot tell if it
    has become so in the window or was so before the stream began."""
    record: str | None = None
    """The record's own id, where its ``source_id`` is that of one of its messages (`routing`)."""


@dataclass(slots=True)
class Page:
    """One answer of a source. ``cursor`` resumes the read right behind this page (JSON text, opaque to the core)."""

    records: list[SourceRecord] = field(repr=False)
    cursor: str
    request_id: str | None = None
    untold: Sequence[str] = ()
    """Source ids of objects that are there, of which the source could not tell what they are."""


class Source(Protocol):
    """One stream of one system that can be read."""

    system: str
    operation: str
    """Transport, resource and API version, for the audit: ``REST hubOrganizations 11.13.18.05``."""
    windowed: bool
    """True where the source filters by modification time; False where each read is a full one."""
    continues: bool
    """True where a window is read from behind the last cursor of the one before, not from its beginning."""

    async def clock(self) -> datetime:
        """The source's own time, UTC."""
        ...

    def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """All records of the window, in a deterministic order, from behind ``cursor`` on.

        A page may be empty where the source has moved its cursor and has nothing for us.
        """
        ...


@runtime_checkable
class ReadsNew(Source, Protocol):
    """A stream that can also be read by creation time."""

    def new_only(self) -> Source:
        """The same, of what was created in a window; each object has one version, whatever becomes of it."""
        ...


@runtime_checkable
class Snapshot(Source, Protocol):
    """A stream of which each read tells of all objects that there is something to tell of: what it does not tell of any
    more has gone."""

    def absent(self, source_id: str, before: Body) -> Body | None:
        """What there is to tell of an object that has gone, such as a sum of nothing; None: what was told last holds.

        ``before``: what was told last, empty if that is not stored any more.
        """
        ...


@runtime_checkable
class LookupSource(Source, Protocol):
    """A stream of which single objects can be read."""

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        """Those of the objects that exist, as they are now, the same as ``read`` would give them."""
        ...


@runtime_checkable
class EventSource(LookupSource, Protocol):
    """A stream whose objects the vendor also tells of, by webhook."""

    objects: str
    """What the vendor's events call them: ``ticket``. Events of other objects do not come."""

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:
        """Whether an event is about an object of this stream, and not about a change that we made ourselves."""
        ...


class Resend(StrEnum):
    """Whether what was applied may be sent once more."""

    FREELY = "freely"
    """An upsert: any replay does it."""
    ON_REQUEST = "on request"
    """It would stand there twice (a message, a note): only a replay that asks for it, with a reason."""
    NEVER = "never"
    """A journal."""


@dataclass(slots=True)
class Intent:
    """A mapped record that waits to be sent."""

    effect_id: UUID
    source_id: str
    payload: Body = field(repr=False)
    dest_id: str | None
    """The destination's id of this object, where it is known from the link table."""
    force: bool = False
    """A replay: send it even if the destination already holds the same."""


@dataclass(slots=True)
class Decision:
    """What the destination's connector makes of an intent after looking, and before anything is written.

    ``state`` None: send ``request``. UNCHANGED, REJECTED, PARKED or HELD: nothing is sent, ``reason`` says why.
    ``request`` is stored encrypted before it is sent; a probe after a crash compares the destination with it, so it
    must hold all that the connector needs to send or to probe.
    """

    effect_id: UUID
    source_id: str
    action: str
    """``create`` or ``update`` (or what the destination calls it), for the audit."""
    request: Body = field(repr=False, default_factory=dict)
    dest_id: str | None = None
    state: State | None = None
    reason: str | None = None
    changed: tuple[str, ...] = ()
    """Names of the fields that would change; filled in a preview, names only."""
    attempts: int = 0
    """How often it has been sent before, and did not get through; in a probe, how often with the one in doubt."""
    serial: str | None = None
    """What it shares with others, whatever records they are of: of those with one serial only one may be on its way or
    in doubt, or wait for a person. The others stay planned, and are decided anew when it is settled."""


@dataclass(slots=True)
class Outcome:
    """What became of one decision.

    ``state``: APPLIED, UNCHANGED, REJECTED, PARKED, RETRY_WAIT (certainly not applied), AMBIGUOUS (unknown),
    NEEDS_HUMAN, or ABANDONED where the connection says that what is unclear is given up. ``reason`` names fields and
    the vendor's error code, never a value. ``retry_after``: seconds until it is looked at again; of what is AMBIGUOUS,
    at least the destination's ``settle_seconds``.
    """

    effect_id: UUID
    state: State
    action: str = ""
    dest_id: str | None = None
    reason: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    answer: Body | None = field(default=None, repr=False)
    """What the destination had to say that a person may want to read; kept encrypted beside the request."""


class Destination(Protocol):
    """One kind of object of one system that can be written."""

    system: str
    operation: str
    resend: Resend
    settle_seconds: float
    """How long a write may stay invisible to a read; a probe that finds nothing earlier proves nothing."""

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        """Look, and say per intent what will be written. Only reads. One decision per intent, in order."""
        ...

    def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Write. Yields outcomes as soon as they are known; every decision gets exactly one.

        Before a write that may be a second one there may be an AMBIGUOUS outcome besides: who asks for the next
        outcomes has written it down.
        """
        ...

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """After an unclear outcome: look whether the write happened. APPLIED, RETRY_WAIT (it did not) or AMBIGUOUS."""
        ...


@runtime_checkable
class Messenger(Destination, Protocol):
    """A destination of messages, which go to channels."""

    def totals(self, payload: Body) -> list[tuple[str, Decimal]]:
        """The amounts that a message tells, by currency."""
        ...

    def digest(self, stream: str, payloads: Sequence[Body]) -> Body:
        """The payload of one message that stands for these, which are all for one channel."""
        ...

    def shown(self, payload: Body) -> tuple[str, Body]:
        """A message as a person would roughly see it, as text, and as the vendor is sent it."""
        ...
