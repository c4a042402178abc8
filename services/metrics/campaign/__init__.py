"""Campaigns as metrics sees them: what was planned, held against what came of it."""
