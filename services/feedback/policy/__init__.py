"""Service levels: what times are promised for which enquiries."""
