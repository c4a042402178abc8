"""The company of the deliveries, whose systems carry what goes out."""

from tests.customers.delivery.conftest import company

__all__ = ["company"]
