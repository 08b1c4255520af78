"""Imports of the compiler."""

import subprocess
import sys
from pathlib import Path

import harness

ROOT = Path(__file__).parents[4]
UNNEEDED = ("tfx.components.bulk_inferrer", "tfx.components.infra_validator", "tfx.components.tuner")
COMPILE = f"""
import sys
from pipeline.kubeflow.compile.compiler import compile_config, read_request
compilation = compile_config(read_request("census", (), "example.com/mainline:1").config)
print(compilation.import_seconds < compilation.seconds, [name for name in {UNNEEDED!r} if name in sys.modules])
"""


def test_components_outside_the_graph_are_not_imported():
    harness.skip_unless_components_are_lazy()
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", COMPILE], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1:] == ["True []"], done.stderr
