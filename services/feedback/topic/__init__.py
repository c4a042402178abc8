"""Topics: what feedback is about, in the words of each company."""
