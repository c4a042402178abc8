"""Topics are found in feedback: the same world."""

from tests.feedback.feedback.conftest import voices

__all__ = ["voices"]
