"""Spend: money that went into touchpoints and campaigns."""
