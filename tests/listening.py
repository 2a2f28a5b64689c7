"""An installation that listens: a receiver before its database, and the webhooks that ``apply`` creates."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ml_connector.cli.listening import ensure_listening
from ml_connector.cli.plan import wanted_deployments
from ml_connector.cli.templates import load_templates
from ml_connector.core.settings import settings
from ml_connector.core.tenants import load_tenant
from ml_connector.core.vault import MasterKeys
from tests.installation import Installation
from tests.receiver.running import ReceiverThread


@asynccontextmanager
async def listening(installed: Installation) -> AsyncIterator[ReceiverThread]:
    """The tenant's Zendesk sends its events to the receiver; no Prefect is rung."""
    with ReceiverThread(installed.database_url, keys=MasterKeys.load(settings())) as receiver:
        before = os.environ.get("ML_CONNECTOR_PUBLIC_URL")
        os.environ["ML_CONNECTOR_PUBLIC_URL"] = receiver.url
        settings.cache_clear()
        try:
            await apply_webhooks()
            yield receiver
        finally:
            os.environ.pop("ML_CONNECTOR_PUBLIC_URL")
            if before is not None:
                os.environ["ML_CONNECTOR_PUBLIC_URL"] = before
            settings.cache_clear()


async def apply_webhooks() -> None:
    """What ``apply`` does for the events of the tenant."""
    assert await applied()


async def applied() -> bool:
    """The same; whether it went well."""
    config = load_tenant(settings().tenants_dir / "acme.yaml")
    return await ensure_listening(config, wanted_deployments(load_templates(), [config]))
