"""Apart: a record that cannot be asked about must not hold up those that are asked about together with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ml_connector.core.db import UNREACHABLE
from ml_connector.core.errors import AbortRun, RejectRecord, RetryLater, SafeError

T = TypeVar("T")
R = TypeVar("R")

ASKS = 64
"""Questions about one chunk. About what is left then it is asked when the chunk is taken up the next time."""
IN_VAIN = 24
"""So many parts, single records among them, are not answered, and no other is: then no record is to blame."""


@dataclass(slots=True)
class Asked(Generic[T, R]):
    """What was answered, and the records that nothing can be said of, with the error; of ``left`` nobody was asked."""

    answers: list[R] = field(default_factory=list)
    odd: list[tuple[T, Exception]] = field(default_factory=list)
    left: int = 0


async def apart(ask: Callable[[Sequence[T]], Awaitable[Sequence[R]]], about: Sequence[T]) -> Asked[T, R]:
    """Ask about all together, and where that fails about ever smaller parts, down to the single records that fail it.

    Raises what is no record's fault: the credential, the configuration, our database, a vendor that asks to be left
    alone, or that takes no part. ``ask`` only reads, so that it may be asked twice.
    """
    found: Asked[T, R] = Asked()
    parts = deque([about] if about else [])
    failed: list[Exception] = []
    heard = False
    for _ in range(ASKS):
        if not parts:
            break
        part = parts.popleft()
        try:
            found.answers += await ask(part)
            heard = True
        except (AbortRun, *UNREACHABLE):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it may be for one record's sake
            failed.append(error)
            heard = heard or (isinstance(error, RejectRecord) and len(part) == 1)
            if not heard and _is_nobodys(failed, len(about)):
                raise failed[0] from None
            half = len(part) // 2
            if not half:
                found.odd.append((part[0], error))
            elif isinstance(error, RetryLater) and not heard:
                parts.extend((part[:half], part[half:]))  # each call to a dead vendor takes long: first the other half
            else:
                parts.extendleft((part[half:], part[:half]))
    found.left = sum(map(len, parts))
    return found


def why(error: Exception) -> str:
    """The error for the ledger and for people, without values."""
    return error.message if isinstance(error, RejectRecord) else str(SafeError.of(error))


def _is_nobodys(failed: Sequence[Exception], records: int) -> bool:
    """Whether what has failed so far, without an answer between, is to be laid to no record."""
    if isinstance(failed[-1], RetryLater):
        return failed[-1].retry_after is not None or records == 1 or len(failed) == 3  # all, and both halves
    return len(failed) == IN_VAIN
