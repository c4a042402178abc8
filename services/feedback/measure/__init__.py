"""Measures: what the company does about what customers say, and who is told of it."""
