"""The subgraph of the customers service: its types, queries and mutations."""
