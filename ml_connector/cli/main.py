"""The ``ml-connector`` command: what there is to type. Each command's work is in a module of its own.

Those modules are imported when their command runs: Prefect takes a second to import, and reads its settings then.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from ml_connector.cli import console, environment


class _ShowByDefault(TyperGroup):
    """``audit acme --state rejected`` is ``audit show acme --state rejected``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
secret_app = typer.Typer(no_args_is_help=True, help="The secrets of connections, kept encrypted in the database.")
audit_app = typer.Typer(no_args_is_help=True, help="What happened to records.", cls=_ShowByDefault)
map_app = typer.Typer(no_args_is_help=True, help="The mappings.")
db_app = typer.Typer(no_args_is_help=True, help="The database's tables.")
key_app = typer.Typer(no_args_is_help=True, help="Master keys.")
route_app = typer.Typer(no_args_is_help=True, help="The routing of messages.")
message_app = typer.Typer(no_args_is_help=True, help="Messages.")
for name, group in {
    "secret": secret_app, "audit": audit_app, "map": map_app, "db": db_app, "key": key_app, "route": route_app,
    "message": message_app,
}.items():  # fmt: skip
    app.add_typer(group, name=name)

Tenant = Annotated[str, typer.Argument(help="Name of a tenant: its file without .yaml")]
Streams = Annotated[str | None, typer.Option(help="Only these, separated by commas: organizations,users")]
Bodies = Annotated[bool, typer.Option("--bodies", help="Show the records' values too: only for those who may see them")]
_KEY = "Id of a record at the source or the destination, or the number that people know it by"
Stream = Annotated[str, typer.Argument(help="A stream of messages, such as invoices")]
Record = Annotated[str, typer.Argument(help="A record's id at the source, or its number if it was read before")]
Since = Annotated[str | None, typer.Option(help="How far back: 90s, 10m, 2h, 7d")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit")]
Format = Literal["table", "jsonl", "csv"]
Failed = Annotated[bool, typer.Option("--failed", help="Only those that failed")]
Once = Annotated[bool, typer.Option("--once", help="End by itself instead of staying up until Ctrl-C")]
Port = Annotated[int, typer.Option(help="Port of the Prefect server; a free one is taken if it is in use")]


@app.callback()
def _options(context: typer.Context) -> None:
    """Keeps ERP systems in step with the tools that teams live in."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # else Prefect's client tells its maker what we do
    if context.invoked_subcommand not in ("up", "demo"):  # these find their own addresses
        environment.take_over()


def _run(work: Coroutine[Any, Any, int | None]) -> None:
    """Do a command's work; its result is the exit code."""
    try:
        code = asyncio.run(work)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 - whatever it is, its traceback must not be shown
        code = console.complain(error)
    raise typer.Exit(code or 0)


@app.command()
def apply(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of tenant files, by default ML_CONNECTOR_TENANTS_DIR")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop")] = False,
) -> None:
    """Bring Prefect's deployments and the vendors' custom fields in step with the tenant files."""
    if folder is not None:
        os.environ["ML_CONNECTOR_TENANTS_DIR"] = str(folder.resolve())
    from ml_connector.cli.apply import apply as work

    _run(work(dry_run=dry_run))


@app.command()
def ping(tenant: Tenant) -> None:
    """Try every connection of a tenant for real, and say what is missing."""
    from ml_connector.cli.ping import ping as work

    _run(work(tenant))


@app.command()
def discover(
    connection: Annotated[str, typer.Argument(help="TENANT/CONNECTION, such as acme/qad", metavar="CONNECTION")],
) -> None:
    """Show what an instance has that can be read, as a proposal for the tenant file; for QAD."""
    from ml_connector.cli.discover import discover as work

    _run(work(connection))


@app.command()
def connect(
    connection: Annotated[str, typer.Argument(help="TENANT/CONNECTION, such as acme/zendesk", metavar="CONNECTION")],
) -> None:
    """Connect an account in a browser, through the receiver; for connections of type oauth_authorization_code."""
    from ml_connector.cli.connect import connect as work

    _run(work(connection))


@secret_app.command("set")
def secret_set(
    connection: Annotated[str, typer.Argument(help="TENANT/CONNECTION, such as acme/zendesk", metavar="CONNECTION")],
    name: Annotated[
        str, typer.Argument(help="client_secret, password, api_token, token, refresh_token or webhook_secret_app")
    ],
) -> None:
    """Store a secret, read from standard input or asked for."""
    from ml_connector.cli.secrets import set_secret

    _run(set_secret(connection, name))


@secret_app.command("list")
def secret_list() -> None:
    """Which secrets are stored, without their values."""
    from ml_connector.cli.secrets import list_secrets

    _run(list_secrets())


@app.command()
def run(
    tenant: Tenant,
    flow: Annotated[str, typer.Argument(help="Name of a flow, such as oracle-zendesk-sync-customers")],
    streams: Streams = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the run has ended")] = False,
) -> None:
    """Start a run now."""
    from ml_connector.cli.run import run as work

    _run(work(tenant, flow, streams, wait=wait))


@app.command()
def runs(tenant: Tenant, failed: Failed = False) -> None:
    """The latest runs of a tenant, with what became of their records."""
    from ml_connector.cli.runs import runs as work

    _run(work(tenant, failed=failed))


@app.command()
def retry(flow_run: Annotated[str, typer.Argument(help="Id of a flow run, as in its address in the UI")]) -> None:
    """Do what the UI's Retry does: continue a failed run, or replay a completed one."""
    from ml_connector.cli.run import retry as work

    _run(work(flow_run))


@app.command()
def replay(
    tenant: Tenant,
    run: Annotated[str | None, typer.Option(help="All records of this run, by our id or Prefect's")] = None,
    record: Annotated[list[str] | None, typer.Option("--record", "--customer", help=_KEY)] = None,
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

    _run(
        work(
            tenant, run=run, records=record or [], states=state or [], since=since, until=until, streams=streams,
            resend=resend, reason=reason, preview=preview,
        )
    )  # fmt: skip


@app.command()
def resolve(
    tenant: Tenant,
    key: Annotated[str, typer.Argument(help=f"{_KEY}; or the id of an effect")],
    verdict: Annotated[Literal["applied", "not-applied", "abandon"], typer.Argument(help="What is true of it")],
    reason: Reason = "",
) -> None:
    """Say what became of a record, where nobody else can: the way out of needs_human, held and ambiguous."""
    from ml_connector.cli.resolve import resolve as work

    _run(work(tenant, key, verdict, reason))


@app.command()
def reconcile(
    tenant: Tenant,
    period: Annotated[str, typer.Option(help="A month: the accounting period that holds its middle, such as 2026-10")],
    csv: Annotated[Path | None, typer.Option("--csv", help="A file for all of it, besides")] = None,
) -> None:
    """Compare completed tasks, journal batches and purchase orders of a month. Exit code 1 if something differs."""
    from ml_connector.cli.reconcile import reconcile as work

    _run(work(tenant, period, csv))


@app.command()
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

    _run(show(tenant, state=state, since=since, record=record, again=again, form=form))


@app.command()
def prune(tenant: Annotated[str | None, typer.Argument(help="Only this tenant")] = None) -> None:
    """Delete bodies and events that were kept for as long as ML_CONNECTOR_KEEP_DAYS says. A flow does so daily."""
    from ml_connector.cli.retention import prune as work

    _run(work(tenant))


@app.command()
def erase(
    tenant: Tenant,
    record: Annotated[str, typer.Option("--record", "--customer", help=_KEY)],
    reason: Reason = "",
) -> None:
    """Delete every stored body of a record. Its audit entries stay, which hold no values."""
    from ml_connector.cli.retention import erase as work

    _run(work(tenant, record, reason))


@app.command()
def preview(
    tenant: Tenant,
    integration: Annotated[str, typer.Argument(help="Such as oracle_zendesk")],
    streams: Streams = None,
    run: Annotated[str | None, typer.Option("--run", help="The stored records of this run instead of new ones")] = None,
    bodies: Bodies = False,
) -> None:
    """Show which fields of which records a run would write. Nothing is written."""
    from ml_connector.cli.preview import preview as work

    _run(work(tenant, integration, streams, run, bodies=bodies))


@audit_app.command("show")
def audit_show(
    tenant: Tenant,
    record: Annotated[str | None, typer.Option("--record", "--customer", help=_KEY)] = None,
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

    _run(show(tenant, record=record, run=run, state=state, since=since, failed=failed, form=form, bodies=bodies))


@audit_app.command("verify")
def audit_verify(tenant: Tenant) -> None:
    """Recompute the chain of hashes from the stored entries: whether any was altered, removed or added."""
    from ml_connector.cli.audit import verify

    _run(verify(tenant))


@map_app.command("check")
def map_check(tenant: Annotated[str | None, typer.Argument(help="Only this tenant")] = None) -> None:
    """Compile every mapping of every tenant against the models of its two systems. Needs no database."""
    from ml_connector.cli.map_check import check

    _run(check(tenant))


@route_app.command("test")
def route_test(tenant: Tenant, stream: Stream, record: Record) -> None:
    """Say where a message about a record would go now, and which rule says so. Nothing is sent."""
    from ml_connector.cli.route import test as work

    _run(work(tenant, stream, record))


@message_app.command("preview")
def message_preview(
    tenant: Tenant,
    stream: Stream,
    record: Record,
    json: Annotated[Path | None, typer.Option("--json", help="A file for the message as it would be sent")] = None,
) -> None:
    """Show the message about a record, for those who may see its values. Nothing is sent."""
    from ml_connector.cli.route import preview as work

    _run(work(tenant, stream, record, json))


@app.command()
def doctor() -> None:
    """Look at everything that must be in order, and say what to do where it is not."""
    from ml_connector.cli.doctor import doctor as work

    _run(work())


@app.command()
def sandbox(port: Annotated[int, typer.Option(help="Loopback port; 0 takes a free one")] = 8600) -> None:
    """Play the vendors on loopback, until Ctrl-C."""
    os.execv(sys.executable, [sys.executable, "-m", "ml_connector.sandbox", "--port", str(port)])  # noqa: S606


@db_app.command("migrate")
def db_migrate() -> None:
    """Bring the tables to the newest version, as their owner (ML_CONNECTOR_OWNER_DATABASE_URL)."""
    from ml_connector.cli.keys_and_tables import migrate_tables

    _run(migrate_tables())


@key_app.command("generate")
def key_generate(name: Annotated[str, typer.Argument(help="Its id, stored with what it encrypts")] = "k1") -> None:
    """Print a new master key, for a file that ML_CONNECTOR_MASTER_KEY_FILE names."""
    from ml_connector.cli.keys_and_tables import generate_key

    _run(generate_key(name))


@key_app.command("rotate")
def key_rotate() -> None:
    """Let the first configured master key take the place of the others, while everything runs. Safe to repeat.

    Before: put a new key before the old one in the configuration of every process, and start them again.
    """
    from ml_connector.cli.keys_and_tables import rotate_keys

    _run(rotate_keys())


@app.command()
def up(once: Once = False, port: Port = 4200) -> None:
    """Start all that is needed on this machine: PostgreSQL, Prefect server, receiver, worker, sandbox. Until Ctrl-C."""
    from ml_connector.cli.up import up as work

    _run(work(once=once, port=port))


@app.command()
def demo(once: Once = False, port: Port = 4200) -> None:
    """Start everything, and let records move between the vendors, all played by the sandbox."""
    from ml_connector.cli.demo import demo as work

    _run(work(once=once, port=port))
