"""In front of all emulators: carries out the generic faults and keeps count of the requests."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_connector.sandbox.world import Emulator, FaultRule, SeenRequest, World

GENERIC_FAULTS = frozenset(
    {"status", "apply_then_status", "lose_response", "reset", "delay", "truncate", "html", "huge", "expire_token"}
)
SIGN_IN_PAGE = b"<!DOCTYPE html><html><head><title>Sign In</title></head><body>Sign In</body></html>"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Gate:
    """Raw ASGI, because the faults need the connection itself."""

    def __init__(self, app: ASGIApp, world: World, emulators: Mapping[str, Emulator]) -> None:
        self.app = app
        self.world = world
        self.emulators = emulators

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        system, path = _split(scope["path"]) if scope["type"] == "http" else ("", "")
        if system not in self.emulators:
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self.world.now)
        try:
            await self._with_faults(exchange, system, path)
        finally:
            self._remember(exchange, system, path)

    async def _with_faults(self, exchange: Exchange, system: str, path: str) -> None:
        def armed(fault: str) -> FaultRule | None:
            return self.world.faults.armed(system, fault, exchange.method, path)

        if armed("expire_token"):
            self.emulators[system].expire_tokens()
        if rule := armed("delay"):
            await asyncio.sleep(float(rule.params["seconds"]))
        if armed("reset"):
            await exchange.cut()
        elif rule := armed("status"):
            await exchange.answer(rule)
        elif armed("html"):
            await exchange.reply(200, {"content-type": "text/html; charset=utf-8"}, SIGN_IN_PAGE)
        elif rule := armed("huge"):
            await exchange.fill(int(rule.params["mebibytes"]))
        elif armed("lose_response"):
            await exchange.carry_out(self.app)
            await exchange.cut()
        elif rule := armed("apply_then_status"):
            await exchange.carry_out(self.app)
            await exchange.answer(rule)
        elif armed("truncate"):
            await exchange.truncate(self.app)
        else:
            await self.app(exchange.scope, exchange.receive, exchange.send)

    def _remember(self, exchange: Exchange, system: str, path: str) -> None:
        route = _route(path, exchange.scope.get("path_params", {}))
        self.world.request_counts[system, exchange.method, route, exchange.status] += 1
        self.world.requests.append(
            SeenRequest(
                n=self.world.request_counts.total(),
                at=exchange.began,
                system=system,
                method=exchange.method,
                path=path,
                query=exchange.scope["query_string"].decode("latin-1"),
                status=exchange.status,
                headers={name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.scope["headers"]},
                body=bytes(exchange.body),
            )
        )


class Exchange:
    """One request and its answer, seen from the server's side of the connection."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, clock: Callable[[], datetime]) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.began = time.monotonic()
        self.status = 0
        self.body = bytearray()
        self._receive = receive
        self._send = send
        self._clock = clock
        self._received_all = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.body += message.get("body", b"")
            self._received_all = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            date = format_datetime(self._clock(), usegmt=True).encode()
            message = {**message, "headers": [*message.get("headers", []), (b"date", date)]}
        await self._send(message)

    async def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer in the emulator's stead."""
        while not self._received_all and (await self.receive())["type"] == "http.request":
            pass
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def fill(self, mebibytes: int) -> None:
        """Answer 200 with nothing but spaces, and many of them."""
        await self.send({"type": "http.response.start", "status": 200, "headers": []})
        spaces = b" " * 1024 * 1024
        for left in reversed(range(mebibytes)):
            await self.send({"type": "http.response.body", "body": spaces, "more_body": left > 0})

    async def answer(self, rule: FaultRule) -> None:
        """Answer with the status that the rule asks for."""
        headers = {"content-type": "text/plain; charset=utf-8"}
        if "retry_after" in rule.params:
            headers["retry-after"] = str(rule.params["retry_after"])
        body = rule.params.get("body", "")
        if not isinstance(body, str):
            headers["content-type"] = "application/json"
            body = orjson.dumps(body).decode()
        await self.reply(int(rule.params.get("status", 504)), headers, body.encode())

    async def carry_out(self, app: ASGIApp) -> list[Message]:
        """Let the emulator act, and keep its answer back."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await app(self.scope, self.receive, keep)
        return answer

    async def truncate(self, app: ASGIApp) -> None:
        """Promise the whole answer, send half of the body, close the connection."""
        start, *rest = await self.carry_out(app)
        body = b"".join(message.get("body", b"") for message in rest)
        headers = [pair for pair in start.get("headers", []) if pair[0].lower() != b"content-length"]
        await self.send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await self.send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        _transport(self._receive).close()
        await self._until_disconnected()

    async def cut(self) -> None:
        """Reset the TCP connection without a byte of an answer."""
        transport = _transport(self._receive)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        await self._until_disconnected()

    async def _until_disconnected(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass


def _transport(receive: Any) -> asyncio.Transport:
    # ASGI has no word for "drop this connection"; uvicorn's `receive` is a method of the object that holds it.
    transport: asyncio.Transport = receive.__self__.transport
    return transport


def _split(path: str) -> tuple[str, str]:
    system, _, rest = path.lstrip("/").partition("/")
    return system, f"/{rest}"


def _route(path: str, path_params: Mapping[str, Any]) -> str:
    """The path with its parameters named: counts would not add up otherwise."""
    names = {str(value): name for name, value in path_params.items() if name != "path"}
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in path.split("/"))
