"""The emulator of QAD: one instance, played strictly."""

from connectors.qad.sandbox.emulator import QadEmulator

__all__ = ["QadEmulator"]
