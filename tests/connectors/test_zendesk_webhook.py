"""What Zendesk's deliveries are read as."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.zendesk.webhook import TRIGGER_BODY, read
from ml_connector.core.errors import RejectEvent
from ml_connector.core.webhooks import Event

INVOCATION = (b"x-zendesk-webhook-invocation-id", b"01HANA2B5D5W9XSJS3NE5SQA1J")
ACCOUNT = (b"x-zendesk-account-id", b"18525119")


def time(stamp: str) -> tuple[bytes, bytes]:
    return b"x-zendesk-webhook-signature-timestamp", stamp.encode()


def only(body: bytes, *headers: tuple[bytes, bytes]) -> Event:
    (event,) = read(headers, body).events
    return event


def test_the_body_of_our_trigger_is_a_changed_ticket_under_the_id_of_its_invocation() -> None:
    body = TRIGGER_BODY.replace("{{ticket.id}}", "35436").replace("{{current_user.id}}", "7").encode()

    delivery = read([INVOCATION, ACCOUNT], body)

    assert delivery.account == "18525119"
    assert delivery.events == [
        Event("invocation:01HANA2B5D5W9XSJS3NE5SQA1J", "ticket.changed", "ticket:35436", body),
    ]


def test_a_trigger_without_an_invocation_is_one_event_for_each_signed_time() -> None:
    body = b'{"ticket_id": "1"}'
    at_nine, at_ten = time("2026-11-21T09:00:00Z"), time("2026-11-21T10:00:00Z")

    assert only(body, at_nine) == only(body, at_nine)
    assert only(body, at_nine).event_id != only(body, at_ten).event_id


@pytest.mark.parametrize(
    ("change", "kind", "object_key"),
    [
        ({}, "ticket.status_changed", "ticket:35436"),
        ({"subject": None}, "ticket.status_changed", "ticket:35436"),
        ({"subject": "zen:ticket:9"}, "ticket.status_changed", "ticket:9"),
        ({"subject": None, "detail": []}, "ticket.status_changed", ""),
        ({"type": "zen:event-type:user.created", "subject": "zen:user:5"}, "user.created", "user:5"),
        ({"type": "zen:event-type:something new"}, "unknown", ""),
    ],
)
def test_an_event_of_a_subscription_goes_by_its_own_id(change: dict[str, Any], kind: str, object_key: str) -> None:
    sent = {
        "type": "zen:event-type:ticket.status_changed",
        "account_id": 18525119,
        "id": "6b9bbadf-5725-4e92-bebe-7b71011bf5f1",
        "subject": "zen:ticket:35436",
        "detail": {"id": "35436"},
        **change,
    }

    event = only(json.dumps(sent).encode(), INVOCATION, ACCOUNT)

    assert (event.kind, event.object_key) == (kind, object_key)
    assert event.event_id == ("event:" + sent["id"] if kind != "unknown" else "invocation:01HANA2B5D5W9XSJS3NE5SQA1J")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b'{"a": 1', b'{"account_id": 1}'])
def test_what_is_no_object_or_of_two_accounts_is_refused(body: bytes) -> None:
    with pytest.raises(RejectEvent):
        read([INVOCATION, ACCOUNT], body)
