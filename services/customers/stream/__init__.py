"""Domain events: what happened with customers, in one order, for those who watch."""
