"""Options of enum fields as a destination: reference data of the ERP that people choose from in Asana.

https://developers.asana.com/reference/createenumoptionforcustomfield
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from connectors.asana.client import VENDOR, Asana
from connectors.asana.errors import Refused
from connectors.asana.field_setup import FIELD_FIELDS, MOST_OPTIONS, of_workspace
from connectors.asana.fields import folded
from ml_connector.core.errors import RetryLater
from ml_connector.core.outcomes import later, outcome
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State

_FULL = f"the field has {MOST_OPTIONS} options, and Asana allows no more: let fewer records into it"
_NAMES = ("name", "enabled")


class _Field:
    """An enum field with all its options, those that are switched off, too."""

    __slots__ = ("_by_gid", "_by_name", "count", "gid")

    def __init__(self, gid: str, options: Sequence[Body]) -> None:
        self.gid = gid
        self.count = len(options)
        self._by_gid = {str(option["gid"]): option for option in options}
        self._by_name = {folded(str(option["name"])): option for option in options}

    def option(self, gid: str | None, name: str) -> Body | None:
        """By its id, else by its name in any case."""
        return self._by_gid.get(gid or "") or self._by_name.get(folded(name))

    def rename(self, names: Mapping[str, str]) -> None:
        """How options are going to be called, by their ids: what they are called so far is free for other records."""
        renamed = {gid: self._by_gid[gid] for gid in names if gid in self._by_gid}
        for option in renamed.values():
            self._by_name.pop(folded(str(option["name"])), None)
        self._by_name |= {folded(names[gid]): option for gid, option in renamed.items()}

    def reserve(self, option: Body) -> None:
        """It is going to be made, and takes a place from those that come behind it."""
        self.count += 1
        self._by_name[folded(option["name"])] = {"gid": None, **option}


class FieldOptions:
    """Writes `models.FieldOption` payloads: an upsert. An option is never deleted, for tasks may have it: one that is
    not in use any more is switched off."""

    system = VENDOR
    operation = "REST 1.0 enum_options"
    resend = Resend.FREELY

    def __init__(self, client: Asana) -> None:
        self.settle_seconds = client.settings.settle_seconds
        self._client = client

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        """Held, with the reason: what no longer fits into the field. Parked: what has no field."""
        del preview  # each field is looked at in any case
        fields = {title: await self._field(title) for title in {i.payload["field"] for i in intents}}
        for title, field in fields.items():
            of_field = [i for i in intents if i.payload["field"] == title]
            if field:
                field.rename({i.dest_id: i.payload["name"] for i in of_field if i.dest_id})
        return [_decision(intent, fields[intent.payload["field"]]) for intent in intents]

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """One after the other: of two changes of one field at the same time Asana refuses one (409). What is there goes
        first, for a new option may take a name that another one is giving up."""
        for decision in sorted(decisions, key=lambda decision: decision.dest_id is None):
            yield [await self._settled(decision)]

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether each option is there as it was sent. What lacks its field is decided anew."""
        fields = {gid: await self._read(gid) for gid in {d.request["field"] for d in decisions}}
        return [_verdict(decision, fields[decision.request["field"]]) for decision in decisions]

    async def _field(self, title: str) -> _Field | None:
        field = (await of_workspace(self._client)).get(title)
        if field is None or field.kind != "enum":
            return None
        if field.foreseen:
            return _Field(field.gid, [{"gid": gid, "name": name} for name, gid in field.options.items()])
        return await self._read(field.gid)

    async def _read(self, gid: str) -> _Field | None:
        try:
            row = await self._client.get(f"/custom_fields/{gid}", opt_fields=FIELD_FIELDS)
        except Refused as error:
            if not error.out_of_reach:
                raise
            return None
        return _Field(gid, row.get("enum_options") or [])

    async def _settled(self, decision: Decision) -> Outcome:
        try:
            return await self._written(decision)
        except Refused as error:
            return outcome(decision, State.REJECTED, error.message, error.request_id)
        except RetryLater as error:
            return later(decision, error)

    async def _written(self, decision: Decision) -> Outcome:
        request, key = decision.request, decision.source_id
        if decision.dest_id is None:
            path, data = f"/custom_fields/{request['field']}/enum_options", {"name": request["name"]}
            answer, request_id = await self._client.create(path, data, record_key=key, opt_fields="gid")
            gid = str(answer["data"]["gid"])
            return Outcome(decision.effect_id, State.APPLIED, decision.action, gid, request_id=request_id)
        data = {name: request[name] for name in _NAMES}
        request_id = await self._client.update(f"/enum_options/{decision.dest_id}", data, record_key=key)
        return outcome(decision, State.APPLIED, None, request_id)


def _decision(intent: Intent, field: _Field | None) -> Decision:
    if field is None:
        reason = (
            f"the workspace shows us no enum field `{intent.payload['field']}`: declare it with `type: enum` in the "
            "mapping of the tasks, and run `ml-connector apply`; if somebody has renamed it, give it its name back"
        )
        return Decision(intent.effect_id, intent.source_id, "", state=State.PARKED, reason=reason)
    name, enabled = intent.payload["name"], intent.payload.get("enabled", True)
    request: Body = {"field": field.gid, "name": name, "enabled": enabled}
    option = field.option(intent.dest_id, name)
    if option is None:
        decision = Decision(intent.effect_id, intent.source_id, "create", request, changed=_NAMES)
        if not enabled:
            decision.state, decision.reason = State.UNCHANGED, "it is not in use, and is no option"
        elif field.count >= MOST_OPTIONS:
            decision.state, decision.reason = State.HELD, _FULL
        else:
            field.reserve(request)
        return decision
    changed = tuple(key for key in _NAMES if option.get(key, True) != request[key])
    decision = Decision(intent.effect_id, intent.source_id, "update", request, option["gid"], changed=changed)
    if option["gid"] is None:
        decision.state, decision.reason = State.UNCHANGED, "a record of the same name makes the option"
    elif not changed and not intent.force:
        decision.state = State.UNCHANGED
    return decision


def _verdict(decision: Decision, field: _Field | None) -> Outcome:
    option = field.option(decision.dest_id, decision.request["name"]) if field else None
    if option is not None and all(option.get(name, True) == decision.request[name] for name in _NAMES):
        return Outcome(decision.effect_id, State.APPLIED, decision.action, option["gid"])
    return outcome(decision, State.RETRY_WAIT, "it was not written")
