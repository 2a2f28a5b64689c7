"""The commands that show what was done, and what would be."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ml_connector.core.settings import settings
from tests.cli.conftest import CUSTOMERS, Command, rename
from tests.installation import Installation


def test_audit_shows_what_happened_to_a_record_in_three_formats(command: Command, synced: Installation) -> None:
    effect = synced.sandbox.effects()[-1]
    held = next(o for o in synced.sandbox.state("zendesk", "organizations") if o["external_id"] == effect["key"])

    rows = [json.loads(line) for line in command("audit", "acme", "--format", "jsonl").stdout.splitlines()]
    of_one = command("audit", "acme", "--record", str(held["id"]), "--format", "jsonl").stdout.splitlines()
    rejected = list(
        csv.DictReader(io.StringIO(command("audit", "acme", "--state", "rejected", "--format", "csv").stdout))
    )
    of_run = command("audit", "acme", "--run", "flow-run-1", "--since", "1h", "--format", "jsonl").stdout.splitlines()

    assert [json.loads(line)["status"] for line in of_one] == ["planned", "sending", "applied"]
    assert [row["status"] for row in rejected] == ["rejected"]
    assert "name" in rejected[0]["reason"]
    assert len(rows) == len(of_run) == 3 * (CUSTOMERS - 1) + 2
    assert held["name"] not in command("audit", "acme").stdout


def test_bodies_are_shown_only_when_asked_for(command: Command, synced: Installation) -> None:
    held = synced.sandbox.state("zendesk", "organizations")[0]
    lines = command("audit", "acme", "--record", str(held["id"]), "--bodies", "--format", "jsonl").stdout.splitlines()
    read, sent, _ = [json.loads(line)["body"] for line in lines]

    assert read["OrganizationName"] == held["name"]
    assert held["name"] in json.dumps(sent, ensure_ascii=False)


@pytest.mark.usefixtures("synced")
def test_verify_finds_an_entry_that_was_altered(command: Command, owner: psycopg.Connection[Any]) -> None:
    whole = command("audit", "verify", "acme")
    owner.execute("update audit_entry set dest_id = '7' where status = 'applied' and n = 1")
    broken = command("audit", "verify", "acme")

    assert (whole.exit_code, broken.exit_code) == (0, 1)
    assert "its entries were altered" in broken.stderr


@pytest.mark.usefixtures("synced")
def test_runs_shows_the_balance(command: Command) -> None:
    shown = command("runs", "acme").stdout
    row = next(line.split() for line in shown.splitlines() if "organizations" in line)

    assert "completed oracle_zendesk, sync, attempt 1" in shown
    assert row == ["organizations", str(CUSTOMERS), str(CUSTOMERS - 1), "0", "0", "0", "1", "0", "0"]
    assert "no failed runs" in command("runs", "acme", "--failed").stdout


def test_preview_names_fields_and_shows_values_only_when_asked(command: Command, synced: Installation) -> None:
    before = synced.sandbox.writes()
    keys = rename(synced, "Canary", count=2)
    named = command("preview", "acme", "oracle_zendesk", "--streams", "organizations")
    shown = command("preview", "acme", "oracle_zendesk", "--streams", "organizations", "--bodies")
    stored = command("preview", "acme", "oracle_zendesk", "--run", "flow-run-1")
    unknown = command("preview", "acme", "oracle_zendesk", "--run", "flow-run-2")

    assert len(keys) == 2
    assert named.stdout.count("update") >= 2
    assert "name" in named.stdout
    assert "Canary" not in named.stdout
    assert "Canary" in shown.stdout
    assert "nothing was written" in stored.stdout
    assert unknown.exit_code == 2
    assert synced.sandbox.writes() == before


@pytest.mark.usefixtures("synced")
@pytest.mark.parametrize(
    "words",
    [
        "runs acmee",
        "events acmee",
        "audit acmee",
        "audit verify acmee",
        "prune acmee",
        "resolve acmee 7 abandon --reason x",
        "erase acmee --record 7 --reason x",
    ],
)
def test_a_tenant_that_never_was_does_not_seem_to_have_nothing(command: Command, words: str) -> None:
    refused = command(*words.split())

    assert refused.exit_code == 2
    assert "there is no tenant acmee; there are: acme" in refused.stderr


@pytest.mark.usefixtures("synced")
def test_audit_of_what_there_is_not_does_not_seem_to_have_nothing(command: Command) -> None:
    nobody = str(UUID(int=7))
    for option, value, said in (
        ("--state", "rejectd", "there is no state rejectd; there are: planned, sending, "),
        ("--run", "12345", "tenant acme has no run 12345: `ml-connector runs acme` lists them"),
        ("--run", nobody, f"tenant acme has no run {nobody}"),
        ("--customer", "C-1001", "tenant acme has no record C-1001"),
        ("--customer", nobody, f"tenant acme has no record {nobody}"),
    ):
        refused = command("audit", "acme", option, value)
        assert refused.exit_code == 2
        assert said in refused.stderr


@pytest.mark.usefixtures("synced")
def test_preview_of_a_stream_that_there_is_not_says_which_there_are(command: Command) -> None:
    refused = command("preview", "acme", "oracle_zendesk", "--streams", "organisations,users")

    assert refused.exit_code == 2
    assert "has no stream organisations; there are: organizations, users" in refused.stderr
    off = command("preview", "acme", "oracle_zendesk", "--streams", "users,ticket_fields")
    assert off.exit_code == 2
    assert "ticket_fields is switched off in the file of tenant acme" in off.stderr


@pytest.mark.usefixtures("synced")
def test_doctor_says_what_to_do(
    command: Command, monkeypatch: pytest.MonkeyPatch, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    """No Prefect server: a failure. A rejected record: a warning. The wrong master key: a failure."""
    for age, state in (("2 hours", "pending"), ("3 days", "done")):
        owner.execute(
            "insert into inbox (tenant, stream, connection, event_id, kind, object_key, state, received_at, envelope) "
            "values ('acme', 's', 'zendesk', %s, 'k', 'ticket:1', %s, now() - %s::interval, '')",
            (age, state, age),
        )
    found = command("doctor")
    assert found.exit_code == 1
    assert "there is no Prefect server" in found.stdout
    assert "records rejected: 1" in found.stdout
    assert "nobody is told when something fails" in found.stdout
    assert "events pending: 1, the oldest 2 h old; no stream listens" in found.stdout
    owner.execute(
        "insert into listener (tenant, stream, connection, deployment) values ('acme', 's', 'zendesk', 'flow/acme')"
    )
    assert "is a worker online, and the receiver running?" in command("doctor").stdout
    owner.execute("update inbox set received_at = now() - interval '20 s' where state = 'pending'")
    assert "a run is about to take them" in command("doctor").stdout
    assert "it is the one of this database" in found.stdout

    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEYS", "other:" + "A" * 43 + "=")
    settings.cache_clear()
    wrong = command("doctor")
    assert "is not configured, but stored data needs it" in wrong.stdout


@pytest.mark.usefixtures("synced")
def test_doctor_tells_of_what_has_waited_for_days(
    command: Command, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    owner.execute("update effect set state = 'parked' where state = 'applied'")
    older = UUID(int=int((time.time() - 5 * 86_400) * 1000) << 80)  # ids are made of the time
    owner.execute(
        "update effect set id = %s where id = (select id from effect where state = 'parked' limit 1)", (older,)
    )

    assert f"records parked: {CUSTOMERS - 1}, 1 of them for 3 days or more" in command("doctor").stdout


@pytest.mark.usefixtures("installed")
def test_map_check_names_the_file_and_the_remedy(command: Command) -> None:
    file = Path(settings().tenants_dir) / "acme.yaml"
    good = command("map", "check")
    wrong = "      organizations: {every: 10m, mapping: {fields: {name: OrganisationName}}}"
    text = file.read_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("organizations:"))
    file.write_text(text.replace(line, wrong))
    bad = command("map", "check", "acme")

    assert (good.exit_code, bad.exit_code) == (0, 2)
    assert "Did you mean OrganizationName?" in bad.stderr
