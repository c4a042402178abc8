"""Who is behind a token."""
