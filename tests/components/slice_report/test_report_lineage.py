import importlib.util
from dataclasses import replace
from pathlib import Path

from fakes.report import report_settings
from fakes.reviews import make_report

from components.artifacts.code_commit import commit_of
from components.slice_report import lineage
from components.slice_report.lineage import LIBRARIES, code_folder, installed, make_lineage
from components.slice_report.trace import Trace

CONFIG = (("training.epochs", "3"), ("name", "demo"))
SETTINGS = replace(report_settings.SETTINGS, config=CONFIG, sources=(("trainer", "abc"),))


def test_a_first_run_has_no_config_changes():
    made = make_lineage(Trace(), SETTINGS, None, "digest")
    assert made.config_changes is None
    assert (made.model_digest, made.signature_digest, made.sources) == ("digest", None, (("trainer", "abc"),))


def test_config_changes_are_relative_to_the_baseline():
    before = make_report("r1")
    before = replace(before, lineage=replace(before.lineage, config=(("training.epochs", "2"), ("gone", "1"))))
    changes = make_lineage(Trace(), SETTINGS, before, "").config_changes
    assert [(change.key, change.before, change.after) for change in changes] == [
        ("training.epochs", "2", "3"),
        ("gone", "1", ""),
        ("name", "", "demo"),
    ]


def test_the_commit_is_that_of_the_workloads_code():
    package = "pipeline.workloads.census"
    (folder,) = importlib.util.find_spec(package).submodule_search_locations
    assert code_folder(package) == Path(folder)
    ours = Path(lineage.__file__).parent
    assert [code_folder(unknown) for unknown in ("", "no_such_package")] == [ours, ours]
    commit = make_lineage(Trace(), replace(SETTINGS, workload_package=package), None, "").commit
    assert commit == commit_of(Path(folder))


def test_every_library_has_a_version():
    versions = dict(make_lineage(Trace(), SETTINGS, None, "").versions)
    assert set(versions) == {"python", *LIBRARIES}
    assert "not installed" not in versions.values()
    assert installed("no-such-package") == "not installed"
