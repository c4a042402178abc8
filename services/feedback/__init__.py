"""Enquiries, their messages, and how long customers waited."""
