"""Opportunities: chances to sell, from finding them to winning or losing them."""
