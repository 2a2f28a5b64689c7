"""Calls that write one object each, for what Zendesk does not take in bulk."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from connectors.zendesk.errors import Refused
from connectors.zendesk.writing import Api, Fate, Halt, Result, Results, Work, result_of
from ml_connector.core.errors import AbortRun, RetryLater

_AT_ONCE = 4


class Singles:
    """The single calls of one client."""

    def __init__(self, client: Api) -> None:
        self._client = client
        self._room = asyncio.Semaphore(_AT_ONCE)

    def calls(self, work: Sequence[Work], halt: Halt) -> list[Coroutine[Any, Any, Results]]:
        """One coroutine per piece of work; what ends the run goes into ``halt``."""
        return [self._one(piece, halt) for piece in work]

    async def _one(self, work: Work, halt: Halt) -> Results:
        async with self._room:
            return [(work, halt.unsent() if halt.error else await self._write(work, halt))]

    async def _write(self, work: Work, halt: Halt) -> Result:
        call = work.call
        body = {name: value for name, value in work.body.items() if name != "id"}
        limits = self._client.user_update_limits(work.id) if call.method == "PUT" and work.id else []
        try:
            answer, request_id = await self._client.write(
                call.method, call.path.format(id=work.id), {call.key: body}, limits=limits
            )
        except (Refused, RetryLater) as error:
            return result_of(error)
        except AbortRun as error:
            return halt.stop(error)
        return Result(Fate.WRITTEN, id=str(answer[call.key]["id"]), request_id=request_id)
