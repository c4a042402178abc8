"""What happened, as the other services tell it: taken once, kept in the order of their commits."""
