"""The commands by which a person finds a record, decides about it, or ends it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from prefect.logging import disable_run_logger

from flows.prune import prune
from ml_connector.core.settings import settings
from tests.cli.conftest import CUSTOMERS, Command
from tests.installation import Installation, tell

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
def test_prune_says_what_it_deleted(command: Command, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = finished(owner, 91, 91, 89)

    assert "4 bodies and 2 events deleted" in command("prune", "acme").stdout
    assert sources(owner) == kept
    monkeypatch.setenv("ML_CONNECTOR_KEEP_DAYS", "0")
    settings.cache_clear()
    assert command("prune").exit_code == 2


@pytest.mark.usefixtures("synced")
def test_the_prune_flow_deletes_the_same_unless_all_is_kept(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    every = sources(owner)
    kept = finished(owner, 91, 91, 89)
    with disable_run_logger():
        monkeypatch.setenv("ML_CONNECTOR_KEEP_DAYS", "0")
        settings.cache_clear()
        asyncio.run(tell(prune))
        untouched = len(sources(owner))
        monkeypatch.delenv("ML_CONNECTOR_KEEP_DAYS")
        settings.cache_clear()
        asyncio.run(tell(prune))

    assert untouched == len(every)
    assert sources(owner) == kept


def finished(owner: Owner, *days: int) -> set[str]:
    """Let so many records, with an event each, be finished so many days ago; returns whose bodies prune has to keep."""
    rows = owner.execute("select id, source_id from effect where state = 'applied' order by id").fetchall()
    for (effect_id, source_id), ago in zip(rows, days, strict=False):
        older = UUID(int=effect_id.int - (ago * 86_400_000 << 80))  # ids are made of the time
        values = {"old": effect_id, "new": older, "days": timedelta(days=ago), "key": source_id}
        for change in (
            "update body set effect_id = %(new)s, created_at = created_at - %(days)s where effect_id = %(old)s",
            "update effect set id = %(new)s, body_of = %(new)s, updated_at = updated_at - %(days)s where id = %(old)s",
            (
                "insert into inbox (tenant, stream, connection, event_id, kind, object_key, state, settled_at, "
                "envelope) values ('acme', 's', 'zendesk', %(key)s, 'k', %(key)s, 'done', now() - %(days)s, '')"
            ),
        ):
            owner.execute(change, values)
    over = {source_id for (_, source_id), ago in zip(rows, days, strict=False) if ago > settings().keep_days}
    return sources(owner) - over


def sources(owner: Owner) -> set[str]:
    """The records whose source bodies are there."""
    found = owner.execute("select source_id from body join effect on effect.id = effect_id where kind = 'source'")
    return {row[0] for row in found.fetchall()}


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
