"""When somebody is there to answer: business hours, holidays and exceptions."""
