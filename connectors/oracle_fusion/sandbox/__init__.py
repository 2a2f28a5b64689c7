"""The emulator of Oracle Fusion: one pod, played strictly."""

from connectors.oracle_fusion.sandbox.emulator import OracleFusionEmulator

__all__ = ["OracleFusionEmulator"]
