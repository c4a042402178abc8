"""What the company changed, and whose effect it wants to know."""
