"""The subgraph of the feedback service: its types, queries and mutations."""
