"""What happens with enquiries and feedback, told to those who watch."""
