"""What a flow run is called in the Prefect UI."""

from __future__ import annotations

from prefect import runtime


def flow_run_name() -> str:
    """``acme organizations, users`` from the run's parameters; a preview says so."""
    parameters = runtime.flow_run.parameters or {}
    streams = ", ".join(parameters.get("streams") or ["all streams"])
    preview = " (preview)" if parameters.get("mode") == "preview" else ""
    return f"{parameters.get('tenant')} {streams}{preview}"
