"""What a text says: its language, its sentiment, its topics, behind one small port."""
