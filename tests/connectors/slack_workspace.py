"""A Slack workspace in the sandbox, and a client of it: what the tests of the Slack connector share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast
from uuid import uuid4

from connectors.slack.client import HOSTS, REQUEST_ID_HEADERS, VENDOR, Slack, explain
from connectors.slack.errors import status_of
from connectors.slack.messages import Messages
from connectors.slack.sandbox import SlackEmulator
from connectors.slack.settings import SlackSettings
from ml_connector.core.auth import Auth, Bearer
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient, HttpPolicy
from ml_connector.core.rate import Limiter
from ml_connector.core.records import Body, Intent, Outcome, State
from ml_connector.core.secret import Secret
from ml_connector.sandbox.serve import SandboxThread
from tests.connectors.delivering import send

PROCUREMENT, FINANCE = "C0PROCURE1", "C0FINANCE1"
TOKEN = "xoxb-sandbox-token"


class SlackWorkspace:
    """The emulator, as the tests look at it. It limits no rates unless a test says so."""

    def __init__(self, sandbox: SandboxThread) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.emulator = cast(SlackEmulator, sandbox.emulators["slack"])
        self.configure(posts_per_second=None, history_per_minute=None)

    def configure(self, **settings: Any) -> None:
        self.emulator.configure(settings)

    def fault(self, fault: str, path: str, **rule: Any) -> None:
        self.world.faults.ask("slack", fault, path=f"/api/{path}", **rule)

    def answers(self, path: str, error: str, *, applied: bool = False, **rule: Any) -> None:
        """Slack's ``ok: false`` to a call, which is carried out or not."""
        body = {"ok": False, "error": error}
        self.fault("apply_then_status" if applied else "status", path, **{"status": 200, "body": body, **rule})

    def channel(self, channel: str, **attributes: Any) -> None:
        self.emulator.mutate("channels", {"keys": [channel], "set": attributes})

    def messages(self, channel: str | None = None) -> list[Body]:
        return [one for one in self.emulator.state("messages") if channel in (None, one["channel"])]

    def titles(self, channel: str | None = None) -> list[str]:
        """What the messages are about, in their order."""
        return [one["text"].splitlines()[0] for one in self.messages(channel)]

    def calls(self, method: str) -> int:
        return sum(n for (_, _, path, _), n in self.world.request_counts.items() if path == f"/api/{method}")

    @asynccontextmanager
    async def client(
        self,
        *,
        auth: Auth | None = None,
        limiter: Limiter | None = None,
        policy: HttpPolicy | None = None,
        **settings: Any,
    ) -> AsyncIterator[Slack]:
        """A client that waits for nothing and gives up soon."""
        origin = f"{self.sandbox.url('slack')}/api"
        http = HttpClient(
            vendor=VENDOR,
            origin=origin,
            auth=auth or Bearer(Secret(TOKEN), "acme/slack"),
            hosts=HostPolicy(HOSTS, allow_private=True),
            explain=explain,
            request_id_headers=REQUEST_ID_HEADERS,
            status=status_of,
            limiter=limiter,
            policy=policy or HttpPolicy(tries=2, backoff=0.01, deadline=10, longest_pause=1.5),
        )
        try:
            yield Slack(http, SlackSettings(origin=origin, **{"settle_seconds": 0.0, **settings}))
        finally:
            await http.aclose()


@contextmanager
def workspace() -> Iterator[SlackWorkspace]:
    with SandboxThread((SlackEmulator,)) as sandbox:
        yield SlackWorkspace(sandbox)


def intent(title: str, channel: str = PROCUREMENT, dest_id: str | None = None, **more: Any) -> Intent:
    force = bool(more.pop("force", False))
    return Intent(uuid4(), title, {"channel": channel, "title": title, **more}, dest_id, force)


async def deliver(client: Slack, intents: Sequence[Intent]) -> list[Outcome]:
    """Decide and send; the last outcome of each intent, in order."""
    destination = Messages(client)
    decisions = await destination.decide(intents)
    outcomes = {d.effect_id: Outcome(d.effect_id, d.state, d.action, reason=d.reason) for d in decisions if d.state}
    for outcome in await send(destination, [decision for decision in decisions if decision.state is None]):
        before = outcomes.get(outcome.effect_id)
        assert before is None or before.state is State.AMBIGUOUS, "a decision has two outcomes"
        outcomes[outcome.effect_id] = outcome
    return [outcomes[one.effect_id] for one in intents]
