"""Journals of the General Ledger as a destination: one completion of a task, one batch with one journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Decision, Intent, Outcome, Resend

LOOK_AGAIN = 5.0
"""Seconds. `Journals.probe` knows itself when a look that finds nothing proves something."""


class Journals:
    """Writes `journal_payload.Journal`. `Misconfigured` where the connection has no settings for journals."""

    system = SYSTEM
    resend = Resend.NEVER
    settle_seconds = LOOK_AGAIN

    def __init__(self, client: OracleFusion) -> None:
        self.operation = client.operation("fscmRestApi", "erpintegrations")
        if client.settings.journals is None:
            raise Misconfigured(
                "no journals can be written: the connection says nothing of ledger, accounts and periods. Give it "
                "`journals` (README of oracle_fusion)",
                vendor=SYSTEM,
            )
        self._client = client
        self._settings = client.settings.journals

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        raise NotImplementedError

    def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        raise NotImplementedError

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        raise NotImplementedError
