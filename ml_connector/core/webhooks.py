"""What a connector says about the deliveries of its vendor."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from ml_connector.core.findings import Finding
from ml_connector.core.secret import Secret
from ml_connector.core.signatures import Headers, Verifier


@dataclass(slots=True, frozen=True)
class Event:
    """Something that has happened at the vendor. A hint: whoever handles it reads the object afresh."""

    event_id: str
    """The sender's own id: what comes again with the same one is the same event."""
    kind: str
    """In the vendor's words: ``ticket.status_changed``."""
    object_key: str
    """What it happened to: ``ticket:35436``. Events of one object are handed out in the order of their arrival."""
    body: bytes = field(repr=False)


@dataclass(slots=True, frozen=True)
class News:
    """What a person must know of a channel, as it is when an event has made us look."""

    finding: Finding
    """``ok``: nothing needs to be done."""
    channel: Collection[str]
    """Every name that a rule may have for the channel."""


@dataclass(slots=True, frozen=True)
class Delivery:
    """What one proven request holds."""

    account: str | None
    """The vendor's id of the account that sent it, if the delivery says so."""
    events: Sequence[Event]
    answer: bytes = b""
    """What the vendor wants to read in our 200, as plain text: some prove an address with a challenge."""


@dataclass(slots=True, frozen=True)
class Webhook:
    """How a vendor's deliveries are proved, and read once they are. ``read`` raises RejectEvent if it cannot."""

    verify: Verifier
    read: Callable[[Headers, bytes], Delivery]
    handshake: bytes | None = None
    """The header, in lower case, that proves an address to us while we create a webhook there; it is sent back."""
    settles: bool = True
    """The first proven delivery says which account an address belongs to. Not where one address serves all accounts of
    an app: there `SecretKeeper.belongs_to` says it, and nothing else."""


class SecretKeeper(Protocol):
    """Takes the signing secrets of new webhooks (handshakes.py)."""

    async def __call__(self, webhook: str, secret: Secret, /) -> None:
        """Keep the secret of the webhook of this name: deliveries are taken from now on."""
        ...

    async def belongs_to(self, account: str, /) -> bool:
        """Take deliveries of this account of the vendor, and of no other; whether that is new."""
        ...

    def handshake(self) -> AbstractAsyncContextManager[None]:
        """While this is open the receiver answers a handshake: open it right around the call that creates a webhook."""
        ...
