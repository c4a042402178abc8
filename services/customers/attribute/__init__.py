"""Attributes: what a company keeps of its customers beyond what every company does."""
