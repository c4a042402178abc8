"""Jobs: work over many customers that goes on by itself."""
