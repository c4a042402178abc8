"""Facts: what rules of this company may ask of a customer."""
