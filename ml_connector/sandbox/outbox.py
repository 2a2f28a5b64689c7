"""What an emulator sends by itself, as webhooks are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """Hands what is put into it to ``send_all``, in the loop that serves the emulator, whoever puts it."""

    def __init__(self, send_all: Callable[[asyncio.Queue[T]], Coroutine[Any, Any, None]]) -> None:
        self._send_all = send_all
        self._waiting: asyncio.Queue[T] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sender: asyncio.Task[None] | None = None

    @property
    def serves(self) -> bool:
        """Whether the emulator was asked anything yet."""
        return self._loop is not None

    def serve(self) -> None:
        """Called in the loop that serves the emulator."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._sender = self._loop.create_task(self._send_all(self._waiting))

    def put(self, one: T) -> None:
        """Only once it `serves`."""
        assert self._loop is not None  # noqa: S101 - whoever is sent to has asked for it, by a request
        self._loop.call_soon_threadsafe(self._waiting.put_nowait, one)

    def close(self) -> None:
        """The sandbox is reset: what is on its way is given up."""
        if self._loop is not None and self._sender is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._sender.cancel)
