"""What a refusal of QAD means for us. It may come inside of HTTP 200, so the status is read out of the body first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ml_connector.core import jsonx
from ml_connector.core.errors import ConnectorError, Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.response import Response

_HEAD = 4096  # bytes within which a body of an error says so
_WORD = re.compile(r"[\w.-]{1,80}")


def status(response: Response) -> int:
    """The status that the errors of an answer stand for: their own code if it is one of HTTP, else 422."""
    if response.status != 200 or not re.search(rb'"(submitResult|errors)"', response.body[:_HEAD]):
        return response.status
    body = _parsed(response)
    errors = list(_errors(body))
    if not errors:
        return 200
    codes = [int(code) for one in errors if re.fullmatch(r"[45]\d\d", code := str(one.get("code") or ""))]
    return codes[0] if codes else 422


def explain(response: Response, phase: str) -> ConnectorError:
    """The error that a refused answer stands for. Names fields, repeats no text."""
    found, request_id = response.status, response.request_id
    fields = [name for one in _errors(_parsed(response)) if _WORD.fullmatch(name := str(one.get("fieldName") or ""))]
    said = f": {', '.join(fields[:5])}" if fields else ""
    if found == 401:
        return Reauthenticate("the session or the credential is refused", phase=phase, request_id=request_id)
    if found == 403:
        return Misconfigured(
            "the user is accepted, but not for this: give its role access to the browse in this workspace",
            phase=phase,
            request_id=request_id,
        )
    if found == 404:
        return Misconfigured(
            "there is nothing at this address: origin must end in the context root (/clouderp or /qad-central)",
            phase=phase,
            request_id=request_id,
        )
    if found >= 500 or found in (408, 429):
        return RetryLater(f"answered {found}", phase=phase, request_id=request_id)
    return Misconfigured(
        f"the request is refused ({found}){said}: compare filters and columns of the entity with what "
        "`ml-connector discover` lists",
        phase=phase,
        request_id=request_id,
    )


def _parsed(response: Response) -> Any:
    try:
        return jsonx.loads(response.body)
    except (ValueError, RecursionError):
        return None


def _errors(body: Any) -> Iterator[dict[str, Any]]:
    """Of ``{"submitResult": {"success": false, "errors": [...]}}`` or ``{"errors": [...]}``."""
    if not isinstance(body, dict):
        return
    result = body.get("submitResult")
    if isinstance(result, dict) and result.get("success") is False:
        listed = result.get("errors") or [{}]
    else:
        listed = body.get("errors")
    yield from (one for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict))
