"""Errors of single keys and items as they travel in batch answers."""

from rundblick.shared.v1 import page_pb2

from chassis.errors import Fault


def item_error(fault: Fault) -> page_pb2.ItemError:
    return page_pb2.ItemError(code=fault.code, message=fault.message, path=fault.path)


def fault_of(error: page_pb2.ItemError) -> Fault:
    return Fault(error.code, error.message, tuple(error.path))
