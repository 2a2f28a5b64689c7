"""A raw HTTP/1.1 server on loopback that misbehaves on demand, and counts what reaches it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Step = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Wire:
    """Answers the n-th request with the n-th step of ``script``, and all later ones with its last."""

    script: list[Step]
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = await _read(reader)
                self.requests.append(request)
                step = self.script[min(len(self.requests), len(self.script)) - 1]
                await step(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def wire(*script: Step, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    it = Wire(list(script))
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, target, _ = first.split(" ")
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def answer(
    status: int = 200,
    body: bytes = b"{}",
    *,
    kind: str = "application/json",
    length: int | None = None,
    headers: Mapping[str, str] = {},
) -> Step:
    """A complete answer; ``length`` other than the body's makes it a cut-off one."""
    lines = {"Content-Length": str(len(body) if length is None else length), "Content-Type": kind, **headers}
    head = f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v)

    async def step(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + b"\r\n" + body)
        if length is not None and length > len(body):
            await writer.drain()
            writer.close()

    return step


async def reset(_: Request, writer: asyncio.StreamWriter) -> None:
    """Read the request, then cut the connection hard."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


async def hang_up(_: Request, writer: asyncio.StreamWriter) -> None:
    """Read the request, then close the connection in good order, without an answer."""
    writer.close()


async def hang(_: Request, writer: asyncio.StreamWriter) -> None:
    """Read the request and never answer."""
    await writer.drain()
    await asyncio.sleep(30)


async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
    """One byte every 10 ms: no single read ever times out."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    for _byte in range(3000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def garbage(_: Request, writer: asyncio.StreamWriter) -> None:
    """Not HTTP at all."""
    writer.write(b"SSH-2.0-whatever\r\n\r\n")
    await writer.drain()
    writer.close()
