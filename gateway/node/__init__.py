"""The subgraph of stubs: node, nodes and viewer."""
