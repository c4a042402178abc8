"""Writes dated figures to bench/results: each names its command, the machine and the commit."""

import json
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


def write(name: str, command: str, figures: Mapping[str, object]) -> None:
    """As <date>-<name>.json, and on the screen."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    result = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": done.stdout.strip(),
        "machine": f"{psutil.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        **figures,
    }
    text = json.dumps(result, indent=2)
    (ROOT / "bench" / "results" / f"{result['date']}-{name}.json").write_text(text + "\n")
    print(text)  # noqa: T201  # the figure is what the command is for
