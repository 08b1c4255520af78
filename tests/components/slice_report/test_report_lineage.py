from dataclasses import replace

from fakes.reviews import make_report

from components.evaluation.verdict import Bounds
from components.slice_report.facts import Card
from components.slice_report.lineage import LIBRARIES, installed, make_lineage
from components.slice_report.settings import Settings
from components.slice_report.trace import Trace

CONFIG = (("training.epochs", "3"), ("name", "demo"))
SETTINGS = Settings(
    "demo", "label", 0.5, Bounds(()), "auc", (), (), 0.1, 0.1, "ERROR", (), CONFIG,
    (("trainer", "abc"),), Card("", "", (), (), (), (), (), ""),
)  # fmt: skip


def test_a_first_run_has_no_config_changes():
    lineage = make_lineage(Trace(), SETTINGS, None, "digest")
    assert lineage.config_changes is None
    assert (lineage.model_digest, lineage.signature_digest, lineage.sources) == ("digest", None, (("trainer", "abc"),))


def test_config_changes_are_relative_to_the_baseline():
    before = make_report("r1")
    before = replace(before, lineage=replace(before.lineage, config=(("training.epochs", "2"), ("gone", "1"))))
    changes = make_lineage(Trace(), SETTINGS, before, "").config_changes
    assert [(change.key, change.before, change.after) for change in changes] == [
        ("training.epochs", "2", "3"),
        ("gone", "1", ""),
        ("name", "", "demo"),
    ]


def test_every_library_has_a_version():
    versions = dict(make_lineage(Trace(), SETTINGS, None, "").versions)
    assert set(versions) == {"python", *LIBRARIES}
    assert "not installed" not in versions.values()
    assert installed("no-such-package") == "not installed"
