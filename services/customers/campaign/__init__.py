"""Campaigns: the concept behind touchpoints."""
