"""The rundblick command."""
