"""Feedback: what customers say of the company, and what came of it."""
