"""Connections of tests' tenants to the vendors of the sandbox: as their files name them, and with their secrets."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import yaml

from ml_connector.core.connections import put_secret
from ml_connector.core.db import Database
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.tenants import load_tenant
from ml_connector.core.vault import MasterKeys, Vault

CLIENT_SECRET = "sandbox-client-secret"
ASANA_TOKEN, SLACK_TOKEN = "sandbox-personal-token", "xoxb-sandbox-token"
BY_CLIENT = {"client_secret": CLIENT_SECRET}
BY_PASSWORD = {"password": "sandbox-password", **BY_CLIENT}
SECRETS = {
    "asana": {"token": ASANA_TOKEN},
    "oracle_fusion": BY_CLIENT,
    "qad": BY_PASSWORD,
    "slack": {"token": SLACK_TOKEN},
    "workday": {**BY_PASSWORD, "refresh_token": "sandbox-refresh-token"},
    "zendesk": BY_CLIENT,
}
"""What the emulators know, of which the tenant's file decides what is used."""

UNLIMITED = {"requests_per_minute": 1_000_000, "exports_per_minute": 1_000_000}
"""Settings of a connection to Zendesk that does not keep to the limits of an account."""


def oracle(sandbox: str, **told: Any) -> str:
    """The connection ``oracle`` to the sandbox at this address, as YAML; ``told``: its further settings."""
    token = {"token_url": f"{sandbox}/oracle_fusion/oauth2/v1/token"}
    return _connection("oracle", "oracle_fusion", sandbox, told, token, "urn:opc:resource:consumer::all")


def zendesk(sandbox: str, **told: Any) -> str:
    """The same of the connection ``zendesk``."""
    token = {"token_url": f"{sandbox}/zendesk/oauth/tokens", "token_style": "json"}
    return _connection("zendesk", "zendesk", sandbox, told, token, "read write")


def _connection(name: str, system: str, sandbox: str, told: dict[str, Any], token: dict[str, str], scope: str) -> str:
    auth = {"type": "oauth_client_credentials", **token, "client_id": "ml-connector", "scope": scope}
    connection = {"system": system, "origin": f"{sandbox}/{system}", **told, "auth": auth}
    return indent(yaml.safe_dump({name: connection}, sort_keys=False), "  ")


async def store_secrets(database_url: str, tenant: str = "acme") -> None:
    """As ``secret set`` does for each connection of the tenant's file."""
    config = load_tenant(settings().tenants_dir / f"{tenant}.yaml")
    async with Database(database_url, connections=1) as db:
        vault = Vault(db, MasterKeys.load(settings()))
        for name, connection in config.connections.items():
            for secret, value in SECRETS[connection.system].items():
                await put_secret(db, vault, tenant, name, secret, Secret(value))
