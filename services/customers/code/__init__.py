"""Codes: what is printed at a touchpoint, so that what follows is known to come from there."""
