"""KPI definitions and their results."""
