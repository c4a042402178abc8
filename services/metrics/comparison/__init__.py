"""Comparisons of two periods: whether a figure became better or worse, and how sure that is."""
