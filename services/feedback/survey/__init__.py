"""Surveys: what customers are asked, whom, and what they answered."""
