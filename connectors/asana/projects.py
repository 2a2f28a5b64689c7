"""The projects of a connection and the custom fields that each has. Definitions change under us: they are read again
after ten minutes, and after a refusal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.asana.client import Asana
from connectors.asana.fields import OPT_FIELDS, Field, by_name
from ml_connector.core.errors import Misconfigured

_FRESH_SECONDS = 600.0


@dataclass(slots=True, frozen=True)
class _Known:
    fields: Mapping[str, Field]
    read_at: float


class Projects:
    """What is known of the projects, for one destination or source."""

    def __init__(self, client: Asana) -> None:
        self._client = client
        self._known: dict[str, _Known] = {}

    def gid(self, name: str) -> str | None:
        """The id of a project by its name in the connection, or by the id itself."""
        gid = self._client.settings.projects.get(name)
        return gid or (name if name.isascii() and name.isdigit() else None)

    async def fields(self, gid: str) -> Mapping[str, Field]:
        """A project's custom fields, by name. Raises Misconfigured where tasks are to be found by one and it is not
        there."""
        known = self._known.get(gid)
        if known is None or time.monotonic() - known.read_at > _FRESH_SECONDS:
            known = self._known[gid] = _Known(await read_fields(self._client, gid), time.monotonic())
        settings = self._client.settings
        held = known.fields.get(settings.id_field)
        if settings.found_by == "field" and (held is None or held.kind != "text"):
            self.forget(gid)
            raise Misconfigured(
                f"project {gid} has no text field `{settings.id_field}`, by which tasks are found again: run "
                "`ml-connector apply`",
                vendor="asana",
            )
        return known.fields

    def forget(self, gid: str) -> None:
        """Read the fields of a project again before they are used again."""
        self._known.pop(gid, None)


async def read_fields(client: Asana, gid: str) -> dict[str, Field]:
    """The custom fields of a project, by name."""
    if gid in client.foreseen:
        return dict(client.foreseen[gid])
    rows = await client.all(f"/projects/{gid}/custom_field_settings", opt_fields=OPT_FIELDS)
    return by_name(Field.of(row["custom_field"]) for row in rows)
