"""What all emulators share: the effects seen, the faults asked for, the requests served."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Protocol

from starlette.routing import BaseRoute

REQUESTS_KEPT = 500
"""How many requests are kept with their bodies; the counts go on for ever."""


@dataclass(slots=True)
class Effect:
    """One state change at a destination. ``n`` counts from 1, ``at`` is ISO 8601 in UTC."""

    n: int
    at: str
    system: str
    kind: str
    key: str
    request_id: str
    detail: dict[str, Any]


@dataclass(slots=True)
class FaultRule:
    """A fault that some requests meet.

    It fires at every matching request, or at each ``every``-th, or with probability ``rate``; ``times`` limits how
    often in all. ``path`` is a shell pattern on the path below ``/{system}``, ``method`` a pattern too.
    """

    system: str
    fault: str
    method: str = "*"
    path: str = "*"
    times: int | None = None
    every: int | None = None
    rate: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    matched: int = 0
    hits: int = 0


class Faults:
    """The rules in force. The random ones are the same in every run of a test."""

    def __init__(self) -> None:
        self.rules: list[FaultRule] = []
        self._random = random.Random(1)

    def add(self, rule: FaultRule) -> None:
        self.rules.append(rule)

    def ask(self, system: str, fault: str, **told: Any) -> None:
        """Add a rule; of what is told, that which rules have no field for is a parameter of the fault."""
        own = {name: told.pop(name) for name in ("method", "path", "times", "every", "rate") if name in told}
        self.add(FaultRule(system, fault, **own, params=told))

    def clear(self) -> None:
        self.rules.clear()
        self._random.seed(1)

    def armed(self, system: str, fault: str, method: str, path: str) -> FaultRule | None:
        """The rule of this fault that fires at this request, if any; asking counts as one request."""
        for rule in self.rules:
            if rule.fault == fault and rule.system == system and self._fires(rule, method, path):
                rule.hits += 1
                return rule
        return None

    def _fires(self, rule: FaultRule, method: str, path: str) -> bool:
        if not (fnmatchcase(method, rule.method) and fnmatchcase(path, rule.path)):
            return False
        if rule.times is not None and rule.hits >= rule.times:
            return False
        rule.matched += 1
        if rule.every is not None:
            return rule.matched % rule.every == 0
        return rule.rate is None or self._random.random() < rule.rate


@dataclass(slots=True)
class SeenRequest:
    """One request to an emulator and its answer. ``status`` 0: the connection was cut without an answer.

    ``at``: when it came, in seconds of a clock that only goes forward.
    """

    n: int
    at: float
    system: str
    method: str
    path: str
    query: str
    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class World:
    """The state that the emulators share; one per sandbox."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.faults = Faults()
        self.requests: deque[SeenRequest] = deque(maxlen=REQUESTS_KEPT)
        self.request_counts: Counter[tuple[str, str, str, int]] = Counter()
        """Requests by (system, method, route, status); a route names its parameters: ``/users/{id}``."""

    def now(self) -> datetime:
        """The vendors' clock, UTC."""
        return datetime.now(UTC)

    def effect(self, system: str, kind: str, key: str, request_id: str, **detail: Any) -> None:
        """Record a state change that a request made at a destination."""
        at = self.now().isoformat()
        self.effects.append(Effect(len(self.effects) + 1, at, system, kind, key, request_id, detail))

    def reset(self) -> None:
        """Forget everything; the emulators are reset by whoever owns them."""
        self.effects.clear()
        self.faults.clear()
        self.requests.clear()
        self.request_counts.clear()


def configure(settings: Any, changes: dict[str, Any]) -> None:
    """Change an emulator's settings, a dataclass; ``ValueError`` on an unknown name."""
    known = {one.name for one in fields(settings)}
    if unknown := changes.keys() - known:
        raise ValueError(f"no setting {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    for name, value in changes.items():
        setattr(settings, name, value)


class Emulator(Protocol):
    """One vendor, played. Everything runs on the sandbox's event loop: no locks are needed."""

    system: str
    """Where it is mounted: ``/{system}``."""
    faults: frozenset[str]
    """The vendor's own faults, which it asks for with ``world.faults.armed``."""

    def __init__(self, world: World) -> None: ...

    def routes(self) -> Sequence[BaseRoute]:
        """Routes relative to ``/{system}``."""
        ...

    def reset(self) -> None:
        """Back to an empty system with its default settings and no issued tokens."""
        ...

    def configure(self, settings: dict[str, Any]) -> None:
        """Change settings; ``ValueError`` on an unknown name."""
        ...

    def expire_tokens(self) -> None:
        """Make every access token issued so far invalid."""
        ...

    def seed(self, collection: str, count: int, seed: int) -> int:
        """Create ``count`` objects, the same for the same ``seed``; the number created."""
        ...

    def state(self, collection: str) -> list[dict[str, Any]]:
        """All objects of a collection; ``KeyError`` if there is no such collection."""
        ...

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:
        """Change objects as the vendor's own users would; the keys of the objects changed."""
        ...
