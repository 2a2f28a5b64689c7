"""One answer of a vendor, and whether it settles the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ml_connector.core import jsonx
from ml_connector.core.errors import RetryLater

_UNREAD: Any = object()
_GAVE_UP = (500, 502, 504)
"""What a gateway answers for a server that does not come to an end."""
_LONGEST_RETRY_AFTER = 3600.0  # seconds; Retry-After: 1000000000 is a mistake, not a wish


@dataclass(slots=True, frozen=True)
class Response:
    """``headers`` have lower-case names; ``request_id`` is the vendor's own, ``server_time`` its Date header in UTC."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request_id: str | None = None
    server_time: datetime | None = None
    _parsed: Any = field(default=_UNREAD, repr=False, compare=False)

    def json(self) -> Any:
        """The body as JSON (see `jsonx.loads`).

        `RetryLater` if it is none: cut off, an HTML page, another content type. `HttpClient` calls this on each
        accepted answer to a request that asked for JSON, so there it has already held.
        """
        if self._parsed is _UNREAD:
            object.__setattr__(self, "_parsed", self._parse())
        return self._parsed

    def retry_after(self, now: datetime) -> float | None:
        """The seconds for which the vendor asks us to stay away (RFC 9110, section 10.2.3), or None.

        A date is compared with the vendor's own clock, where it tells it.
        """
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value)
        until = parse_date(value)
        return max(0.0, (until - (self.server_time or now)).total_seconds()) if until else None

    def _parse(self) -> Any:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not kind.endswith(("/json", "+json")):
            raise RetryLater(f"answered {kind[:60]} where JSON was expected", request_id=self.request_id)
        try:
            return jsonx.loads(self.body)
        except (ValueError, RecursionError):
            pass  # raised below, so that the decoding error, which carries the body, does not travel along
        raise RetryLater("answered with JSON that is cut off or malformed", request_id=self.request_id)


def parse_date(value: str) -> datetime | None:
    """An HTTP date as UTC, or None if it is none."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


@dataclass(slots=True, frozen=True)
class Problem:
    """A try that failed in a way that may pass. ``unsent``: the vendor has certainly not acted on the request.

    ``too_much``: less, if it had been asked for, might have come in time.
    """

    reason: str
    unsent: bool
    retry_after: float | None = None
    request_id: str | None = None
    too_much: bool = False


def judge(response: Response) -> Response | Problem:
    """Tell a status that may be another one later from one that will not. Nobody expected the ones below 300."""
    status = response.status
    if 300 <= status < 500 and status not in (408, 425, 429):
        return response
    wait = response.retry_after(datetime.now(UTC))
    return Problem(
        f"answered {status}",
        unsent=status == 429,
        retry_after=None if wait is None else min(wait, _LONGEST_RETRY_AFTER),
        request_id=response.request_id,
        too_much=status in _GAVE_UP,
    )


def decode(response: Response) -> Response | Problem:
    """The same answer, its JSON read; a body that is none is a problem that may pass."""
    try:
        response.json()
    except RetryLater as error:
        return Problem(error.message, unsent=False, request_id=response.request_id)
    return response


def no_page(response: Response) -> Response | Problem:
    """The same answer, unless it is a page for people: a problem that may pass."""
    if "html" not in response.headers.get("content-type", ""):
        return response
    return Problem("answered text/html where XML was expected", unsent=False, request_id=response.request_id)
