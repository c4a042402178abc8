"""Deliveries: what goes out to customers, queued with its cause and sent once it is allowed."""
