"""Plans: which touchpoints money should go to, by what it brought so far."""
