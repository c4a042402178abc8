"""E-mails of customers and the company's answers to them, as enquiries and their messages."""
