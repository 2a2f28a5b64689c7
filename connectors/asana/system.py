"""Asana, as the rest of the house knows it."""

from __future__ import annotations

from connectors.asana.client import HOSTS, REQUEST_ID_HEADERS, VENDOR, Asana
from connectors.asana.completed import CompletedTasks
from connectors.asana.errors import explain
from connectors.asana.field_setup import ensure_fields
from connectors.asana.models import CompletedTask, FieldOption, Task
from connectors.asana.options import FieldOptions
from connectors.asana.ping import ping
from connectors.asana.settings import AsanaSettings
from connectors.asana.tasks import Tasks
from connectors.asana.webhook import WEBHOOK
from connectors.asana.webhook_setup import ensure_webhooks, remove_webhooks, webhook_findings
from ml_connector.core.system import System


def _address(_client: Asana, model: str, dest_id: str) -> str | None:
    """Asana leads from here to the task, in whichever of its projects."""
    return f"https://app.asana.com/0/0/{dest_id}/f" if model == "Task" else None


ASANA = System(
    name=VENDOR,
    settings=AsanaSettings,
    hosts=HOSTS,
    request_id_headers=REQUEST_ID_HEADERS,
    explain=explain,
    client=Asana,
    ping=lambda client, _models: ping(client),
    models={model.__name__: model for model in (Task, FieldOption, CompletedTask)},
    sources={"CompletedTask": CompletedTasks},
    destinations={
        "Task": lambda client, mapping: Tasks(client, mapping.custom_fields.get("custom_fields", {}), mapping.if_empty),
        "FieldOption": lambda client, _: FieldOptions(client),
    },
    references=("FieldOption",),
    ensure_fields=ensure_fields,
    webhook=WEBHOOK,
    ensure_webhooks=ensure_webhooks,
    remove_webhooks=remove_webhooks,
    webhook_findings=webhook_findings,
    address=_address,
)
