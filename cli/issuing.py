"""The development issuer of a system: its keys and its address are kept with the system's data."""

import socket
from pathlib import Path

from issuer.signing import Issuer, SigningKeys

HOST = "127.0.0.1"
_FOLDER = "issuer"
_ADDRESS = "url"


def issuer_of(data: Path) -> Issuer:
    """At the address it had before, so that tokens outlive a restart; at a new one, when it never had any."""
    folder = data / _FOLDER
    file = folder / _ADDRESS
    url = file.read_text().strip() if file.exists() else _settle(folder)
    return Issuer(url, SigningKeys(folder))


def free_issuer_of(data: Path) -> Issuer:
    """The same; at a new address too, when somebody else listens at its own."""
    issuer = issuer_of(data)
    try:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, port_of(issuer)))
    except OSError:
        return Issuer(_settle(data / _FOLDER), issuer.keys)
    return issuer


def port_of(issuer: Issuer) -> int:
    return int(issuer.url.rpartition(":")[2])


def _settle(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        url = f"http://{HOST}:{listener.getsockname()[1]}"
    (folder / _ADDRESS).write_text(url)
    return url
