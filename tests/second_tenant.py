"""Further tenants of an installation: QAD or Workday into the sandbox's Zendesk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from prefect.client.schemas.objects import State

from ml_connector.core.connections import put_secret
from ml_connector.core.db import Database
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys, Vault
from tasks.workspace import open_workspace
from tests.installation import CLIENT_SECRET, Installation, tell

ZENDESK = """
  zendesk:
    system: zendesk
    origin: {sandbox}/zendesk
    requests_per_minute: 1000000
    exports_per_minute: 1000000
    ticket_updates_per_minute: 1000000
    settle_seconds: 0.2
    external_id_prefix: {prefix}
    auth:
      type: oauth_client_credentials
      token_url: {sandbox}/zendesk/oauth/tokens
      token_style: json
      client_id: ml-connector
      scope: read write
"""
SECRETS = {
    "password": "sandbox-password",
    "client_secret": CLIENT_SECRET,
    "refresh_token": "sandbox-refresh-token",
}
"""What the emulators know, of which the tenant's file decides what is used."""


class OtherTenant:
    """A tenant of an installation, with a file of its own: ``connections`` and ``integrations`` as YAML.

    ``unlimited``: it keeps to no rate of Zendesk's. One that does writes users by single calls, which have rates of
    their own.
    """

    def __init__(
        self,
        installed: Installation,
        integration: str,
        connections: str,
        streams: str,
        prefix: str,
        *,
        name: str = "acme",
        unlimited: bool = True,
    ) -> None:
        self.installed, self.sandbox = installed, installed.sandbox
        self.integration = integration
        self.name = name
        self.source = integration.partition("_")[0]
        sandbox = installed.sandbox.url
        zendesk = ZENDESK if unlimited else re.sub(r"( +\w+_per_minute: \d+\n)+", "    bulk_users: false\n", ZENDESK)
        text = f"tenant: {name}\nconnections:{connections}{zendesk}".format(sandbox=sandbox, prefix=prefix)
        text += f"integrations:\n  {integration}:\n    source: {self.source}\n    destination: zendesk\n"
        text += f"    reject_threshold: {{share: 1.0, minimum: 1000000}}\n    streams:\n{streams}"
        settings().tenants_dir.mkdir(exist_ok=True)
        (settings().tenants_dir / f"{name}.yaml").write_text(text)

    async def prepare(self, streams: Sequence[str]) -> None:
        """Store the secrets and create the custom fields, as ``secret set`` and ``apply`` do."""
        async with Database(self.installed.database_url, connections=1) as db:
            vault = Vault(db, MasterKeys.load(settings()))
            await put_secret(db, vault, self.name, "zendesk", "client_secret", Secret(CLIENT_SECRET))
            for name, value in SECRETS.items():
                await put_secret(db, vault, self.name, self.source, name, Secret(value))
        async with open_workspace(self.name) as workspace:
            for stream in streams:
                await workspace.ensure_fields(self.integration, stream)

    async def run(
        self, flow: Any, run: str | None = None, *, count: int = 1, completed: int | None = None, **parameters: Any
    ) -> State[Any]:
        """Run a flow's own body as flow run ``run``; see `Installation.sync`."""
        return await tell(flow, run, count, completed, self.name, **parameters)
