"""The rules of calendars: what one says, and how much business time lies between two moments."""
