"""The emulator of Workday: one tenant, played strictly."""

from connectors.workday.sandbox.emulator import WorkdayEmulator

__all__ = ["WorkdayEmulator"]
