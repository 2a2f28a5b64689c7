"""Writing to customers: custom attributes, notes, attachments.

https://docs.oracle.com/en/cloud/saas/sales/faaps/api-hub-organizations.html, and the pages on its notes and attachments
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any

from starlette.requests import Request

from connectors.oracle_fusion.sandbox import rest
from connectors.oracle_fusion.sandbox.children import CHILDREN, LARGE, decoded
from connectors.oracle_fusion.sandbox.children_resources import NOTE
from connectors.oracle_fusion.sandbox.pod import Pod
from connectors.oracle_fusion.sandbox.resources import HUB_ORGANIZATIONS, Attribute, Resource, Row, Type
from ml_connector.core import jsonx
from ml_connector.sandbox.world import World

Endpoint = tuple[str, str, Callable[[Request, int], dict[str, Any] | rest.Answer], Callable[[Request], str]]
"""Method, path below a customer, handler, and the media type to answer with."""

OURS = frozenset({"CreationDate", "CreatedBy", "LastUpdateDate", "LastUpdatedBy", "LastUpdateLogin"})
"""Attributes that no request sets, nor does one set a row's id."""
REQUIRED = {"Note": "NoteTypeCode", "Attachment": "DatatypeCode"}
VALUES = {"VisibilityCode": ("INTERNAL", "EXTERNAL", "PRIVATE"), "DatatypeCode": ("FILE", "TEXT", "WEB_PAGE")}


class Customers:
    """What hangs below ``hubOrganizations/{PartyNumber}``."""

    def __init__(self, world: World, pod: Pod, system: str) -> None:
        self.world = world
        self.pod = pod
        self.system = system

    def endpoints(self) -> Iterator[Endpoint]:
        yield "PATCH", "", self.update, rest.media_type
        for name, large in LARGE.items():
            rows, row = f"/child/{name}", f"/child/{name}/{{child}}"
            yield "GET", rows, partial(self.rows, name), rest.media_type
            yield "POST", rows, partial(self.create_child, name), rest.media_type
            yield "GET", row, partial(self.row, name), rest.media_type
            yield "PATCH", row, partial(self.update_child, name), rest.media_type
            yield "DELETE", row, partial(self.delete_child, name), rest.media_type
            yield "GET", f"{row}/enclosure/{large}", partial(self.large, name), rest.bytes_type
            yield "PUT", f"{row}/enclosure/{large}", partial(self.put_large, name), rest.bytes_type

    # ---- the customer itself

    def update(self, request: Request, version: int) -> dict[str, Any]:
        party = self._party(request, writes=True)
        table = self.pod.tables[HUB_ORGANIZATIONS.name]
        values = _checked(rest.json_object(request), table.resource)
        table.change(party["PartyId"], values, self.world.now())
        self._effect(request, "customer.updated", party["PartyNumber"], fields=sorted(values))
        return rest.item(table.resource, party, rest.view(request, table.resource, version))

    # ---- its notes and attachments

    def rows(self, name: str, request: Request, version: int) -> dict[str, Any]:
        party, resource = self._party(request), CHILDREN[name]
        query = rest.collection_query(request, resource, version)
        asked = rest.view(request, resource, version, _below(party))
        table = self.pod.children.table(name, party["PartyId"])
        found = list(islice(table.select(query.where, query.order, query.offset), query.limit + 1))
        items = [rest.item(resource, row, asked) for row in found[: query.limit]]
        has_more = len(found) > query.limit
        return rest.collection(items, has_more, query.limit, query.offset, rest.collection_links(resource, asked))

    def row(self, name: str, request: Request, version: int) -> dict[str, Any]:
        party = self._party(request)
        rest.check_parameters(request, rest.ITEM_PARAMETERS)
        return self._shown(self._child(name, party, request), name, party, request, version)

    def create_child(self, name: str, request: Request, version: int) -> rest.Answer:
        party = self._party(request, writes=True)
        body = rest.json_object(request)
        values = _checked(body, CHILDREN[name])
        if not values.get(REQUIRED[name]):
            raise rest.Refused(400, f"The attribute {REQUIRED[name]} is required.", "27014")
        if name == NOTE.name:
            values |= {"PartyId": party["PartyId"], "PartyName": party["OrganizationName"]}
            if not self.pod.settings.keeps_titles:
                values["NoteTitle"] = None
        large = self._taken(name, body.get(LARGE[name]) or "")
        values[LARGE[name]] = self._as_json(name, large)
        row = self.pod.children.create(name, party["PartyId"], values, large, self.world.now())
        self._child_effect(request, "created", name, party, row)
        return rest.Answer(jsonx.dumps(self._shown(row, name, party, request, version)), 201)

    def update_child(self, name: str, request: Request, version: int) -> dict[str, Any]:
        party = self._party(request, writes=True)
        row = self._child(name, party, request)
        body = rest.json_object(request)
        values = _checked(body, CHILDREN[name])
        if LARGE[name] in body:
            content = self._taken(name, body[LARGE[name]] or "")
            self.pod.children.put_large(row[CHILDREN[name].id], content)
            values[LARGE[name]] = self._as_json(name, content)
        self.pod.children.table(name, party["PartyId"]).change(row[CHILDREN[name].id], values, self.world.now())
        self._child_effect(request, "updated", name, party, row)
        return self._shown(row, name, party, request, version)

    def delete_child(self, name: str, request: Request, _: int) -> rest.Answer:
        party = self._party(request, writes=True)
        row = self._child(name, party, request)
        self.pod.children.delete(name, party["PartyId"], row[CHILDREN[name].id])
        self._child_effect(request, "deleted", name, party, row)
        return rest.Answer(b"", 204)

    def large(self, name: str, request: Request, _: int) -> rest.Answer:
        row = self._child(name, self._party(request), request)
        return rest.Answer(self.pod.children.large(row[CHILDREN[name].id]))

    def put_large(self, name: str, request: Request, _: int) -> rest.Answer:
        if request.headers.get("content-type") != "application/octet-stream":
            raise rest.Refused(415)
        party = self._party(request, writes=True)
        row = self._child(name, party, request)
        content = request.state.body
        self.pod.children.put_large(row[CHILDREN[name].id], content)
        values = {LARGE[name]: self._as_json(name, content)}
        self.pod.children.table(name, party["PartyId"]).change(row[CHILDREN[name].id], values, self.world.now())
        self._child_effect(request, "text", name, party, row)
        return rest.Answer(b"", 204)

    # ---- what they share

    def _party(self, request: Request, *, writes: bool = False) -> Row:
        rest.check_version(request)
        if writes and not self.pod.settings.may_write:
            raise rest.Refused(403, "Unauthorized Access: Either you do not have the privilege, or have not signed in.")
        row = rest.by_url_key(self.pod.tables[HUB_ORGANIZATIONS.name], request.path_params["key"])
        if row is None:
            raise rest.Refused(404, "The resource item is not found.")
        return row

    def _child(self, name: str, party: Row, request: Request) -> Row:
        row = rest.by_url_key(self.pod.children.table(name, party["PartyId"]), request.path_params["child"])
        if row is None:
            raise rest.Refused(404, "The resource item is not found.")
        return row

    def _shown(self, row: Row, name: str, party: Row, request: Request, version: int) -> dict[str, Any]:
        return rest.item(CHILDREN[name], row, rest.view(request, CHILDREN[name], version, _below(party)))

    def _taken(self, name: str, text: str) -> bytes:
        """A large attribute as it came in JSON."""
        if name == NOTE.name and self.pod.settings.note_encoding == "plain":
            return text.encode()
        return decoded(text)

    def _as_json(self, name: str, content: bytes) -> str:
        if name == NOTE.name and self.pod.settings.note_encoding == "plain":
            return content.decode(errors="replace")
        return base64.b64encode(content).decode()

    def _child_effect(self, request: Request, change: str, name: str, party: Row, row: Row) -> None:
        key = f"{party['PartyNumber']}/{row[CHILDREN[name].id]}"
        title = row["NoteTitle" if name == NOTE.name else "FileName"]
        self._effect(request, f"{name.lower()}.{change}", key, title=title)

    def _effect(self, request: Request, kind: str, key: str, **detail: Any) -> None:
        self.world.effect(self.system, kind, key, request.state.request_id, **detail)


def _below(party: Row) -> str:
    return f"{HUB_ORGANIZATIONS.name}/{party['PartyNumber']}/child/"


def _checked(body: dict[str, Any], resource: Resource) -> Row:
    """The values of a request; what is no attribute, or is not the request's to set, is refused as ADF does it."""
    for name, value in body.items():
        attribute = resource.attributes.get(name)
        if attribute is None:
            raise rest.Refused(400, f"Definition {name} of type Attribute is not found in {resource.name}.", "25058")
        if name in OURS or name == resource.id:
            raise rest.Refused(400, f"The attribute {name} cannot be updated.", "27008")
        if (value is not None and not _fits(value, attribute)) or value not in VALUES.get(name, (value,)):
            raise rest.Refused(400, f"The value of the attribute {name} is not valid.", "27024")
    return {
        name: Decimal(str(value)) if resource.attributes[name].type is Type.NUMBER and value is not None else value
        for name, value in body.items()
        if name not in LARGE.values()
    }


def _fits(value: Any, attribute: Attribute) -> bool:
    match attribute.type:
        case Type.BOOLEAN:
            return isinstance(value, bool)
        case Type.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case Type.NUMBER:
            # Numbers with a fraction are read as text, see `jsonx`.
            return not isinstance(value, bool) and str(value).lstrip("-").replace(".", "", 1).isdigit()
        case _:
            return isinstance(value, str)
