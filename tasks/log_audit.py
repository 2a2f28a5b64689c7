"""Log audit: balance the run from the ledger, write down how it ended, and show it.

The audit entries themselves were written with each transition; here is only what people look at.
"""

from __future__ import annotations

from collections.abc import Sequence

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.context import FlowRunContext

from ml_connector.core import runs
from ml_connector.core.alarms import TRIES, Alarm, untold
from ml_connector.core.balance import Balance, Noted, balance, noted, noted_before, seen_before
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.parking import OVERDUE
from ml_connector.core.records import Resend, Snapshot, State
from ml_connector.core.selection import overtaken
from ml_connector.core.states import FAILED
from tasks.alerts import NAMED, records_need_a_person
from tasks.running import OpenRun
from tasks.stream import Stream
from tasks.verb import verb

SHOWN = 100
"""Records per artifact; all of them are in `ml-connector audit --run`."""
_ROUTED = ". A record counts once for each channel that a rule may send it to; a digest is told beside its records."


@verb()
async def log_audit(run: OpenRun) -> str | None:
    """Returns why the run failed, or None when it completed."""
    balances = [await balance(run.db, run.tenant, run.run.id, stream.route.key) for stream in run.streams]
    run.failures += [failure for stream in run.streams for failure in stream.odd]
    run.failures += [problem for found in balances for problem in await _problems(run, found)]
    await _show(run, balances, run.failures, [await _tell(run, stream) for stream in run.streams])
    reason = "; ".join(run.failures) or None
    streams = [stream.route.key for stream in run.streams]
    outcome: runs.Outcome = "failed" if run.failures else "completed"
    await runs.finish(run.db, run.tenant, run.lease, streams, run.run, outcome, reason)
    crashpoint("run.finished")
    return reason


async def _problems(run: OpenRun, found: Balance) -> list[str]:
    share, least = run.reject_limit
    problems = [found.problem] if found.problem else []
    if found.rejected >= least and found.rejected > share * found.read:
        problems.append(
            f"{found.stream}: {found.rejected} of {found.read} records were rejected, more than the tenant's limit of "
            f"{share:.0%}; the reasons are in the artifact `rejected` and in `ml-connector audit {run.tenant}`"
        )
    if found.fetched == 0 and found.complete and run.run.mode == "sync":
        route = _stream(run, found.stream).route
        full = not route.source.windowed or (route.lookback is None and route.start_from is None)
        full = full and not isinstance(route.source, Snapshot)  # of which all may have gone; see `absent`
        if full and await seen_before(run.db, run.tenant, run.run.id, found.stream):
            problems.append(
                f"{found.stream}: the source had no records at all, though it had before; check the data access of "
                f"the integration user (`ml-connector ping {run.tenant}`)"
            )
    return problems


async def _tell(run: OpenRun, stream: Stream) -> list[Alarm]:
    """Tell a person of records that the runs cannot bring to an end by themselves, each of them once."""
    alarms = await untold(run.db, run.tenant, stream.route.key)
    if alarms and await records_need_a_person(run.tenant, stream.route.key, alarms):
        await stream.ledger.told(alarms)  # a process that dies before this tells again
    return alarms


def _stream(run: OpenRun, key: str) -> Stream:
    return next(stream for stream in run.streams if stream.route.key == key)


async def _show(
    run: OpenRun, balances: Sequence[Balance], problems: Sequence[str], alarms: Sequence[Sequence[Alarm]]
) -> None:
    if FlowRunContext.get() is None:
        return
    await acreate_table_artifact(
        key=f"{run.tenant}-{run.integration}-balance".replace("_", "-"),
        description=f"{run.run.mode}, attempt {run.run.attempt}: "
        + ("; ".join(problems) or "every record accounted for")
        + "".join([await _left_out(run, stream) for stream in run.streams])
        + (_ROUTED if any(stream.route.routing for stream in run.streams) else ""),
        table=[_row(found) for found in balances],
    )
    written = await noted(run.db, run.tenant, run.run.id, (State.APPLIED,), SHOWN)
    there = [record for stream in run.streams for record in await _there_before(run, stream)]
    await acreate_table_artifact(
        key=f"{run.tenant}-{run.integration}-records".replace("_", "-"),
        description=f"The first {SHOWN} records that were written"
        + (
            f", and {len(there)} that an earlier attempt has written and this one does not write again" if there else ""
        ),
        table=[_link(run, record) for record in (*written, *there)],
    )
    refused = (*FAILED, State.HELD)
    waiting = await noted(run.db, run.tenant, run.run.id, refused, SHOWN)
    if waiting or any(alarms):
        await acreate_markdown_artifact(
            key=f"{run.tenant}-{run.integration}-rejected".replace("_", "-"),
            description="Records that were not written, and why",
            markdown="\n".join([*_told(run, alarms), _explain(run, waiting)]),
        )


async def _left_out(run: OpenRun, stream: Stream) -> str:
    """What a replay of a run does not take up."""
    count = await overtaken(run.db, run.tenant, stream.route.key, stream.selection) if stream.selection else 0
    return f"; left out of {stream.route.key}: {count} that a later run has overtaken" if count else ""


async def _there_before(run: OpenRun, stream: Stream) -> list[Noted]:
    """After a Retry on a completed run: what it has posted, where nothing is posted twice."""
    if run.run.mode != "replay" or stream.route.destination.resend is Resend.FREELY:
        return []
    return await noted_before(run.db, run.tenant, run.run, stream.route.key, SHOWN)


def _row(found: Balance) -> dict[str, object]:
    return {
        "stream": found.stream,
        "fetched": found.fetched,
        "known": found.known,
        "read": found.read,
        "created": found.created,
        "updated": found.updated,
        "unchanged": found.unchanged,
        "digested": found.digested,
        "rejected": found.rejected,
        "superseded": found.superseded,
        "open": found.open,
    }


def _link(run: OpenRun, record: Noted) -> dict[str, object]:
    address = _stream(run, record.stream).route.address(record.dest_id) if record.dest_id else None
    return {
        "stream": record.stream,
        "source id": record.source_id,
        "action": record.action,
        "destination": f"[{record.dest_id}]({address})" if address else record.dest_id,
    }


def _told(run: OpenRun, alarms: Sequence[Sequence[Alarm]]) -> list[str]:
    """A line for each stream with records, of this run or of earlier ones, that somebody was now told of."""
    lines = []
    for stream, of_stream in zip(run.streams, alarms, strict=True):
        for reason, concerned in (
            (
                f"have failed {TRIES} times and stay open",
                [alarm for alarm in of_stream if not alarm.undecided and not alarm.waiting],
            ),
            ("need a decision", [alarm for alarm in of_stream if alarm.undecided]),
            (f"wait for {OVERDUE.days} days for another record", [alarm for alarm in of_stream if alarm.waiting]),
        ):
            if concerned:
                named = ", ".join(alarm.source_id for alarm in concerned[:NAMED])
                lines += [f"**Alert**: {len(concerned)} records of {stream.route.key} {reason}: {named}", ""]
    return lines


def _explain(run: OpenRun, records: Sequence[Noted]) -> str:
    lines = [
        "| stream | record | state | reason |",
        "|---|---|---|---|",
        *[f"| {r.stream} | {r.source_id} | {r.state} | {(r.reason or '').replace('|', '/')} |" for r in records],
        "",
    ]
    advice = (
        "Mend the record in the ERP, and the next run brings it. Mend the mapping, and Retry on this run sends its "
        f"records again. History of one record: `ml-connector audit {run.tenant} --record ID`."
    )
    return "\n".join([*lines, advice])
