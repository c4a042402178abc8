"""Segments: customers who have something in common, by a rule or picked one by one."""
