"""What a role gives: a table from the names that an issuer puts into tokens to scopes.

    [sales_agent]
    meaning = "works with the customers of their own"
    scopes = ["customers:read:own", "customers:write:own"]

The shipped table lies beside the shared protos; a company may have its own instead.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

FILE = "roles.toml"


@dataclass(frozen=True, slots=True)
class Role:
    meaning: str
    scopes: frozenset[str]


def load(file: Path | None = None) -> Mapping[str, Role]:
    """file: None: the shipped table. ValueError: it is no table of roles. OSError: it cannot be read."""
    source = file if file is not None else resources.files("rundblick.shared.v1").joinpath(FILE)
    return {name: _role(name, said) for name, said in tomllib.loads(source.read_text(encoding="utf-8")).items()}


def _role(name: str, said: object) -> Role:
    if not isinstance(said, dict) or set(said) != {"meaning", "scopes"}:
        raise ValueError(f"the role {name} has a meaning and scopes, and nothing else")
    if not isinstance(said["scopes"], list) or not all(isinstance(scope, str) for scope in said["scopes"]):
        raise ValueError(f"the scopes of the role {name} are a list of names")
    return Role(str(said["meaning"]), frozenset(said["scopes"]))
