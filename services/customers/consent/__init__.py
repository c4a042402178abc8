"""Consent: what customers allowed and refused, on which channel, for which purpose."""
