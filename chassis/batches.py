"""Batches: how large they may be, and errors of single keys and items as they travel in batch answers."""

from rundblick.shared.v1 import page_pb2

from chassis.errors import Fault, InvalidInput

_LARGEST = 1000


def item_error(fault: Fault) -> page_pb2.ItemError:
    return page_pb2.ItemError(code=fault.code, message=fault.message, path=fault.path)


def fault_of(error: page_pb2.ItemError) -> Fault:
    return Fault(error.code, error.message, tuple(error.path))


def size_of(size: int) -> int:
    """How many were asked for. InvalidInput: none, or too many for one answer."""
    if not 1 <= size <= _LARGEST:
        raise InvalidInput(f"size lies between 1 and {_LARGEST}", ("size",))
    return size
