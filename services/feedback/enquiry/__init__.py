"""Enquiries, their messages and the waits in them."""
