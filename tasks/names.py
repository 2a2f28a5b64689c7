"""What a flow run is called in the Prefect UI."""

from __future__ import annotations

from prefect import runtime


def flow_run_name() -> str:
    """``acme organizations, users`` from the run's parameters; a mode other than sync is told."""
    parameters = runtime.flow_run.parameters or {}
    streams = ", ".join(parameters.get("streams") or ["all streams"])
    mode = parameters.get("mode", "sync")
    return f"{parameters.get('tenant')} {streams}" + (f" ({mode})" if mode != "sync" else "")


def replay_name() -> str:
    """``acme replay``, or ``acme replay (preview)``."""
    parameters = runtime.flow_run.parameters or {}
    preview = parameters.get("mode", "preview") == "preview"
    return f"{parameters.get('tenant')} replay" + (" (preview)" if preview else "")


def prune_name() -> str:
    """``acme prune``."""
    return f"{(runtime.flow_run.parameters or {}).get('tenant')} prune"


def account_events_name() -> str:
    """``acme account events``."""
    return f"{(runtime.flow_run.parameters or {}).get('tenant')} account events"
