"""Watching a flow run until it has ended."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterType
from prefect.client.schemas.objects import State
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ml_connector.cli import console

EVERY = 0.5
"""Seconds between two looks."""


async def follow(client: PrefectClient, flow_run_id: UUID, *, label: str) -> State[Any]:
    """Show the run's state and progress until it has ended; returns its last state."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    silent = not console.err.is_terminal
    with Progress(*columns, console=console.err, transient=True, disable=silent) as shown:
        bar = shown.add_task(label, total=None)
        while True:
            state = (await client.read_flow_run(flow_run_id)).state
            if state is not None and state.is_final():
                return state
            share = await _progress(client, flow_run_id)
            name = state.name if state is not None else "Pending"
            shown.update(bar, description=f"{label}: {name}", total=100 if share else None, completed=share or 0)
            await asyncio.sleep(EVERY)


async def _progress(client: PrefectClient, flow_run_id: UUID) -> float | None:
    """Percent of the run's own progress artifact; None before there is one."""
    found = await client.read_artifacts(
        artifact_filter=ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]), type=ArtifactFilterType(any_=["progress"])
        ),
        limit=1,
    )
    return float(str(found[0].data)) if found else None
