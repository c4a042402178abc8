"""Signals: what other services know of customers that matters for their state."""
