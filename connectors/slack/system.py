"""Slack, as the rest of the house knows it."""

from __future__ import annotations

from connectors.slack.client import HOSTS, REQUEST_ID_HEADERS, VENDOR, Slack
from connectors.slack.errors import OAUTH_ERRORS, explain, status_of
from connectors.slack.events import close_address, event_findings, heed, is_heard, open_address
from connectors.slack.messages import Messages, address
from connectors.slack.models import Message
from connectors.slack.ping import ping
from connectors.slack.settings import SlackSettings
from connectors.slack.webhook import WEBHOOK
from ml_connector.core.system import System

SLACK = System(
    name=VENDOR,
    settings=SlackSettings,
    hosts=HOSTS,
    request_id_headers=REQUEST_ID_HEADERS,
    explain=explain,
    oauth_errors=OAUTH_ERRORS,
    status=status_of,
    client=Slack,
    ping=lambda client, _models: ping(client),
    models={"Message": Message},
    destinations={"Message": lambda client, _mapping: Messages(client)},
    webhook=WEBHOOK,
    webhook_secrets=("webhook_secret_app", "webhook_secret_next"),
    ensure_webhooks=open_address,
    remove_webhooks=close_address,
    webhook_findings=event_findings,
    heed=heed,
    is_heard=is_heard,
    address=address,
)
