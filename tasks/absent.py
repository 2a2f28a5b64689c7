"""Absent: what a full read tells of no more gets the figures of an object of which there is nothing to tell.

A read may also be short without a word: a role lost its data access, a page was capped. So when too many objects are
gone at once none of it is taken for true.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from ml_connector.core import presence, watermarks
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.ids import uuid7
from ml_connector.core.records import Snapshot, SourceRecord
from tasks.running import OpenRun
from tasks.stream import Stream
from tasks.verb import verb

AT_ONCE = 2_500
"""Records."""


async def is_plausible(run: OpenRun, stream: Stream) -> bool:
    """False, and the run fails, if the read that has just ended lacks more objects than can have gone."""
    if run.run.mode == "replay" or not isinstance(stream.route.source, Snapshot):
        return True
    key, limit = stream.route.key, run.absence_threshold
    found = await presence.absence(run.db, run.tenant, key, run.run.id)
    if not found.is_doubtful(limit.share, limit.minimum):
        return True
    run.failures.append(
        f"{key}: {found.absent} of {found.known} records that were there before are missing from what the source "
        f"tells, more than the tenant's absence_threshold of {limit.share:.0%}: none of them was emptied. Check the "
        f"data access of the integration user (`ml-connector ping {run.tenant}`): the next run, or Retry, reads it all "
        f"again. If they have really gone, raise the threshold for that run in integrations.{key.partition('/')[0]}"
    )
    await watermarks.begin_again(run.db, run.tenant, run.lease, run.run.id, key)
    return False


async def absent(run: OpenRun, stream: Stream, moment: datetime) -> AsyncIterator[Chunk]:
    """The chunks of what is told of no more, planned like anything that was read at ``moment``."""
    if run.run.mode == "replay" or not isinstance(stream.route.source, Snapshot):
        return
    while not run.stopped:
        found = await presence.absence(run.db, run.tenant, stream.route.key, run.run.id)
        if not found.absent:
            return
        chunk = await empty_absent(stream, moment)
        if chunk.items:
            yield chunk


@verb()
async def empty_absent(stream: Stream, moment: datetime) -> Chunk:
    """Enter in the ledger, of the next objects, that nothing is left of them; what it says already is only counted."""
    source, run_id = stream.route.source, stream.run.id
    assert isinstance(source, Snapshot)  # noqa: S101 - asked by who has one
    source_ids = await presence.absent(stream.db, stream.tenant, stream.route.key, run_id, AT_ONCE)
    gone = [Item(uuid7(), source_id, moment, {}) for source_id in source_ids]
    before = await stream.ledger.known_before(gone, {})
    told = [(one.source_id, source.absent(one.source_id, before.get(one.effect_id, {}))) for one in gone]
    records = [SourceRecord(source_id, None, body) for source_id, body in told if body is not None]
    chunk = await stream.planning.plan(records, moment=moment, cursor=None, only_changed=True, absent=source_ids)
    return chunk or Chunk.empty()
