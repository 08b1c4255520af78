import json
import subprocess
import sys
from pathlib import Path

import harness
import pytest

from components.support import lean

ROOT = Path(__file__).parents[3]
UNNEEDED = ("kubernetes", "jsonschema", "rfc3987_syntax", "tfx.components.infra_validator", "tfx.components.tuner")


def told(code: str) -> dict:
    """What a process of its own says, as JSON on its last line."""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return json.loads(found.stdout.splitlines()[-1])


GRAPH_AND_LAUNCHER = """
import json, sys
from components.support import lean
lean.enter()
from pipeline.pipeline import create_pipeline
from pipeline.run.local.graph import Graph
"""


@pytest.fixture(scope="module")
def process() -> dict:
    """The graph and the launcher are imported, then a stock component that nobody imported before."""
    harness.skip_unless_lean()
    return told(
        f"""{GRAPH_AND_LAUNCHER}
loaded = [name for name in {UNNEEDED!r} if name in sys.modules]
from tfx.components import evaluator
entered = type(sys.modules["tfx.components"]).__name__
from tfx.components import ImportExampleGen
import tfx.components
try:
    tfx.components.Nonsense
    unknown = ""
except AttributeError as error:
    unknown = str(error)
print(json.dumps({{
    "loaded": loaded, "evaluator": evaluator.__name__, "entered": entered, "component": ImportExampleGen.__name__,
    "same": tfx.components.ImportExampleGen is ImportExampleGen, "unknown": unknown,
    "now": type(tfx.components).__name__,
}}))
"""
    )


def test_what_no_run_needs_is_not_imported(process):
    assert process["loaded"] == []


def test_modules_of_the_package_are_imported_without_it(process):
    assert (process["evaluator"], process["entered"]) == ("tfx.components.evaluator", "LeanPackage")


def test_who_asks_the_package_for_more_gets_it_whole(process):
    assert (process["component"], process["same"], process["now"]) == ("ImportExampleGen", True, "module")
    assert "no attribute 'Nonsense'" in process["unknown"]


def test_a_package_that_is_whole_already_is_left_as_it_is():
    found = told(
        """
import json, tfx.components
from components.support import lean
lean.enter()
print(json.dumps({"type": type(tfx.components).__name__}))
"""
    )
    assert found == {"type": "module"}


@pytest.mark.parametrize(("more", "entered"), [("", "LeanPackage"), ("import json\njson.mended = True\n", "NoneType")])
def test_a_package_that_does_more_than_import_runs_whole(tmp_path, more, entered):
    package = tmp_path / "above" / "below"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text(f'"""A package."""\nfrom json import loads\n{more}__all__ = ["loads"]\n')
    found = told(
        f"""
import json, sys
sys.path.insert(0, {str(tmp_path)!r})
from components.support import lean
lean.PACKAGE = "above.below"
lean.enter()
entered = type(sys.modules.get("above.below")).__name__
from above.below import loads
print(json.dumps({{"entered": entered, "mended": hasattr(json, "mended"), "same": loads is json.loads}}))
"""
    )
    assert found == {"entered": entered, "mended": bool(more), "same": True}


@pytest.mark.parametrize(
    "module", ["pipeline.kubeflow.compile.pipeline_spec", "components.distributed_trainer.kubernetes.pod_log"]
)
def test_the_kubernetes_client_comes_without_what_it_would_take_along(module):
    found = told(
        f"""
import json, sys
import {module}
taken = [name for name in ("kubernetes_validate", "rfc3987_syntax") if name in sys.modules]
client = "kubernetes.dynamic.client" in sys.modules
import kubernetes_validate
print(json.dumps({{"client": client, "taken": taken, "there": kubernetes_validate.__name__}}))
"""
    )
    assert found == {"client": True, "taken": [], "there": "kubernetes_validate"}


def test_garbage_is_looked_for_rarely_but_is_looked_for():
    found = told(
        """
import gc, json
from components.support import lean
lean.begin()
looks = []
gc.callbacks.append(lambda phase, info: looks.append(info["generation"]))
kept = [[] for _ in range(40_000)]
rarely = len(looks)
kept += [[] for _ in range(40_000)]
print(json.dumps({"rarely": rarely, "then": len(looks) > 0}))
"""
    )
    assert found == {"rarely": 0, "then": True}


def test_a_module_that_is_imported_already_is_not_hidden():
    with lean.without("json"):
        import json as seen
    with lean.without("no_such_module"):
        assert sys.modules["no_such_module"] is None
    assert (seen, "no_such_module" in sys.modules) == (json, False)


@pytest.mark.parametrize("at_once", [True, False])
def test_at_the_end_nothing_is_collected_but_what_was_promised_is_done(tmp_path, at_once):
    """What hangs in a cycle is collected at the end or not; handlers of the exit run."""
    found = told(
        f"""
import gc, json, os, tempfile
from pathlib import Path
from components.support import lean

class Tidy:
    def __del__(self, make=os.mkdir):
        make({str(tmp_path / "collected")!r})

folder = tempfile.TemporaryDirectory(dir={str(tmp_path)!r})
if {at_once}:
    lean.end_at_once()
    lean.end_at_once()
gc.disable()
tidy = Tidy()
tidy.itself = tidy
del tidy
print(json.dumps({{"made": Path(folder.name).is_dir()}}))
"""
    )
    assert found == {"made": True}
    assert [path.name for path in tmp_path.iterdir()] == ([] if at_once else ["collected"])


def test_what_is_freed_goes_back_to_the_system():
    """Small pieces, freed but for the last one: glibc itself gives back only what lies behind it."""
    found = told(
        """
import json, psutil
from components.support import lean
class Loop:
    def __init__(self):
        self.me, self.bytes = self, b"x" * 50_000
lean.begin()
held_mb = lambda: psutil.Process().memory_info().rss / 1e6
before = held_mb()
loops = [Loop() for _ in range(4_000)]
last = b"x" * 50_000
full = held_mb()
del loops
kept = held_mb()
lean.give_back()
print(json.dumps({"full": full - before, "kept": kept - before, "after": held_mb() - before}))
"""
    )
    assert found["full"] > 190
    assert found["kept"] > 190
    assert found["after"] < 20


def test_what_was_imported_before_a_block_is_overlooked_in_it_alone():
    found = told(
        """
import gc, json
from components.support import lean
before = len(gc.get_objects())
with lean.overlooking_imports():
    during = len(gc.get_objects())
print(json.dumps({"before": before, "during": during, "after": len(gc.get_objects())}))
"""
    )
    assert found["during"] < 100 < found["before"] <= found["after"] + 100
