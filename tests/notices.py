"""A tenant of an installation whose Slack is told of what happens in its Oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from prefect.client.schemas.objects import State

from flows.oracle_slack import STREAMS, notify
from flows.replay import replay
from ml_connector.core.settings import settings
from tests.connections import oracle, store_secrets
from tests.installation import Installation, Sandbox, tell

CHANNELS = {"procurement": "C0PROCURE1", "finance": "C0FINANCE1", "operations": "C0OPERATE1"}
_REST = """
  slack:
    system: slack
    origin: {sandbox}/slack/api
    channels: {{procurement: C0PROCURE1, finance: C0FINANCE1, operations: C0OPERATE1}}
    messages_per_minute: 1000000
    settle_seconds: {settle}
    auth: {{type: bearer}}
integrations:
  oracle_slack:
    source: oracle
    destination: slack
    reject_threshold: {{share: 1.0, minimum: 1000000}}
    digest_above: {digest_above}
    streams:
      invoices: {{every: 10m, delay: 0s}}
      holds: {{every: 10m, delay: 0s}}
      purchase_orders: {{every: 10m, delay: 0s}}
      journal_batches: {{every: 10m, delay: 0s}}
    routing:
{routing}
"""
ROUTING = """
      - {name: invoices, streams: invoices, to: procurement}
      - {name: holds, streams: holds, event: exception, to: [procurement, finance]}
      - {name: journals in error, streams: journal_batches, event: exception, to: finance}
      - name: acknowledged
        streams: purchase_orders
        when: previous.StatusCode == 'PENDING SUPPLIER ACKNOWLEDGMENT' && StatusCode != previous.StatusCode
        to: operations
"""

SPREAD = """
      - {name: Germany, streams: invoices, when: BusinessUnit == 'Vision Deutschland', to: procurement, stop: true}
      - {name: operations, streams: invoices, when: BusinessUnit == 'Vision Operations', to: operations, stop: true}
      - {name: others, streams: invoices, to: finance}
"""
"""Each invoice to one of three channels."""


def tenant_file(sandbox: str, routing: str, *, digest_above: int = 1_000_000, settle: float = 1.0) -> str:
    """The file of tenant ``acme``."""
    rest = _REST.format(sandbox=sandbox, routing=routing, digest_above=digest_above, settle=settle)
    return f"tenant: acme\nconnections:\n{oracle(sandbox)}{rest}"


def stack_file(name: str, routing: str) -> str:
    """The file of a tenant of `tests.e2e.stack`, where streams would begin with what happens from now on."""
    text = tenant_file("${SANDBOX_URL}", routing)
    return text.replace("tenant: acme", f"tenant: {name}").replace("delay: 0s}", "delay: 0s, start_from: 2000-01-01}")


def pace(sandbox: Sandbox, channel: str) -> tuple[int, float, float]:
    """How many messages stand in a channel, how many came a second, and the least seconds between two."""
    stamps = sorted(float(row["ts"]) for row in sandbox.state("slack", "messages") if row["channel"] == channel)
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    return len(stamps), len(gaps) / sum(gaps), min(gaps)


class Notices:
    """Tenant ``acme`` of an installation, with this file."""

    def __init__(
        self, installed: Installation, routing: str = ROUTING, *, digest_above: int = 1000, settle: float = 0.3
    ) -> None:
        self.installed, self.sandbox = installed, installed.sandbox
        text = tenant_file(installed.sandbox.url, routing, digest_above=digest_above, settle=settle)
        (settings().tenants_dir / "acme.yaml").write_text(text)
        self.sandbox.settings("slack", posts_per_second=None, history_per_minute=None)

    async def prepare(self) -> None:
        """Store the secrets, as ``secret set`` does."""
        await store_secrets(self.installed.database_url)

    async def notify(
        self,
        run: str | None = None,
        *,
        streams: Sequence[str] = STREAMS,
        count: int = 1,
        completed: int | None = None,
    ) -> State[Any]:
        """Run the flow's own body as flow run ``run``; see `Installation.sync`."""
        return await tell(notify, run, count, completed, streams=list(streams))

    async def replay(self, **form: Any) -> State[Any]:
        """The same with the replay flow, whose form is filled in so."""
        return await tell(replay, None, 1, None, mode="replay", **form)

    def messages(self, channel: str | None = None) -> list[dict[str, Any]]:
        """What stands in the channels, or in the one of this name."""
        rows = self.sandbox.state("slack", "messages")
        return [row for row in rows if channel is None or row["channel"] == CHANNELS[channel]]

    def titles(self, channel: str) -> list[str]:
        """The first lines of a channel's messages, in their order."""
        return [row["text"].splitlines()[0] for row in self.messages(channel)]

    def posted(self) -> Counter[str]:
        """How many messages each effect has posted."""
        return Counter(one["key"] for one in self.sandbox.effects("slack") if one["kind"] == "message.posted")
