"""Replay: records of a tenant are mapped again from their stored bodies, with the mapping of today, and sent again.

Entrypoint of the deployments `replay/<tenant>`; see prefect.yaml.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from prefect import flow

from ml_connector.core.lease import LeaseTaken
from ml_connector.core.selection import Selection
from tasks.chunks import everything
from tasks.log_audit import log_audit
from tasks.names import replay_name
from tasks.progress import progress
from tasks.replay import open_replay, preview_replay, utc
from tasks.story import story
from tasks.transform import transform
from tasks.upsert import upsert

Integration = Literal["oracle_zendesk", "oracle_slack", "oracle_asana", "qad_zendesk", "workday_zendesk"]
StateName = Literal[
    "applied", "unchanged", "rejected", "superseded", "abandoned", "held", "needs_human", "parked", "retry_wait",
    "ambiguous", "digested",
]  # fmt: skip


# the form in the Prefect UI shows what stands under "Args"
@flow(name="replay", flow_run_name=replay_name, persist_result=False)
@story
async def replay(
    tenant: str,
    run_id: str | None = None,
    record_keys: list[str] | None = None,
    states: list[StateName] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    integration: Integration | None = None,
    streams: list[str] | None = None,
    resend: bool = False,
    reason: str = "",
    actor: str = "",
    mode: Literal["preview", "replay"] = "preview",
) -> str | None:
    """Take records up once more: first as a preview, which writes nothing; then start it again with mode=replay.

    Records that fit all that is given are taken up, each with its newest version only, and are sent even if nothing
    has changed. Without states those that are finished are, but not what a person has abandoned. What is still on its
    way (parked, retry_wait, ambiguous) is not entered anew: the replay takes it up where it stands, with all that is
    unfinished in the same streams, and an unclear outcome is probed, never sent on trust. What was held, or needs a
    human, is replaced by its replay. A note, an attachment or a message that may stand there already is left out
    unless resend is set; of a journal nothing is ever sent twice. Retry continues a replay that failed; on one that
    completed it sends its records again, without resend.

    Args:
        tenant: Name of the tenant.
        run_id: All records of this run, by its id in Prefect or in `ml-connector audit`.
        record_keys: Ids at the source or the destination, or the numbers that people know (PartyNumber).
        states: Records that are in one of these states now.
        since: Records that were last moved at this moment or later.
        until: Records that were last moved before this moment.
        integration: Only records of this integration.
        streams: Only records of these streams, such as organizations.
        resend: Send notes, attachments and messages a second time. Needs a reason.
        reason: Why; it stands in the audit.
        actor: Who asks; it stands in the audit. Prefect itself does not know its users.
        mode: First preview, which lists the records and the fields that would change in an artifact; then replay.
    """
    keys = tuple(record_keys) if record_keys else None
    selection = Selection(
        keys=keys, since=utc(since), until=utc(until), states=tuple(states) if states else None, resend=resend,
        actor=actor.strip() or None, reason=reason,
    )  # fmt: skip
    if mode == "preview":
        await preview_replay(tenant, selection, run_id, integration, streams)
        return None
    try:
        async with open_replay(tenant, selection, run_id, integration, streams) as run, progress(run):
            async for stream, chunk in everything(run):
                with run.tolerating(chunk):
                    await upsert(stream, await transform(stream, chunk))
            return await log_audit(run)
    except LeaseTaken as taken:
        return str(taken)  # a person has asked for it: it is not skipped
