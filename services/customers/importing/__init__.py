"""Rows of files as records."""
