"""A mapping to tasks and one from completed tasks, compiled: names with spaces, options, digits, what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.asana.models import CompletedTask, Task
from connectors.zendesk.models import Ticket
from ml_connector.core.errors import RejectRecord
from ml_connector.core.mapping import compile_mapping, load_mapping

TO_TASK = """
version: 1
source: zendesk.Ticket
target: asana.Task
fields:
  external_id: "join_nonempty('', [`\\"po:\\"`, id])"
  project: "`\\"orders\\"`"
  name: subject
  due_on: created_at
  custom_fields.amount: tags
  custom_fields.status: {from: status, values: words}
values:
  words: {open: Open, default: Closed}
custom_fields:
  custom_fields:
    amount: {title: Amount in total, type: decimal, precision: 3}
    status: {title: Status, type: enum, options: [Open, Closed]}
"""
FROM_TASK = """
version: 1
source: asana.CompletedTask
target: asana.Task
when: "completed && (resource_subtype != 'approval' || approval_status == 'approved')"
fields:
  external_id: gid
  project: "memberships[0].project"
  name: 'custom_fields."Cost centre"'
"""


def test_a_payload_for_a_task_has_exact_amounts_and_refuses_without_quoting(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(TO_TASK)
    mapping = compile_mapping(load_mapping(tmp_path / "m.yaml"), Ticket, Task)
    body = {"id": "7", "subject": "PO 7", "created_at": "2026-12-15T10:00:00+00:00", "tags": "24900.50", "status": "x"}

    payload = mapping.apply(body)

    assert (payload["external_id"], payload["due_on"]) == ("po:7", "2026-12-15")
    assert payload["custom_fields"] == {"amount": Decimal("24900.5"), "status": "Closed"}
    with pytest.raises(RejectRecord, match="is not a date") as error:
        mapping.apply({**body, "created_at": "confidential"})
    assert "confidential" not in str(error.value)


def test_a_rejected_approval_can_be_told_from_a_granted_one(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(FROM_TASK)
    mapping = compile_mapping(load_mapping(tmp_path / "m.yaml"), CompletedTask, Task)
    body = {"gid": "1", "completed": True, "resource_subtype": "default_task", "custom_fields": {"Cost centre": "510"}}
    body["memberships"] = [{"project": "12"}]
    approval = {**body, "resource_subtype": "approval"}

    assert mapping.apply(body) == {"external_id": "1", "project": "12", "name": "510"}
    wanted = [
        mapping.wants(one)
        for one in (
            body,
            {**body, "completed": False},
            {**approval, "approval_status": "rejected"},
            {**approval, "approval_status": "approved"},
        )
    ]
    assert wanted == [True, False, False, True]
