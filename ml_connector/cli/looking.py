"""The commands that show what is and what was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ml_connector.cli.options import KEY, Bodies, Failed, Format, Record, Since, Stream, Streams, Tenant, do


class _ShowByDefault(TyperGroup):
    """``audit acme --state rejected`` is ``audit show acme --state rejected``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


commands = typer.Typer()
audit_app = typer.Typer(no_args_is_help=True, help="What happened to records.", cls=_ShowByDefault)
map_app = typer.Typer(no_args_is_help=True, help="The mappings.")
route_app = typer.Typer(no_args_is_help=True, help="The routing of messages.")
message_app = typer.Typer(no_args_is_help=True, help="Messages.")
for name, group in {"audit": audit_app, "map": map_app, "route": route_app, "message": message_app}.items():
    commands.add_typer(group, name=name)


@commands.command()
def runs(tenant: Tenant, failed: Failed = False) -> None:
    """The latest runs of a tenant, with what became of their records."""
    from ml_connector.cli.runs import runs as work

    do(work(tenant, failed=failed))


@commands.command()
def events(
    tenant: Tenant,
    state: Annotated[str | None, typer.Option(help="pending, rejected or done; all but done if none")] = None,
    since: Since = None,
    record: Annotated[str | None, typer.Option(help="Id of the object that they tell of, such as a ticket's")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Let those of the list that were rejected or put off come again")
    ] = False,
    form: Annotated[Format, typer.Option("--format")] = "table",
) -> None:
    """What vendors have told by webhook, and what became of it."""
    from ml_connector.cli.events import show

    do(show(tenant, state=state, since=since, record=record, again=again, form=form))


@commands.command()
def preview(
    tenant: Tenant,
    integration: Annotated[str, typer.Argument(help="Such as oracle_zendesk")],
    streams: Streams = None,
    run: Annotated[str | None, typer.Option("--run", help="The stored records of this run instead of new ones")] = None,
    bodies: Bodies = False,
) -> None:
    """Show which fields of which records a run would write. Nothing is written."""
    from ml_connector.cli.preview import preview as work

    do(work(tenant, integration, streams, run, bodies=bodies))


@audit_app.command("show")
def audit_show(
    tenant: Tenant,
    record: Annotated[str | None, typer.Option("--record", "--customer", help=KEY)] = None,
    run: Annotated[str | None, typer.Option(help="Id of a run, ours or Prefect's")] = None,
    state: Annotated[str | None, typer.Option(help="Such as rejected, applied, ambiguous")] = None,
    since: Since = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what went wrong, and what nothing has followed")
    ] = False,
    form: Annotated[Format, typer.Option("--format")] = "table",
    bodies: Bodies = False,
) -> None:
    """What happened to a tenant's records. `ml-connector audit TENANT` is short for this."""
    from ml_connector.cli.audit import show

    do(show(tenant, record=record, run=run, state=state, since=since, failed=failed, form=form, bodies=bodies))


@audit_app.command("verify")
def audit_verify(tenant: Tenant) -> None:
    """Recompute the chain of hashes from the stored entries: whether any was altered, removed or added."""
    from ml_connector.cli.audit import verify

    do(verify(tenant))


@map_app.command("check")
def map_check(tenant: Annotated[str | None, typer.Argument(help="Only this tenant")] = None) -> None:
    """Compile every mapping of every tenant against the models of its two systems. Needs no database."""
    from ml_connector.cli.map_check import check

    do(check(tenant))


@route_app.command("test")
def route_test(tenant: Tenant, stream: Stream, record: Record) -> None:
    """Say where a message about a record would go now, and which rule says so. Nothing is sent."""
    from ml_connector.cli.route import test as work

    do(work(tenant, stream, record))


@message_app.command("preview")
def message_preview(
    tenant: Tenant,
    stream: Stream,
    record: Record,
    json: Annotated[Path | None, typer.Option("--json", help="A file for the message as it would be sent")] = None,
) -> None:
    """Show the message about a record, for those who may see its values. Nothing is sent."""
    from ml_connector.cli.route import preview as work

    do(work(tenant, stream, record, json))


@commands.command()
def doctor() -> None:
    """Look at everything that must be in order, and say what to do where it is not."""
    from ml_connector.cli.doctor import doctor as work

    do(work())
