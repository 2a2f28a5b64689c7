"""``secret set``, ``secret remove`` and ``secret list``."""

from __future__ import annotations

import sys

from rich.prompt import Prompt

from connectors.registry import system
from ml_connector.cli import console
from ml_connector.cli.database import open_database, open_vault
from ml_connector.cli.tenant_names import named_connection, require_tenant, tenant_names
from ml_connector.core.auth import AuthorizationCodeSpec, secrets_of
from ml_connector.core.connections import put_secret, remove_secrets
from ml_connector.core.errors import Misconfigured
from ml_connector.core.secret import Secret
from ml_connector.core.tenant_rows import stored_secrets


async def set_secret(named: str, name: str) -> None:
    """Store the secret ``name`` of connection ``named`` (``acme/zendesk``). Misconfigured if it would not be used."""
    tenant, connection, config = named_connection(named)
    known = (*secrets_of(config.auth), *system(config.system).webhook_secrets)
    if name not in known:
        uses = f"as {config.auth.type} in the tenant file it uses: {', '.join(known) or 'none'}"
        raise Misconfigured(f"{named} uses no secret {name}; {uses}")
    async with open_database() as db:
        vault = await open_vault(db)
        await put_secret(db, vault, tenant, connection, name, _read(named, name))
    by_a_person = isinstance(config.auth, AuthorizationCodeSpec)
    then = (
        f"Connect the account: ml-connector connect {named}" if by_a_person else f"Try it: ml-connector ping {tenant}"
    )
    console.out.print(f"Stored {name} of {named}. {then}", highlight=False)


def _read(named: str, name: str) -> Secret:
    if sys.stdin.isatty():
        value = Prompt.ask(f"{name} of {named} (not shown)", password=True, console=console.err)
    else:
        value = sys.stdin.read().removesuffix("\n")
    if not value:
        raise Misconfigured("nothing was given: send the secret to standard input, or type it when asked")
    return Secret(value)


async def remove_secret(named: str, name: str | None) -> None:
    """Forget one or all secrets of a connection, which need not be in a file any more."""
    tenant, _, connection = named.partition("/")
    async with open_database() as db:
        await require_tenant(db, tenant)
        gone = await remove_secrets(db, tenant, connection, name)
    if not gone:
        raise Misconfigured(f"{named} has no {name or 'secret'} stored: `ml-connector secret list` shows what there is")
    console.out.print(f"Removed of {named}: {', '.join(gone)}. Revoke it at the vendor, too.", highlight=False)


async def list_secrets() -> None:
    """Every stored secret of every tenant, by name."""
    listed = console.table("connection", "secret", "stored")
    async with open_database() as db:
        for tenant in await tenant_names(db):
            for secret in await stored_secrets(db, tenant):
                listed.add_row(f"{tenant}/{secret.connection}", secret.name, f"{console.ago(secret.updated_at)} ago")
    console.out.print(listed)
