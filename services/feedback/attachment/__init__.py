"""Files that belong to messages of enquiries."""
