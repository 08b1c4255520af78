"""A compilation imports what the graph needs, and no more."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from components import lean

ROOT = Path(__file__).parents[3]
UNNEEDED = ("tfx.components.bulk_inferrer", "tfx.components.infra_validator", "tfx.components.tuner")
COMPILE = f"""
import sys
from pipeline.kubeflow.compiling import asked, compiled
made = compiled(asked("census", (), "example.com/mainline:1").config)
print(made.import_seconds < made.seconds, [name for name in {UNNEEDED!r} if name in sys.modules])
"""


def test_components_that_the_graph_has_not_are_not_imported():
    # Found, not imported: that would run it.
    package = Path(importlib.util.find_spec("tfx").origin).parent / "components" / "__init__.py"
    if not lean.only_imports(package.read_text(encoding="utf-8")):
        pytest.skip("this TFX's package of components must run whole")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", COMPILE], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1:] == ["True []"], done.stderr
