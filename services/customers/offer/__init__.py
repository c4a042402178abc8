"""Offers: what a company can offer or do next, to whom, and what came of it."""
