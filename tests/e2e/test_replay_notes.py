"""Replays of what would stand there twice: notes of customers, counted at the emulated Oracle."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector.core.errors import SafeError
from tests.e2e.conftest import Owner
from tests.e2e.test_ticket_events import notes, pytestmark, received, titles
from tests.e2e.test_ticket_events import receiver as receiver  # a fixture
from tests.installation import Installation
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits

__all__ = ["pytestmark"]


async def test_a_note_is_written_again_only_on_request_and_then_in_one_copy_per_request(
    installed: Installation, owner: Owner
) -> None:
    sandbox = installed.sandbox
    sandbox.seed("zendesk", "tickets", 2)
    await received(owner, 2)
    assert (await installed.log_events("events")).is_completed()
    [ticket, other] = sorted(titles(sandbox))

    assert (await installed.log_events("events", count=2)).is_completed()  # Retry
    assert (await installed.replay(record_keys=[ticket])).is_completed()
    assert (await installed.replay(states=["applied"], streams=["ticket_notes"])).is_completed()
    assert titles(sandbox) == {ticket: 1, other: 1}

    refused = await _refused(installed, record_keys=[ticket], resend=True)
    assert "a resend needs a reason" in refused
    form: dict[str, Any] = {"record_keys": [ticket], "resend": True, "reason": "somebody deleted it"}
    assert (await installed.replay("again", **form)).is_completed()
    assert (await installed.replay("again", count=2, **form)).is_completed()  # Retry
    assert titles(sandbox) == {ticket: 2, other: 1}

    customer = notes(sandbox)[0]["PartyNumber"]
    since = len(sandbox.effects())
    assert (await installed.replay(record_keys=[customer])).is_completed()
    assert [(one["kind"], one["key"]) for one in sandbox.effects(since=since)] == [("organization.updated", customer)]
    assert "has no record nobody" in await _refused(installed, record_keys=["nobody"])
    misspelt = await _refused(installed, states=["applied"], streams=["ticket_note"])
    assert "there is no stream ticket_note; there are: " in misspelt
    assert "has no run" in await _refused(installed, run_id="nothing")
    assert "nothing is selected" in await _refused(installed)
    nothing = await installed.replay(states=["rejected"])
    assert (nothing.is_completed(), nothing.name) == (True, "Nothing to replay")
    assert nothing.message == "nothing in the ledger of acme fits the selection"


async def _refused(installed: Installation, **form: Any) -> str:
    with pytest.raises(SafeError) as refused:
        await installed.replay(**form)
    return str(refused.value)
