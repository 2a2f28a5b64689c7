"""``connect``: let a person connect an account in a browser, and see that it works."""

from __future__ import annotations

import asyncio
import time

from connectors.registry import system
from ml_connector.cli import console
from ml_connector.cli.database import open_database, open_vault
from ml_connector.cli.ping import ping
from ml_connector.cli.tenant_names import named_connection
from ml_connector.core.auth import AuthorizationCodeSpec
from ml_connector.core.connecting import MINUTES, Invitation, callback_address, invite, progress, withdraw
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.settings import settings

_LOOK_SECONDS = 0.5
_EXCHANGE_SECONDS = 90.0
"""A callback's code has been exchanged by then: the vendor is tried for 20 s, a lock waited for."""


async def connect(named: str) -> int:
    """Print where to go, wait for the person who went there, and try the connection; the exit code is that of a ping.

    Misconfigured if this connection is not made in a browser, or something is missing for it; Reauthenticate if the
    vendor, or the person, refused.
    """
    tenant, connection, config = named_connection(named)
    spec = config.auth
    if not isinstance(spec, AuthorizationCodeSpec):
        raise Misconfigured(
            f"{named} needs no browser: its auth in the tenant file is {spec.type}. Store its secret by `ml-connector "
            f"secret set {named} ...`, then `ml-connector ping {tenant}`"
        )
    redirect_uri = callback_address(settings().public_url)
    hosts = HostPolicy(system(config.system).hosts, allow_private=settings().allow_private_hosts)
    async with open_database() as db:
        vault = await open_vault(db)
        invitation = await invite(db, vault, tenant, connection, config.system, spec, hosts, redirect_uri)
        try:
            console.out.print(f"Open this in a browser, within {MINUTES} minutes:", highlight=False)
            console.out.print(invitation.url, markup=False, highlight=False, soft_wrap=True)
            with console.err.status(f"waiting for the answer at {redirect_uri}"):
                await _answered(db, invitation, named)
        finally:
            await withdraw(db, invitation)
    console.out.print(f"{named} is connected.", highlight=False)
    return await ping(tenant, only=connection)


async def _answered(db: Database, invitation: Invitation, named: str) -> None:
    """Wait until the receiver has exchanged the code. Raises if it could not, or nobody came back."""
    give_up = float("inf")
    while time.monotonic() < give_up:
        found = await progress(db, invitation)
        if found is None:
            raise RetryLater(f"nobody has come back within {MINUTES} minutes: run this again")
        if found.connected:
            return
        if found.connected is False:
            raise Reauthenticate(f"{named} is not connected. {found.reason}")
        if found.used:
            give_up = min(give_up, time.monotonic() + _EXCHANGE_SECONDS)
        await asyncio.sleep(_LOOK_SECONDS)
    raise RetryLater("the receiver has the answer, and has not finished with it: see its log, and run this again")
