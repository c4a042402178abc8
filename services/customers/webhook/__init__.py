"""Webhooks: systems of the company that carry what goes out to customers."""
