"""Run code in a fresh Python interpreter."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def json_from(code: str) -> dict[str, Any]:
    """Run code in a new interpreter and return the JSON on its last line."""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return dict(json.loads(found.stdout.splitlines()[-1]))
