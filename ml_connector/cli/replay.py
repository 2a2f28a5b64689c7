"""``replay``: start the replay flow of a tenant, and follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterType

from ml_connector.cli import console
from ml_connector.cli.person import whoami
from ml_connector.cli.prefect_api import prefect_api
from ml_connector.cli.rows import span
from ml_connector.cli.run import start, wait_for
from ml_connector.core import jsonx
from ml_connector.core.errors import Misconfigured

FLOW = "replay"


async def replay(
    tenant: str,
    *,
    run: str | None,
    records: Sequence[str],
    states: Sequence[str],
    since: str | None,
    until: str | None,
    streams: str | None,
    resend: bool,
    reason: str,
    preview: bool,
) -> int:
    """Start the replay and wait until it has ended; its table is shown. The exit code is 1 if it did not complete."""
    asked: Mapping[str, Any] = {
        "run_id": run,
        "record_keys": list(records) or None,
        "states": list(states) or None,
        "since": _moment(since, "--since"),
        "until": _moment(until, "--until"),
        "streams": streams.split(",") if streams else None,
    }
    if not any(asked.values()):
        raise Misconfigured("nothing is selected: give --run, --record, --state, --since or --until")
    if resend and not reason.strip():
        raise Misconfigured("--resend needs a --reason: what was sent already will stand there twice")
    mode = "preview" if preview else "replay"
    async with prefect_api() as client:
        parameters = {**asked, "resend": resend, "reason": reason, "actor": whoami(), "mode": mode}
        started = await start(client, tenant, FLOW, parameters)
        code = await wait_for(client, started)
        await _show(client, started.id)
    return code


def _moment(text: str | None, option: str) -> str | None:
    """A day, a moment, or how far back."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        back = span(text, f"{option}, where it is no date,")
        assert back is not None  # noqa: S101 - there is a text
        moment = datetime.now(UTC) - back
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


async def _show(client: PrefectClient, flow_run_id: UUID) -> None:
    """Print what the run shows of itself: the records of a preview, or the balance of a replay; if there is one."""
    found = await client.read_artifacts(
        artifact_filter=ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]), type=ArtifactFilterType(any_=["table"])
        )
    )
    tables = {(one.key or "").rpartition("-")[2]: one for one in found}
    table = tables.get("preview") or tables.get("balance")
    if table is None:
        return
    rows: Any = jsonx.loads(table.data.encode()) if isinstance(table.data, str) else table.data
    for row in rows:
        told = [f"{key}={value}" for key, value in row.items() if value not in ("", 0, None)]
        console.out.print(" ".join(told), markup=False, highlight=False)
    console.out.print(table.description, markup=False, highlight=False)
