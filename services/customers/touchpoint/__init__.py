"""Touchpoints: the places where customers and the company meet."""
