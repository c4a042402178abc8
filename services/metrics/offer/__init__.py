"""Offers as metrics sees them: what those who get one do, against those who are left out by lot."""
