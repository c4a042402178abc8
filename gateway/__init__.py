"""The one door: three subgraphs merged into /graphql."""
