"""What another process said, or that it said nothing any more, as our own errors."""

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from chassis.calls import error_of


def broken(code: grpc.StatusCode, details: str) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), details=details)


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (grpc.StatusCode.UNKNOWN, "Stream removed"),
        (grpc.StatusCode.CANCELLED, "CANCELLED"),
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2"),
        (grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: ipv4:10.0.0.7:50051"),
    ],
)
def test_a_process_that_died_is_unavailable_and_its_address_is_not_told(code: grpc.StatusCode, details: str) -> None:
    error = error_of(broken(code, details))
    assert error.code == "SERVICE_UNAVAILABLE"
    assert "10.0.0.7" not in error.message


def test_a_mistake_of_the_other_process_is_no_reason_to_try_again() -> None:
    assert error_of(broken(grpc.StatusCode.INTERNAL, "internal error")).code == "INTERNAL"
