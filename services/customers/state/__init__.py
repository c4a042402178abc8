"""States: how far customers have come, and how alive the relationship is."""
