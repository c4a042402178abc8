"""Processes prove to each other who they are, both ways, by certificates whose files may be renewed at any time."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

log = logging.getLogger(__name__)

# A certificate says whose it is by a URI such as spiffe://rundblick/customers.
IDENTITY = "spiffe://rundblick/"
# On whose account a call is made that carries no token: the name of the process.
PROCESS_METADATA = "rundblick-process"

Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM. ca: who signs the certificates of all processes, one's own too; nobody else is talked to."""

    cert: Path
    key: Path
    ca: Path

    def check(self) -> None:
        """ValueError: a file is not there, is none of its kind, or the key is not that of the certificate."""
        for path in (self.cert, self.key, self.ca):
            if not path.is_file():
                raise ValueError(f"{path} is no file")
        try:
            ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError:
            raise ValueError(f"{self.ca} holds no certificates in PEM") from None
        try:
            ssl.create_default_context().load_cert_chain(self.cert, self.key)
        except ssl.SSLError:
            raise ValueError(f"{self.cert} and {self.key} are no certificate in PEM with its key") from None

    def stamp(self) -> Stamp:
        """Another one as soon as a file was replaced. OSError: a file is not there."""
        found = [path.stat() for path in (self.cert, self.key, self.ca)]
        return tuple((each.st_mtime_ns, each.st_ino) for each in found)

    def server_credentials(self) -> grpc.ServerCredentials:
        """Clients without a certificate are refused. Each new connection is shown the certificate of that moment."""
        shown = self.stamp()

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal shown
            try:
                stamp = self.stamp()
                if stamp == shown:
                    return None
                configuration = self._server_configuration()
            except OSError as error:
                # gRPC goes on with the certificate that it has.
                log.warning("the certificate could not be read again: %s", error)
                return None
            shown = stamp
            return configuration

        return grpc.dynamic_ssl_server_credentials(
            self._server_configuration(),
            renewed,  # type: ignore[arg-type]  # None means: as before; the stubs do not say so
            require_client_authentication=True,
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """With the certificate of this moment."""
        return grpc.ssl_channel_credentials(self.ca.read_bytes(), self.key.read_bytes(), self.cert.read_bytes())

    def _server_configuration(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(self.key.read_bytes(), self.cert.read_bytes())], root_certificates=self.ca.read_bytes()
        )


def over_tls(context: Any) -> bool:
    """Whether a call came in over a connection with certificates."""
    return b"ssl" in (context.auth_context() or {}).get("transport_security_type", ())


def peer_of(context: Any) -> str | None:
    """The process at the other end, as its certificate proves; None when the connection has none."""
    proved = (context.auth_context() or {}).get("peer_spiffe_id", ())
    names = [name for each in proved if (name := each.decode()).startswith(IDENTITY)]
    return names[0].removeprefix(IDENTITY) if names else None
