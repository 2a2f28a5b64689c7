"""The commands that make records move, stop or go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ml_connector.cli.options import KEY, Reason, Streams, Tenant, do

commands = typer.Typer()


@commands.command()
def run(
    tenant: Tenant,
    flow: Annotated[str, typer.Argument(help="Name of a flow, such as oracle-zendesk-sync-customers")],
    streams: Streams = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the run has ended")] = False,
) -> None:
    """Start a run now."""
    from ml_connector.cli.run import run as work

    do(work(tenant, flow, streams, wait=wait))


@commands.command()
def retry(flow_run: Annotated[str, typer.Argument(help="Id of a flow run, as in its address in the UI")]) -> None:
    """Do what the UI's Retry does: continue a failed run, or replay a completed one."""
    from ml_connector.cli.run import retry as work

    do(work(flow_run))


@commands.command()
def replay(
    tenant: Tenant,
    run: Annotated[str | None, typer.Option(help="All records of this run, by our id or Prefect's")] = None,
    record: Annotated[list[str] | None, typer.Option("--record", "--customer", help=KEY)] = None,
    state: Annotated[list[str] | None, typer.Option(help="Such as rejected; several times for several")] = None,
    since: Annotated[
        str | None, typer.Option(help="Last moved then or later: 2026-11-21, 2026-11-21T08:00Z, 2h")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Last moved before then")] = None,
    streams: Streams = None,
    resend: Annotated[bool, typer.Option("--resend", help="Notes and messages a second time, too")] = False,
    reason: Reason = "",
    preview: Annotated[bool, typer.Option("--preview", help="Write nothing; list records and fields")] = False,
) -> None:
    """Take records up once more: mapped again with the mapping of today, and sent even if nothing has changed."""
    from ml_connector.cli.replay import replay as work

    do(
        work(
            tenant, run=run, records=record or [], states=state or [], since=since, until=until, streams=streams,
            resend=resend, reason=reason, preview=preview,
        )
    )  # fmt: skip


@commands.command()
def resolve(
    tenant: Tenant,
    key: Annotated[str, typer.Argument(help=f"{KEY}; or the id of an effect")],
    verdict: Annotated[Literal["applied", "not-applied", "abandon"], typer.Argument(help="What is true of it")],
    reason: Reason = "",
) -> None:
    """Say what became of a record, where nobody else can: the way out of needs_human, held and ambiguous."""
    from ml_connector.cli.resolve import resolve as work

    do(work(tenant, key, verdict, reason))


@commands.command()
def reconcile(
    tenant: Tenant,
    period: Annotated[str, typer.Option(help="A month: the accounting period that holds its middle, such as 2026-10")],
    csv: Annotated[Path | None, typer.Option("--csv", help="A file for all of it, besides")] = None,
) -> None:
    """Compare completed tasks, journal batches and purchase orders of a month. Exit code 1 if something differs."""
    from ml_connector.cli.reconcile import reconcile as work

    do(work(tenant, period, csv))


@commands.command()
def prune(tenant: Annotated[str | None, typer.Argument(help="Only this tenant")] = None) -> None:
    """Delete bodies and events that were kept for as long as ML_CONNECTOR_KEEP_DAYS says. A flow does so daily."""
    from ml_connector.cli.retention import prune as work

    do(work(tenant))


@commands.command()
def erase(
    tenant: Tenant,
    record: Annotated[str, typer.Option("--record", "--customer", help=KEY)],
    reason: Reason = "",
) -> None:
    """Delete every stored body of a record. Its audit entries stay, which hold no values."""
    from ml_connector.cli.retention import erase as work

    do(work(tenant, record, reason))
