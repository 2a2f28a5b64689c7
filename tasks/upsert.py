"""Upsert: bring the destination in line, once per effect, whatever happens on the way."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from math import ceil
from typing import TypeVar

from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import UNREACHABLE
from ml_connector.core.errors import AbortRun, RejectRecord
from ml_connector.core.ledger import CLAIMED
from ml_connector.core.records import Decision, Intent, Outcome, Resend, State
from ml_connector.core.states import CLAIMABLE
from tasks.apart import apart, why
from tasks.resolve import resolve
from tasks.routed import digested
from tasks.stream import Stream
from tasks.verb import verb

SETTLE_AT = 1_000
"""Outcomes are written down in groups of about this many, as soon as they are known."""
SETTLE_EVERY = 5.0
"""Seconds after which they are, however few: some destinations take one write a second."""
PUT_OFF = 300.0
"""Seconds until a record is asked about again that could not be asked about; longer than a run waits for anything."""
AT_RISK = 4
"""Effects that are claimed at once where none may ever be sent twice: what a crash finds claimed is in doubt, and the
doubt may take a person. Their outcomes are written down one by one."""

FORGIVEN = 2
"""Attempts that ended without a word of what became of it, after which a record is a suspect."""
PARTS = 8
"""Groups in which suspects are sent. Of those that can be sent only who is in a group with one that cannot is left."""
VAIN = 3
"""Groups in a row that fail: then no record is to blame. Where none may be sent twice the first one is enough."""

T = TypeVar("T", Item, Intent, Decision)
R = TypeVar("R")
P = TypeVar("P", Item, Decision)


@verb()
async def upsert(stream: Stream, chunk: Chunk) -> int:
    """Probe what is in doubt, then send what is open. Returns how many records were settled."""
    before = stream.settled
    await _probe(stream, chunk)
    await _settle(stream, _refused(chunk))
    await _in_turn(stream, chunk, _open(chunk))
    await stream.ledger.close([chunk.batch_id])
    return stream.settled - before


async def _in_turn(stream: Stream, chunk: Chunk, items: Sequence[Item]) -> None:
    """Bring all together, in their order; then the suspects, with fewer of them each time, in the end alone.

    So one record for whose sake the sending itself fails brings nothing that is new into doubt, and does not keep its
    chunk there. Raises the first failure when the others are brought, or when several in a row have failed.
    """
    vain = 1 if stream.route.destination.resend is Resend.NEVER else VAIN
    others = [item for item in items if item.crashes <= FORGIVEN]
    suspects = sorted((item for item in items if item.crashes > FORGIVEN), key=lambda item: item.crashes)
    failed: list[Exception] = []
    in_a_row = 0
    for group in [*_parts(others, len(others)), *_parts(suspects, ceil(len(suspects) / PARTS))]:
        try:
            await _bring(stream, chunk, group)
        except (AbortRun, *UNREACHABLE):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it may be for one record's sake
            failed.append(error)
            in_a_row += 1
            if len(group) == 1:
                stream.odd.append(f"{stream.route.key}: sending {group[0].source_id} fails: {why(error)}")
            if in_a_row == vain:
                break
        else:
            in_a_row = 0
    if failed:
        raise failed[0]


async def _bring(stream: Stream, chunk: Chunk, items: Sequence[Item]) -> None:
    """Decide what is to be written, and write it. Decided late: what went before may have made what it belongs to."""
    looked = await _asked(stream, partial(_resolved, stream), items)
    decided = [one for one in looked if isinstance(one, Decision)]
    intents = await digested(stream, chunk, [one for one in looked if isinstance(one, Intent)])
    decided += await _asked(stream, stream.route.destination.decide, intents)
    await _settle(stream, [_as_outcome(d) for d in decided if d.state not in CLAIMED])
    stream.settled += sum(decision.state is State.UNCHANGED for decision in decided)
    never = stream.route.destination.resend is Resend.NEVER
    for group in _parts(decided, AT_RISK if never else len(decided)):
        await _send(stream, chunk, group, 1 if never else SETTLE_AT)


async def _resolved(stream: Stream, items: Sequence[Item]) -> list[Intent | Decision]:
    intents, decided = await resolve(stream.db, stream.tenant, stream.route, items)
    return [*intents, *decided]


async def _probe(stream: Stream, chunk: Chunk) -> None:
    doubtful = [item for item in chunk.items if item.state is State.AMBIGUOUS]
    if doubtful:
        asked = [
            Decision(i.effect_id, i.source_id, "", i.request or {}, i.dest_id, attempts=i.attempts) for i in doubtful
        ]
        outcomes = await _asked(stream, stream.route.destination.probe, asked, in_doubt=True)
        crashpoint("upsert.probed")
        await _settle(stream, outcomes)
        found = {outcome.effect_id: outcome.state for outcome in outcomes}
        for item in doubtful:
            item.state = found.get(item.effect_id, State.AMBIGUOUS)


async def _asked(
    stream: Stream,
    ask: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
    about: Sequence[T],
    *,
    in_doubt: bool = False,
) -> list[R]:
    """The answers. A record that cannot be asked about is rejected if it is refused, else put off, and the run fails.

    What is ``in_doubt`` stays so: it may stand at the destination.
    """
    found = await apart(ask, about)
    outcomes = []
    for one, error in found.odd:
        refused = isinstance(error, RejectRecord) and not in_doubt
        state = State.REJECTED if refused else State.AMBIGUOUS if in_doubt else State.RETRY_WAIT
        outcomes.append(Outcome(one.effect_id, state, reason=why(error), retry_after=None if refused else PUT_OFF))
        if not refused:
            stream.odd.append(f"{stream.route.key}: {one.source_id} was put off: {why(error)}")
    if found.left:
        stream.odd.append(f"{stream.route.key}: {found.left} records are asked about later, too many others failed")
    await _settle(stream, outcomes)
    return found.answers


async def _send(stream: Stream, chunk: Chunk, decided: Sequence[Decision], settle_at: int) -> None:
    hashes = {item.effect_id: item.payload_hash for item in chunk.items if item.payload_hash}
    ready = await stream.ledger.claim(decided, hashes)
    tried = {item.effect_id: item.attempts for item in chunk.items}
    for decision in ready:
        decision.attempts = tried[decision.effect_id]
    known: list[Outcome] = []
    settled = time.monotonic()
    try:
        async for outcomes in stream.route.destination.send(ready):
            crashpoint("upsert.sent")
            known += outcomes
            doubted = any(outcome.state is State.AMBIGUOUS for outcome in outcomes)
            if doubted or len(known) >= settle_at or time.monotonic() - settled > SETTLE_EVERY:
                await _settle(stream, known)
                known, settled = [], time.monotonic()
    finally:
        await _settle(stream, known)


async def _settle(stream: Stream, outcomes: Sequence[Outcome]) -> None:
    await stream.ledger.settle(outcomes, stream.route.destination.settle_seconds)
    stream.settled += len(outcomes)


def _parts(whole: Sequence[P], size: int) -> list[Sequence[P]]:
    return [whole[n : n + size] for n in range(0, len(whole), size or 1)]


def _open(chunk: Chunk) -> list[Item]:
    return [item for item in chunk.items if item.state in CLAIMABLE and item.refusal is None]


def _refused(chunk: Chunk) -> list[Outcome]:
    return [
        Outcome(item.effect_id, item.refusal[0], reason=item.refusal[1])
        for item in chunk.items
        if item.refusal is not None and item.state in CLAIMABLE
    ]


def _as_outcome(decision: Decision) -> Outcome:
    assert decision.state is not None  # noqa: S101 - the caller has left the others out
    return Outcome(decision.effect_id, decision.state, decision.action, decision.dest_id, decision.reason)
