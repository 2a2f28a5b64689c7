"""Further tenants of an installation: QAD or Workday into the sandbox's Zendesk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect.client.schemas.objects import State

from ml_connector.core.settings import settings
from tasks.workspace import open_workspace
from tests.connections import UNLIMITED, store_secrets, zendesk
from tests.installation import Installation, tell


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
        limits = {**UNLIMITED, "ticket_updates_per_minute": 1_000_000} if unlimited else {"bulk_users": False}
        both = connections.format(sandbox=sandbox) + zendesk(
            sandbox, **limits, settle_seconds=0.2, external_id_prefix=prefix
        )
        text = f"tenant: {name}\nconnections:{both}"
        text += f"integrations:\n  {integration}:\n    source: {self.source}\n    destination: zendesk\n"
        text += f"    reject_threshold: {{share: 1.0, minimum: 1000000}}\n    streams:\n{streams}"
        settings().tenants_dir.mkdir(exist_ok=True)
        (settings().tenants_dir / f"{name}.yaml").write_text(text)

    async def prepare(self, streams: Sequence[str]) -> None:
        """Store the secrets and create the custom fields, as ``secret set`` and ``apply`` do."""
        await store_secrets(self.installed.database_url, self.name)
        async with open_workspace(self.name) as workspace:
            for stream in streams:
                await workspace.ensure_fields(self.integration, stream)

    async def run(
        self, flow: Any, run: str | None = None, *, count: int = 1, completed: int | None = None, **parameters: Any
    ) -> State[Any]:
        """Run a flow's own body as flow run ``run``; see `Installation.sync`."""
        return await tell(flow, run, count, completed, self.name, **parameters)
