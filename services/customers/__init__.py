"""Customers, employees, teams, touchpoints and interactions: who, where and when."""
