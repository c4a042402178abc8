"""The subgraph of the metrics service: its types, queries and mutations."""
