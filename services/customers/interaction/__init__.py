"""Interactions: the journey of a customer."""
