"""Recommendations: what to offer to a customer next, why, and how to reach them."""
