"""What went wrong, said by what must happen next.

    ConnectorError
    ├── RetryLater        429, 5xx, timeouts, no connection   -> the same call again, later
    ├── RejectRecord      this record is refused              -> park it with the reason, go on
    ├── AbortRun          nothing else can be trusted         -> stop admitting, finish what is in flight
    │   ├── Reauthenticate  the credential is refused         -> mark the connection, tell its owner
    │   └── Misconfigured   bad file, missing secret or scope -> before the first request
    └── RejectEvent       a webhook that is not the vendor's  -> 401, no row

No message holds a secret or a value of a record: a message travels into logs and into Prefect's database.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class ConnectorError(Exception):
    """Base of all errors that ml-connector raises on purpose.

    ``vendor`` is the system's name (``zendesk``), ``phase`` what was being done (``POST organizations/create_many``),
    ``record_key`` the record concerned if there is one, ``request_id`` the vendor's own id of the failed request.
    """

    too_much = False
    """The answer came too late, or was too large: less could be asked for."""

    def __init__(
        self,
        message: str,
        *,
        vendor: str = "ml-connector",
        phase: str = "",
        record_key: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.vendor = vendor
        self.phase = phase
        self.record_key = record_key
        self.request_id = request_id

    def __str__(self) -> str:
        if self.vendor == "ml-connector" and not (self.phase or self.record_key or self.request_id):
            return self.message  # nobody else was asked
        where = " ".join(part for part in (self.vendor, self.phase) if part)
        record = f", record {self.record_key}" if self.record_key else ""
        request = f", request id {self.request_id}" if self.request_id else ""
        return f"{self.message} [{where}{record}{request}]"


class RetryLater(ConnectorError):
    """The vendor could not take the call now.

    ``maybe_applied`` is True when the vendor may have acted on it (timeout, connection lost, 5xx): the outcome is
    then unknown and must be probed before anything is sent again. ``retry_after`` is in seconds, if the vendor said.
    """

    def __init__(
        self,
        message: str,
        *,
        maybe_applied: bool = False,
        retry_after: float | None = None,
        vendor: str = "ml-connector",
        phase: str = "",
        record_key: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, vendor=vendor, phase=phase, record_key=record_key, request_id=request_id)
        self.maybe_applied = maybe_applied
        self.retry_after = retry_after


class RejectRecord(ConnectorError):
    """This one record is refused, by the mapping or by the vendor; the others go on."""


class AbortRun(ConnectorError):
    """The run cannot go on; what is in flight is finished first."""


class Reauthenticate(AbortRun):
    """The vendor refuses the credential of a connection: somebody has to reconnect it."""

    dead_grant = False
    """What the token was to be bought with will never buy one again."""


class Disconnected(Reauthenticate):
    """A connection is known to wait for that, and somebody was told: its vendor is not asked."""


class Misconfigured(AbortRun):
    """The configuration is wrong; found before a request is sent."""


class LeaseLost(AbortRun):
    """Another process has taken over this stream: this one must not write any more."""


class RejectEvent(ConnectorError):
    """A webhook that was not sent by the vendor, or is stale or malformed."""


class SafeError(Exception):
    """What leaves a task or a flow instead of the error itself: no value of a record can hide in it.

    Prefect stores the text of every exception in its database. Errors of ours keep their text, which holds no values;
    of any other only the class and the place are told. ``retryable``: a later attempt may succeed. ``fatal``: the run
    must not go on. ``kind`` is the class of the error that it stands for, ``vendor`` the system concerned.
    """

    def __init__(
        self, text: str, *, kind: str, vendor: str = "ml-connector", retryable: bool = False, fatal: bool = True
    ) -> None:
        super().__init__(text)
        self.kind = kind
        self.vendor = vendor
        self.retryable = retryable
        self.fatal = fatal

    @classmethod
    def of(cls, error: BaseException) -> SafeError:
        if isinstance(error, SafeError):
            return error
        kind = type(error).__name__
        if isinstance(error, ConnectorError):
            retryable, fatal = isinstance(error, RetryLater), isinstance(error, AbortRun)
            return cls(f"{kind}: {error}", kind=kind, vendor=error.vendor, retryable=retryable, fatal=fatal)
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        return cls(f"{kind} in {place}", kind=kind, fatal=False)
