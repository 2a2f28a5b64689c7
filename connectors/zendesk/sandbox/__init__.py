"""The emulator of Zendesk: one account, played strictly."""

from connectors.zendesk.sandbox.emulator import ZendeskEmulator

__all__ = ["ZendeskEmulator"]
