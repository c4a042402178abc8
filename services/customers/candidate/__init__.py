"""Duplicate candidates: pairs of customers who may be the same, found by rules or by likelihood, decided by people."""
