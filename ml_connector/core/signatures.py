"""Proof that a delivery comes from the vendor: one strict verifier for each way of signing.

A verifier takes the headers and the body as they arrived and returns, or raises RejectEvent with the reason; it raises
nothing else, whatever it is given. All valid secrets are tried, so that two can be valid while one replaces the other.

Signatures are compared as text, in the one spelling that the vendor writes: decoders take many spellings for the same
bytes. What is signed is computed with every secret before anything is judged, and compared in constant time, so that
the time taken does not tell what was wrong.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ml_connector.core.errors import RejectEvent
from ml_connector.core.secret import Secret

Headers = Iterable[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case, values as they arrived."""
Verifier = Callable[[Headers, bytes, Sequence[Secret], float], None]
"""Takes the headers, the body, the valid secrets and our time (seconds since the epoch)."""
FRESH_SECONDS = 300.0
"""How far the signed time may be from ours, in both directions."""

# The signed text has no separator, so the form of the time must say where it ends.
_RFC3339 = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z")
_EPOCH = re.compile(rb"[1-9]\d{0,11}")


def verify_zendesk(headers: Headers, body: bytes, secrets: Sequence[Secret], now: float) -> None:
    """https://developer.zendesk.com/documentation/webhooks/verifying/"""
    signature, timestamp = _each_once(headers, b"x-zendesk-webhook-signature", b"x-zendesk-webhook-signature-timestamp")
    proven = _equals_any(signature, [zendesk_signature(secret, timestamp, body) for secret in secrets])
    _judge(bool(signature and timestamp), proven, _rfc3339(timestamp), now)


def verify_slack(headers: Headers, body: bytes, secrets: Sequence[Secret], now: float) -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    signature, timestamp = _each_once(headers, b"x-slack-signature", b"x-slack-request-timestamp")
    proven = _equals_any(signature, [slack_signature(secret, timestamp, body) for secret in secrets])
    moment = int(timestamp) if _EPOCH.fullmatch(timestamp) else None
    _judge(bool(signature and timestamp), proven, moment, now)


def verify_asana(headers: Headers, body: bytes, secrets: Sequence[Secret], now: float) -> None:
    """https://developers.asana.com/docs/webhooks-guide; Asana signs no time, so a delivery never becomes stale."""
    (signature,) = _each_once(headers, b"x-hook-signature")
    proven = _equals_any(signature, [asana_signature(secret, body) for secret in secrets])
    _judge(bool(signature), proven, now, now)


def zendesk_signature(secret: Secret, timestamp: bytes, body: bytes) -> bytes:
    """The secret is used as it is written, although it looks like base64."""
    return base64.b64encode(hmac.digest(_key(secret), timestamp + body, "sha256"))


def slack_signature(secret: Secret, timestamp: bytes, body: bytes) -> bytes:
    return b"v0=" + hmac.digest(_key(secret), b"v0:" + timestamp + b":" + body, "sha256").hex().encode()


def asana_signature(secret: Secret, body: bytes) -> bytes:
    return hmac.digest(_key(secret), body, "sha256").hex().encode()


def _key(secret: Secret) -> bytes:
    return secret.reveal().encode()


def _each_once(headers: Headers, *names: bytes) -> list[bytes]:
    """The values of these headers; empty for one that is missing or comes twice."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in names:
            found[name] = b"" if name in found else value
    return [found.get(name, b"") for name in names]


def _equals_any(given: bytes, expected: Sequence[bytes]) -> bool:
    equal = False
    for signature in expected:
        equal |= hmac.compare_digest(given, signature)
    return equal


def _rfc3339(timestamp: bytes) -> float | None:
    form = _RFC3339.fullmatch(timestamp)
    try:
        return datetime.fromisoformat(form[1].decode() + "+00:00").timestamp() if form else None
    except ValueError:  # the 31st of February
        return None


def _judge(complete: bool, proven: bool, moment: float | None, now: float) -> None:
    if not complete:
        raise _rejected("a header of the signature is missing, or comes twice")
    if not proven:
        raise _rejected("the signature does not fit: it was made with another secret, or the request was changed")
    if moment is None:
        raise _rejected("the signed time is malformed")
    if abs(now - moment) > FRESH_SECONDS:
        raise _rejected(f"it was signed {now - moment:.0f} s ago; at most {FRESH_SECONDS:.0f} s are accepted")


def _rejected(reason: str) -> RejectEvent:
    return RejectEvent(reason, phase="verify")
