"""What a refusal of Workday means for us.

SOAP faults are HTTP 500 whatever the reason, so the status that they deserve is read out of them first. Their texts
quote what was sent and what is stored, so none is repeated: a message of ours holds types and places only.
"""

from __future__ import annotations

import re

from connectors.workday.answers import Fault, read_fault
from ml_connector.core import jsonx
from ml_connector.core.errors import ConnectorError, Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.response import Response

_THROTTLED = re.compile(r"too many requests|rate limit|throttl|limit exceeded|try again later", re.IGNORECASE)
_UNAUTHORIZED = re.compile(r"not authorized|permission|access denied", re.IGNORECASE)
_TYPE = re.compile(r"for type = '(\w{1,60})'")
_PLACE = re.compile(r"[\w:/\[\]-]{1,300}")
_WORD = re.compile(r"[\w.\[\]-]{1,60}")


def status(response: Response) -> int:
    """401 for a refused user, 403 for a missing permission, 400 and 422 for a refused request, 429 for a throttle."""
    if response.status != 500:
        return response.status
    fault = read_fault(response.body)
    if fault is None or _THROTTLED.search(fault.message):
        return 429 if fault is not None else 500
    if fault.code == "authenticationError":
        return 401
    if _UNAUTHORIZED.search(fault.message):
        return 403
    if fault.code == "validationError" or fault.kind == "Validation_Fault":
        return 400
    return 422 if fault.kind == "Processing_Fault" or fault.code == "Client" else 500


def explain(response: Response, phase: str) -> ConnectorError:
    """The error that a refused answer stands for."""
    fault, found = read_fault(response.body), response.status
    request_id = response.request_id
    if found == 401:
        return Reauthenticate("the user name or password is refused", phase=phase, request_id=request_id)
    if found == 403:
        return Misconfigured(
            "the integration system user is accepted, but not for this: give its security group access, then "
            "activate the pending security policy changes",
            phase=phase,
            request_id=request_id,
        )
    if found == 404:
        return Misconfigured(
            "there is nothing at this address: compare tenant, service, version and path of the connection",
            phase=phase,
            request_id=request_id,
        )
    if found in (408, 429) or found >= 500:
        return RetryLater(f"answered {found}", phase=phase, request_id=request_id)
    said = _places(fault) if fault is not None else _codes(response)
    return Misconfigured(f"the request is refused ({found}){said}", phase=phase, request_id=request_id)


def _places(fault: Fault) -> str:
    parts = [f"at {path.rpartition('/')[2]}" for path in fault.paths if _PLACE.fullmatch(path)]
    parts += [f"an id of type {kind} is not known" for kind in _TYPE.findall(fault.message)]
    return f": {fault.kind or fault.code} {'; '.join(dict.fromkeys(parts))}".rstrip()


def _codes(response: Response) -> str:
    """Codes and parameters of an error of the REST interface: ``{"errors": [{"code": "S22", "field": "limit"}]}``."""
    try:
        body = jsonx.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    errors = body.get("errors") if isinstance(body, dict) else None
    parts = [
        " ".join(word for name in ("code", "field") if _WORD.fullmatch(word := str(one.get(name) or "")))
        for one in (errors if isinstance(errors, list) else [])[:5]
        if isinstance(one, dict)
    ]
    return f": {'; '.join(parts)}" if any(parts) else ""
