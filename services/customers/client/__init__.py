"""Clients of partners."""
