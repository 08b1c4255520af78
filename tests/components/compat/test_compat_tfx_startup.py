"""Names each private part of TFX that is gone."""

import harness
import pytest
from fakes.processes import json_from

UNNEEDED = ("kubernetes", "jsonschema", "rfc3987_syntax", "tfx.components.infra_validator", "tfx.components.tuner")
GRAPH_AND_LAUNCHER = """
import json, sys
from components.compat.tfx import startup
from components.support import garbage_collection
startup.skip_components_init()
from pipeline.pipeline import create_pipeline
from pipeline.run.local.graph import Graph
"""


@pytest.fixture(scope="module")
def process() -> dict:
    """The graph and the launcher are imported, then a stock component that nobody imported before."""
    harness.skip_unless_components_are_lazy()
    return json_from(
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
    assert (process["evaluator"], process["entered"]) == ("tfx.components.evaluator", "LazyPackage")


def test_who_asks_the_package_for_more_gets_it_whole(process):
    assert (process["component"], process["same"], process["now"]) == ("ImportExampleGen", True, "module")
    assert "no attribute 'Nonsense'" in process["unknown"]


def test_a_package_that_is_whole_already_is_left_as_it_is():
    found = json_from(
        """
import json, tfx.components
from components.compat.tfx import startup
from components.support import garbage_collection
startup.skip_components_init()
print(json.dumps({"type": type(tfx.components).__name__}))
"""
    )
    assert found == {"type": "module"}


@pytest.mark.parametrize(("more", "entered"), [("", "LazyPackage"), ("import json\njson.mended = True\n", "NoneType")])
def test_a_package_that_does_more_than_import_runs_whole(tmp_path, more, entered):
    package = tmp_path / "above" / "below"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text(f'"""A package."""\nfrom json import loads\n{more}__all__ = ["loads"]\n')
    found = json_from(
        f"""
import json, sys
sys.path.insert(0, {str(tmp_path)!r})
from components.compat.tfx import startup
from components.support import garbage_collection
startup.COMPONENTS = "above.below"
startup.skip_components_init()
entered = type(sys.modules.get("above.below")).__name__
from above.below import loads
print(json.dumps({{"entered": entered, "mended": hasattr(json, "mended"), "same": loads is json.loads}}))
"""
    )
    assert found == {"entered": entered, "mended": bool(more), "same": True}
