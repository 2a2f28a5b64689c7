"""An OAuth 2.0 token, and where it is kept."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ml_connector.core import jsonx
from ml_connector.core.secret import Secret


@dataclass(slots=True, frozen=True)
class Token:
    """``expires_at`` None: it does not expire."""

    access: Secret
    refresh: Secret | None
    issued_at: datetime
    expires_at: datetime | None

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def is_stale(self, now: datetime) -> bool:
        """Less than 5 minutes are left, or less than half of a life that is shorter than 10 minutes."""
        if self.expires_at is None:
            return False
        margin = min(timedelta(minutes=5), (self.expires_at - self.issued_at) / 2)
        return now >= self.expires_at - margin

    def authorization(self) -> str:
        return f"Bearer {self.access.reveal()}"

    def dump(self) -> bytes:
        """In clear, for the vault; `load` reads it."""
        return jsonx.dumps(
            {
                "access": self.access.reveal(),
                "refresh": self.refresh and self.refresh.reveal(),
                "issued_at": self.issued_at.isoformat(),
                "expires_at": self.expires_at and self.expires_at.isoformat(),
            }
        )

    @classmethod
    def load(cls, raw: bytes) -> Token:
        stored = jsonx.loads(raw)
        return cls(
            access=Secret(stored["access"]),
            refresh=Secret(stored["refresh"]) if stored["refresh"] else None,
            issued_at=datetime.fromisoformat(stored["issued_at"]),
            expires_at=datetime.fromisoformat(stored["expires_at"]) if stored["expires_at"] else None,
        )


class TokenSlot(Protocol):
    """The stored token of one connection, while its row is locked."""

    token: Token | None

    async def save(self, token: Token) -> None: ...


class TokenStore(Protocol):
    def locked(self) -> AbstractAsyncContextManager[TokenSlot]:
        """Locks the token against every other process. What was saved is durable when the context is left."""
        ...
