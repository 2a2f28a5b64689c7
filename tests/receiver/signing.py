"""Signs as the vendors do: written from their documents, apart from the verifiers."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime

Headers = list[tuple[bytes, bytes]]


def zendesk(secret: str, at: float, body: bytes) -> Headers:
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    mac = hmac.new(secret.encode(), stamp + body, hashlib.sha256)
    return [
        (b"x-zendesk-webhook-signature", b64encode(mac.digest())),
        (b"x-zendesk-webhook-signature-timestamp", stamp),
    ]


def slack(secret: str, at: float, body: bytes) -> Headers:
    stamp = str(int(at)).encode()
    mac = hmac.new(secret.encode(), b"v0:" + stamp + b":" + body, hashlib.sha256)
    return [(b"x-slack-signature", b"v0=" + mac.hexdigest().encode()), (b"x-slack-request-timestamp", stamp)]


def asana(secret: str, _at: float, body: bytes) -> Headers:
    return [(b"x-hook-signature", hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode())]
