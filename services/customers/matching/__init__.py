"""Match rules: by which identifiers records of the same customer are brought together as they come in."""
