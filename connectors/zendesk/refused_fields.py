"""Fields that Zendesk refuses: what an object can do without is left out, and said in its outcome.

An account may want phone numbers to be valid or unique
(https://developer.zendesk.com/documentation/voice/talk-partner-edition/creating-a-user-profile-in-support-for-a-caller/),
and a custom field may have options or a pattern that the ERP's value does not meet: no reason to keep back a customer.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.zendesk.compare import CUSTOM
from connectors.zendesk.errors import Problem
from connectors.zendesk.fields import CustomFields
from connectors.zendesk.writing import Work
from ml_connector.core.records import Body, Decision

_OPTIONAL = frozenset({"phone", "locale", "details", "notes", "tags", "domain_names"})
_ANY = "base"
"""Under this name Zendesk puts what it does not say of one attribute."""


def without_refused(work: Work, problem: Problem, fields: CustomFields) -> Work | None:
    """The same write without the fields at fault. None if they are not named, or are needed, or are all there is."""
    names = {name for name, _ in problem.fields if name != _ANY} | fields.titled(problem.text)
    refused = {_dotted(name, work.body) for name in names}
    left = _less(work.body, refused)
    if not refused or None in refused or not left.keys() - {"id"}:
        return None
    return _decided(replace(work, body=left, attempt=work.attempt + 1), _without(work.decision, refused, problem))


def _dotted(name: str, body: Body) -> str | None:
    """The dotted name of an optional field of ``body`` that a problem names."""
    if name in _OPTIONAL or name in body:
        return name if name in _OPTIONAL and name in body else None
    for section in CUSTOM:
        key = name.removeprefix(f"{section}.")
        if key in body.get(section, {}):
            return f"{section}.{key}"
    return None


def _less(body: Body, refused: set[str | None]) -> Body:
    left = {name: value for name, value in body.items() if name not in refused}
    for section in CUSTOM:
        if section in left:
            left[section] = {key: v for key, v in left[section].items() if f"{section}.{key}" not in refused}
            if not left[section]:
                del left[section]
    return left


def _without(decision: Decision, refused: set[str | None], problem: Problem) -> Decision:
    """The decision as it can be carried out; its reason becomes that of the outcome."""
    said = f"written without {', '.join(sorted(filter(None, refused)))}: Zendesk refuses {problem}"
    request = decision.request
    request = {**request, "user": _less(request["user"], refused)} if "user" in request else _less(request, refused)
    return replace(decision, request=request, reason="; ".join(filter(None, [decision.reason, said])))


def _decided(work: Work, decision: Decision) -> Work:
    return replace(work, decision=decision, then=_decided(work.then, decision) if work.then else None)
