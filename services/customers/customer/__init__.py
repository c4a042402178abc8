"""The customer record: source records and the golden record over them."""
