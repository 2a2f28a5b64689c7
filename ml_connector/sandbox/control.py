"""The control interface under ``/_sandbox``: what tests and the demo do to the vendors, and what they count there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ml_connector.sandbox.gate import GENERIC_FAULTS
from ml_connector.sandbox.world import Emulator, World


class Control:
    """One method per address."""

    def __init__(self, world: World, emulators: Mapping[str, Emulator]) -> None:
        self.world = world
        self.emulators = emulators

    def routes(self) -> list[Route]:
        return [
            Route("/reset", self.reset, methods=["POST"]),
            Route("/seed", self.seed, methods=["POST"]),
            Route("/settings", self.settings, methods=["POST"]),
            Route("/mutate", self.mutate, methods=["POST"]),
            Route("/faults", self.add_fault, methods=["POST"]),
            Route("/faults", self.list_faults, methods=["GET"]),
            Route("/faults", self.clear_faults, methods=["DELETE"]),
            Route("/effects", self.effects, methods=["GET"]),
            Route("/requests", self.requests, methods=["GET"]),
            Route("/state/{system}/{collection}", self.state, methods=["GET"]),
        ]

    async def reset(self, _: Request) -> Response:
        """Everything as after a start."""
        self.world.reset()
        for emulator in self.emulators.values():
            emulator.reset()
        return _json({})

    async def seed(self, request: Request) -> Response:
        """``{system, collection, count, seed}`` -> ``{count}`` objects created."""
        body = await _body(request)
        emulator = self._emulator(body.pop("system"))
        count = emulator.seed(body["collection"], int(body["count"]), int(body.get("seed", 1)))
        return _json({"count": count})

    async def settings(self, request: Request) -> Response:
        """``{system, name: value...}``."""
        body = await _body(request)
        self._emulator(body.pop("system")).configure(body)
        return _json({})

    async def mutate(self, request: Request) -> Response:
        """``{system, collection, ...change}`` -> ``{keys}`` of the objects changed."""
        body = await _body(request)
        emulator = self._emulator(body.pop("system"))
        return _json({"keys": emulator.mutate(body.pop("collection"), body)})

    async def add_fault(self, request: Request) -> Response:
        """``{system, fault, method?, path?, times|every|rate?, ...params}``."""
        body = await _body(request)
        known = GENERIC_FAULTS | self._emulator(body["system"]).faults
        if body["fault"] not in known:
            raise ValueError(f"no fault {body['fault']!r}; there are {', '.join(sorted(known))}")
        self.world.faults.ask(**body)
        return _json({})

    async def list_faults(self, _: Request) -> Response:
        """The rules with how often each matched and fired."""
        return _json({"faults": self.world.faults.rules})

    async def clear_faults(self, _: Request) -> Response:
        """No more faults."""
        self.world.faults.clear()
        return _json({})

    async def effects(self, request: Request) -> Response:
        """``?since=N&system=&kind=`` -> the effects after number N, and ``last``, the number to go on from."""
        wanted = {name: request.query_params[name] for name in ("system", "kind") if name in request.query_params}
        since = int(request.query_params.get("since", 0))
        found = [
            effect
            for effect in self.world.effects[since:]
            if all(getattr(effect, name) == value for name, value in wanted.items())
        ]
        return _json({"effects": found, "last": len(self.world.effects)})

    async def requests(self, request: Request) -> Response:
        """``?system=&last=N`` -> counts per route and status, and the last N requests (without bodies)."""
        system = request.query_params.get("system")
        counts = [
            {"system": key[0], "method": key[1], "route": key[2], "status": key[3], "count": count}
            for key, count in self.world.request_counts.items()
            if system in (None, key[0])
        ]
        shown = ("n", "at", "system", "method", "path", "query", "status")
        seen = [one for one in self.world.requests if system in (None, one.system)]
        last = seen[-int(request.query_params.get("last", 50)) :]
        return _json({"counts": counts, "last": [{name: getattr(one, name) for name in shown} for one in last]})

    async def state(self, request: Request) -> Response:
        """All objects of a collection as the vendor holds them."""
        emulator = self._emulator(request.path_params["system"])
        return _json({"objects": emulator.state(request.path_params["collection"])})

    def _emulator(self, system: str) -> Emulator:
        if system not in self.emulators:
            raise ValueError(f"no system {system!r}; there are {', '.join(sorted(self.emulators))}")
        return self.emulators[system]


async def refused(_: Request, error: Exception) -> Response:
    """A control request that makes no sense: say why."""
    return _json({"error": f"{type(error).__name__}: {error}"}, status=400)


async def _body(request: Request) -> dict[str, Any]:
    body = orjson.loads(await request.body() or b"{}")
    if not isinstance(body, dict):
        raise ValueError("the body is not a JSON object")
    return body


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value, default=str), status_code=status, media_type="application/json")
