"""The Slack emulator."""

from connectors.slack.sandbox.emulator import SlackEmulator as SlackEmulator
