"""Says once that a KPI's daily value has left what it should be, and once that it is back."""
