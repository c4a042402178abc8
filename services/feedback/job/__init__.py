"""Jobs: work over many enquiries that goes on by itself."""
