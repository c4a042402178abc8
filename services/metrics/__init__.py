"""Events in, figures out: definitions, rollups and results."""
