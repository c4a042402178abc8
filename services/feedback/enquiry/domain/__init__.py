"""The rules of enquiries: facts are recorded, waits are derived from them."""
