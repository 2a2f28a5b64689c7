"""What Slack tells of a workspace: from the emulator through the receiver into the inbox, and what the flow finds."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from flows.account_events import account_events
from ml_connector.cli.doctor import doctor
from ml_connector.cli.listening import ensure_listening
from ml_connector.cli.plan import wanted_deployments
from ml_connector.cli.templates import load_templates
from ml_connector.core.connections import put_secret
from ml_connector.core.embedded import Embedded
from ml_connector.core.retention import prune_tenant
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.tenants import load_tenant
from ml_connector.core.vault import MasterKeys
from ml_connector.sandbox.serve import SandboxThread
from tasks.webhooks import webhook_findings
from tasks.workspace import open_workspace
from tests.installation import Installation, installation, tell
from tests.notices import CHANNELS, Notices
from tests.receiver.running import ReceiverThread, until

SIGNING_SECRET = "sandbox-signing-secret"
Owner = psycopg.Connection[tuple[Any, ...]]


class Workspace:
    """Tenant acme, whose app's events come to us."""

    def __init__(self, installed: Installation, owner: Owner) -> None:
        self.sandbox, self.owner = installed.sandbox, owner

    def happens(self, collection: str, **change: Any) -> None:
        self.sandbox.mutate("slack", collection, **change)

    def channel(self, named: str, **attributes: Any) -> None:
        self.happens("channels", keys=[CHANNELS[named]], set=attributes)

    async def heard(self, count: int) -> dict[str, tuple[str, str | None]]:
        """So many events have come, and are handled: state and reason of the last of each kind."""
        await until(lambda: len(self._events()) == count)
        state = await tell(account_events)
        assert state.is_completed(), state.message
        return {kind: (how, why) for kind, how, why in self._events()}

    def status(self) -> str | None:
        row = self.owner.execute("select status from connection where name = 'slack'").fetchone()
        return row[0] if row else None

    def _events(self) -> list[tuple[Any, ...]]:
        return self.owner.execute("select kind, state, reason from inbox order by id").fetchall()


@pytest.fixture
def installed(postgres: Embedded, database_name: str, tmp_path: Path) -> Iterator[Installation]:
    with (
        SandboxThread() as sandbox,
        installation(postgres, database_name, sandbox.base_url, tmp_path / "tenants") as made,
    ):
        yield made


@pytest.fixture
async def slack(installed: Installation, owner_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workspace]:
    await Notices(installed).prepare()
    file = settings().tenants_dir / "acme.yaml"
    file.write_text(file.read_text().replace("    channels:", "    app_id: A0SANDBOX1\n    channels:"))
    with (
        ReceiverThread(installed.database_url, keys=MasterKeys.load(settings())) as receiver,
        psycopg.connect(owner_url, autocommit=True) as owner,
    ):
        monkeypatch.setenv("ML_CONNECTOR_PUBLIC_URL", receiver.url)
        settings.cache_clear()
        tenant = load_tenant(file)
        assert await ensure_listening(tenant, wanted_deployments(load_templates(), [tenant]))
        async with open_workspace("acme") as acme:
            await put_secret(acme.db, acme.vault, "acme", "slack", "webhook_secret_app", Secret(SIGNING_SECRET))
            [finding] = await webhook_findings(acme, "slack")
        found = re.search(r"Request URL: (\S+),", str(finding.hint))
        assert found
        installed.sandbox.settings("slack", events_url=found[1], event_retry_seconds=[0.1, 0.1, 0.1])
        yield Workspace(installed, owner)


async def test_who_looks_after_the_rules_is_told_which_of_them_point_at_a_channel_that_is_not_what_it_was(
    slack: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    slack.channel("finance", is_archived=True)
    slack.channel("procurement", name="purchasing")
    slack.happens("channels", keys=[CHANNELS["operations"]], delete=True)
    slack.happens("channels", create={"id": "C0ELSEWHERE"})
    slack.happens("channels", keys=["C0ELSEWHERE"], set={"is_archived": True})
    slack.happens("events", send={"type": "reaction_added", "item": {"channel": "C1"}}, copies=3)
    heard = await slack.heard(5)

    assert heard["channel_archive"] == ("done", None), "of a channel that no rule names nobody needs to hear"
    archived = slack.owner.execute("select state, reason from inbox where object_key = 'channel:C0FINANCE1'").fetchall()
    advice = "unarchive it, or send these messages to another one (rules: holds, journals in error)"
    assert archived == [("rejected", f"channel finance is archived: {advice}")]
    assert heard["channel_rename"][0] == "done"
    assert "procurement is called #purchasing in Slack" in str(heard["channel_rename"][1])
    assert "(rules: invoices, holds)" in str(heard["channel_rename"][1])
    assert heard["channel_deleted"][0] == "rejected"
    assert "operations is deleted or closed to the app" in str(heard["channel_deleted"][1])
    assert heard["reaction_added"] == ("done", None)
    await doctor()
    assert "channel finance is archived" in re.sub(r"\s+", " ", capsys.readouterr().out.replace("│", " "))

    slack.channel("finance", is_archived=False)
    await slack.heard(6)
    await doctor()
    assert "finance is archived" not in re.sub(r"\s+", " ", capsys.readouterr().out.replace("│", " "))


async def test_a_token_that_is_gone_marks_the_connection_but_not_one_that_works_again(slack: Workspace) -> None:
    slack.happens("events", send={"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}})
    assert (await slack.heard(1))["tokens_revoked"] == ("done", None)
    assert slack.status() != "needs_reauth"

    slack.happens("app", uninstall=True)
    heard = await slack.heard(3)

    assert heard["app_uninstalled"] == ("done", "the connection must be reconnected")
    assert slack.status() == "needs_reauth"
    async with open_workspace("acme") as acme:
        slack.sandbox.settings("slack", token="xoxb-another")
        await put_secret(acme.db, acme.vault, "acme", "slack", "token", Secret("xoxb-another"))
    assert slack.status() == "new"
    slack.happens("events", send={"type": "app_uninstalled"})
    assert (await slack.heard(4))["app_uninstalled"] == ("done", None)
    assert slack.status() == "new"


async def test_what_cannot_be_looked_at_comes_again_and_all_is_looked_at_where_events_were_lost(
    slack: Workspace,
) -> None:
    refusal = {"ok": False, "error": "service_unavailable"}
    slack.sandbox.fault("slack", "status", "GET", "/api/conversations.info", status=200, body=refusal)
    slack.channel("finance", is_archived=True)
    await until(lambda: len(slack._events()) == 1)
    assert (await tell(account_events)).is_failed()
    [(_, state, reason)] = slack._events()
    assert (state, "service_unavailable" in str(reason)) == ("pending", True)
    slack.sandbox.clear_faults()
    slack.owner.execute("delete from inbox")

    slack.happens("events", lost=29_000_000)
    [(state, reason)] = (await slack.heard(1)).values()

    assert (state, str(reason).startswith("channel finance is archived")) == ("rejected", True)
    async with open_workspace("acme") as acme:
        ended = await prune_tenant(acme.db, "acme", _later(slack), lease_seconds=60)
    assert (ended.events, slack._events()) == (1, [])


def _later(slack: Workspace) -> Any:
    row = slack.owner.execute("select now() + interval '1 minute'").fetchone()
    assert row is not None
    return row[0]
