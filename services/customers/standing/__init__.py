"""Standing: who a customer is to the company right now, judged anew whenever something changes."""
