"""``POST /hooks/{token}``: prove the raw bytes, store the event, and only then say 2xx.

Plain ASGI, because this is the one path that must be fast. Nothing of a body is ever logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from starlette.types import Receive, Send

from ml_connector.core.errors import RejectEvent, SafeError
from ml_connector.core.inbox_writer import Arrival, InboxWriter, NotStored
from ml_connector.core.signatures import Headers
from ml_connector.core.webhooks import Delivery
from ml_connector.receiver.directory import Directory, Entry
from ml_connector.receiver.handshake import Handshakes, Header, offered
from ml_connector.receiver.limits import Bucket, Limits
from ml_connector.receiver.metrics import Metrics

log = logging.getLogger(__name__)

_RETRY_AFTER = (b"retry-after", b"30")
"""Seconds. Zendesk comes again after 429 and 503 only if told to come within 60."""
_ANSWERS = {
    "stored": (200, ()),
    "known": (200, ()),
    "handshake": (200, ()),
    "refused": (401, ()),
    "too_large": (413, ((b"connection", b"close"),)),
    "too_many": (429, (_RETRY_AFTER,)),
    "not_stored": (503, (_RETRY_AFTER,)),
}


class _TooLarge(Exception):
    """The body passes the limit."""


class _Gone(Exception):
    """The sender has gone, or was cut off, before it had sent all."""


class Hooks:
    """Takes deliveries. ``ring`` is told the tenant of whatever was stored."""

    def __init__(
        self,
        directory: Directory,
        handshakes: Handshakes,
        writer: InboxWriter,
        metrics: Metrics,
        limits: Limits,
        ring: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._handshakes = handshakes
        self._writer = writer
        self._metrics = metrics
        self._limits = limits
        self._ring = ring
        self._buckets: dict[tuple[str, str], Bucket] = {}

    async def __call__(self, token: str, headers: Headers, receive: Receive, send: Send) -> None:
        """Take one request, and answer it."""
        answer, back = b"", offered(headers)
        try:
            body = await _read(headers, receive, self._limits.body_bytes)
        except _Gone:
            return
        except _TooLarge:
            outcome = "too_large"
        else:
            started = time.perf_counter()
            outcome, answer = await self._take(token, headers, body, back)
            self._metrics.seconds.observe(time.perf_counter() - started)
        self._metrics.deliveries.labels(outcome).inc()
        status, more = _ANSWERS[outcome]
        if outcome == "handshake" and back is not None:
            more = (back,)
        told = [(b"content-length", str(len(answer)).encode())]
        if answer:
            told.append((b"content-type", b"text/plain"))
        await send({"type": "http.response.start", "status": status, "headers": [*told, *more]})
        await send({"type": "http.response.body", "body": answer})

    async def _take(self, token: str, headers: Headers, body: bytes, back: Header | None) -> tuple[str, bytes]:
        """What has become of the delivery, and the answer's body. It is never lost silently: what we cannot judge or
        keep is sent again."""
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                if back is not None:
                    await self._handshakes.check(token, back)
                    return "handshake", b""
                entries, delivery = await self._proven(token, headers, body)
                return await self._store(entries, delivery), delivery.answer
        except RejectEvent as error:
            log.info("refused: %s", error.message)
            return "refused", b""
        except (NotStored, TimeoutError) as error:
            log.warning("not stored: %s", str(error) or "the database did not answer in time")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not cost an event, nor show one
            log.error("not stored: %s", SafeError.of(error))  # noqa: TRY400 - a trace could show the body
        return "not_stored", b""

    async def _proven(self, token: str, headers: Headers, body: bytes) -> tuple[list[Entry], Delivery]:
        """The delivery and where it belongs. Raises RejectEvent, for an unknown token as for a wrong signature."""
        entry = await self._directory.find(token)
        try:
            entry.verify(headers, body, time.time())
        except RejectEvent:
            # the address, or a secret that has just taken the place of another, may be younger than what we remember
            entry = await self._directory.find_again(token)
            entry.verify(headers, body, time.time())
        delivery = entry.webhook.read(headers, body)
        if delivery.account is None:
            return [entry], delivery
        wanted = await self._directory.of_account(entry, delivery.account)
        entries = [one for one in wanted if one.endpoint == entry.endpoint or _is_proven(one, headers, body)]
        if not entries:
            whose = entry.endpoint.account or "nobody's yet: run `ml-connector apply`"
            raise RejectEvent(f"it is of another account than that of this address, which is {whose}")
        return entries, delivery

    async def _store(self, entries: Sequence[Entry], delivery: Delivery) -> str:
        """Keep the events; returns once they are committed."""
        arrivals = []
        for entry in entries:
            tenant, connection = entry.endpoint.tenant, entry.endpoint.connection
            if not self._buckets.setdefault((tenant, connection), Bucket(self._limits)).take():
                return "too_many"
            arrivals += [Arrival(tenant, connection, event, entry.seal(event)) for event in delivery.events]
        if not arrivals or not await self._writer.put(arrivals):
            return "known"
        for tenant in {entry.endpoint.tenant for entry in entries}:
            self._ring(tenant)
        return "stored"


def _is_proven(entry: Entry, headers: Headers, body: bytes) -> bool:
    """Whether the delivery is signed with a secret of this connection, too."""
    try:
        entry.verify(headers, body, time.time())
    except RejectEvent:
        return False
    return True


async def _read(headers: Headers, receive: Receive, most: int) -> bytes:
    """The raw body. Raises _TooLarge as soon as it is known to be, and _Gone."""
    for name, value in headers:
        if name == b"content-length" and (not value.isdigit() or len(value) > 12 or int(value) > most):
            raise _TooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _Gone
        body += message["body"]
        if len(body) > most:
            raise _TooLarge
        if not message["more_body"]:
            return bytes(body)
