"""The commands by which a person finds a record, decides about it, or ends it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from ml_connector.core.settings import settings
from tests.cli.conftest import CUSTOMERS, Command
from tests.installation import Installation

Owner = psycopg.Connection[Any]


def numbered(installed: Installation) -> tuple[str, str]:
    """The number and the name of a customer that is in Zendesk."""
    held = installed.sandbox.state("zendesk", "organizations")[0]
    return held["external_id"], held["name"]


def audit(command: Command, *options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command("audit", "acme", *options, "--format", "jsonl").stdout.splitlines()]


def test_a_customer_is_found_by_the_number_that_people_know(command: Command, synced: Installation) -> None:
    number, name = numbered(synced)
    entries = audit(command, "--customer", number)

    assert [entry["status"] for entry in entries] == ["planned", "sending", "applied"]
    assert number not in {entry["source_id"] for entry in entries}
    assert audit(command, "--customer", entries[0]["effect_id"]) == entries
    shown = command("audit", "acme", "--customer", number, "--bodies")
    assert name in shown.stdout
    assert "only for those who may see them" in shown.stderr


@pytest.mark.usefixtures("synced")
def test_what_failed_is_shown_with_its_reason_as_long_as_nothing_has_followed(command: Command, owner: Owner) -> None:
    [failed] = audit(command, "--failed", "--since", "1h")
    owner.execute("update effect set state = 'needs_human' where state = 'rejected'")
    resolved = command("resolve", "acme", failed["effect_id"], "abandon", "--reason", "it was a test customer")
    after = audit(command, "--failed")

    assert (failed["status"], "name" in failed["reason"]) == ("rejected", True)
    assert resolved.exit_code == 0, resolved.stderr
    assert [(line["status"], line["actor"] is not None) for line in after] == [("abandoned", True)]
    assert "it was a test customer" in after[0]["reason"]


@pytest.mark.usefixtures("synced")
def test_resolve_takes_one_record_and_needs_a_reason(command: Command, owner: Owner) -> None:
    owner.execute("update effect set state = 'needs_human', source_id = 'same' where state = 'applied'")

    several = command("resolve", "acme", "same", "applied", "--reason", "seen there")
    unknown = command("resolve", "acme", "nobody", "applied", "--reason", "seen there")
    silent = command("resolve", "acme", "same", "applied")

    assert [one.exit_code for one in (several, unknown, silent)] == [2, 2, 2]
    assert f"names {CUSTOMERS - 1} unfinished effects" in several.stderr
    assert several.stdout.count("needs_human") == CUSTOMERS - 1
    assert "nothing unfinished of nobody" in unknown.stderr
    assert "--reason" in silent.stderr


def test_an_erased_customer_leaves_its_story_without_its_data(command: Command, synced: Installation) -> None:
    number, name = numbered(synced)
    erased = command("erase", "acme", "--customer", number, "--reason", "asked for by letter")

    assert "2 bodies and 0 events deleted" in erased.stdout
    told = audit(command, "--customer", number, "--bodies")
    assert [line["status"] for line in told] == ["planned", "sending", "applied", "erased"]
    assert all(line["body"] is None for line in told)
    assert name not in json.dumps(told, ensure_ascii=False)
    assert command("audit", "verify", "acme").exit_code == 0
    assert "no record nobody" in command("erase", "acme", "--record", "nobody", "--reason", "x").stderr


@pytest.mark.usefixtures("synced")
def test_prune_says_what_it_deleted(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "0 bodies and 0 events deleted" in command("prune", "acme").stdout
    monkeypatch.setenv("ML_CONNECTOR_KEEP_DAYS", "0")
    settings.cache_clear()
    assert command("prune").exit_code == 2


@pytest.mark.usefixtures("installed")
def test_events_that_wait_for_a_person_are_shown_and_come_again(command: Command, owner: Owner) -> None:
    for key, state in (("ticket:1", "done"), ("ticket:2", "rejected"), ("ticket:3", "pending")):
        owner.execute(
            "insert into inbox (tenant, stream, connection, event_id, kind, object_key, state, reason, envelope) "
            "values ('acme', 'oracle_zendesk/ticket_notes', 'zendesk', %s, 'ticket.changed', %s, %s, 'why', '')",
            (key, key, state),
        )
    listed = [json.loads(line) for line in command("events", "acme", "--format", "jsonl").stdout.splitlines()]
    again = command("events", "acme", "--record", "2", "--again")
    after = [json.loads(line) for line in command("events", "acme", "--format", "jsonl").stdout.splitlines()]

    assert [(event["object_key"], event["reason"]) for event in listed] == [("ticket:2", "why"), ("ticket:3", "why")]
    assert "1 events come again" in again.stderr
    assert [event["state"] for event in after] == ["pending", "pending"]
    assert command("events", "acme", "--state", "lost").exit_code == 2
