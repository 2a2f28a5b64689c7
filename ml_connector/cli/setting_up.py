"""The commands that set things up: tenants, connections, secrets, keys and tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ml_connector.cli.options import Tenant, do

commands = typer.Typer()
secret_app = typer.Typer(no_args_is_help=True, help="The secrets of connections, kept encrypted in the database.")
db_app = typer.Typer(no_args_is_help=True, help="The database's tables.")
key_app = typer.Typer(no_args_is_help=True, help="Master keys.")
for name, group in {"secret": secret_app, "db": db_app, "key": key_app}.items():
    commands.add_typer(group, name=name)


@commands.command()
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

    do(work(dry_run=dry_run))


@commands.command()
def ping(tenant: Tenant) -> None:
    """Try every connection of a tenant for real, and say what is missing."""
    from ml_connector.cli.ping import ping as work

    do(work(tenant))


@commands.command()
def discover(
    connection: Annotated[str, typer.Argument(help="TENANT/CONNECTION, such as acme/qad", metavar="CONNECTION")],
) -> None:
    """Show what an instance has that can be read, as a proposal for the tenant file; for QAD."""
    from ml_connector.cli.discover import discover as work

    do(work(connection))


@commands.command()
def connect(
    connection: Annotated[str, typer.Argument(help="TENANT/CONNECTION, such as acme/zendesk", metavar="CONNECTION")],
) -> None:
    """Connect an account in a browser, through the receiver; for connections of type oauth_authorization_code."""
    from ml_connector.cli.connect import connect as work

    do(work(connection))


@secret_app.command("set")
def secret_set(
    connection: Annotated[str, typer.Argument(help="TENANT/CONNECTION, such as acme/zendesk", metavar="CONNECTION")],
    name: Annotated[
        str, typer.Argument(help="client_secret, password, api_token, token, refresh_token or webhook_secret_app")
    ],
) -> None:
    """Store a secret, read from standard input or asked for."""
    from ml_connector.cli.secrets import set_secret

    do(set_secret(connection, name))


@secret_app.command("remove")
def secret_remove(
    connection: Annotated[str, typer.Argument(help="TENANT/CONNECTION, such as acme/zendesk", metavar="CONNECTION")],
    name: Annotated[str | None, typer.Argument(help="Only this one, as `secret list` shows it")] = None,
) -> None:
    """Forget the secrets of a connection, and the token that was bought with them."""
    from ml_connector.cli.secrets import remove_secret

    do(remove_secret(connection, name))


@secret_app.command("list")
def secret_list() -> None:
    """Which secrets are stored, without their values."""
    from ml_connector.cli.secrets import list_secrets

    do(list_secrets())


@db_app.command("migrate")
def db_migrate() -> None:
    """Bring the tables to the newest version, as their owner (ML_CONNECTOR_OWNER_DATABASE_URL)."""
    from ml_connector.cli.keys_and_tables import migrate_tables

    do(migrate_tables())


@key_app.command("generate")
def key_generate(name: Annotated[str, typer.Argument(help="Its id, stored with what it encrypts")] = "k1") -> None:
    """Print a new master key, for a file that ML_CONNECTOR_MASTER_KEY_FILE names."""
    from ml_connector.cli.keys_and_tables import generate_key

    do(generate_key(name))


@key_app.command("rotate")
def key_rotate() -> None:
    """Let the first configured master key take the place of the others, while everything runs. Safe to repeat.

    Before: put a new key before the old one in the configuration of every process, and start them again.
    """
    from ml_connector.cli.keys_and_tables import rotate_keys

    do(rotate_keys())
