"""The Asana emulator, which the sandbox serves."""

from connectors.asana.sandbox.emulator import AsanaEmulator

__all__ = ["AsanaEmulator"]
