import pytest

from components.artifacts.record.lapse import reasons

BEFORE = {
    "run": {"baseline_run": "a"},
    "verdict": {"rows": 400},
    "lineage": {
        "config": [["training.epochs", "2"], ["name", "census"]],
        "sources": [["trainer", "x"]],
        "data": [["span", "1"]],
        "versions": [["tfx", "1.16"]],
    },
}


def changed(**parts):
    return {**BEFORE, **parts, "lineage": {**BEFORE["lineage"], **parts.get("lineage", {})}}


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"run": {"baseline_run": "b"}}, "the model is now compared with run b instead of run a"),
        ({"run": {"baseline_run": None}}, "the model is now compared with no model instead of run a"),
        ({"verdict": {"rows": 4000}}, "it was evaluated on 4,000 rows instead of 400"),
        ({"lineage": {"config": [["name", "census"], ["seed", "1"]]}}, "the config changed (training.epochs, seed)"),
        ({"lineage": {"sources": [["trainer", "y"]]}}, "the code changed (trainer)"),
        ({"lineage": {"data": [["span", "2"]]}}, "the rows changed (span)"),
        ({"lineage": {"versions": [["tfx", "1.21"]]}}, "libraries changed (tfx)"),
    ],
)
def test_what_differs_is_named(after, reason):
    assert reasons(BEFORE, changed(**after)) == (reason,)


def test_reports_that_differ_in_nothing_that_matters_were_made_again():
    assert reasons(BEFORE, BEFORE) == ("the same evaluation was reported again",)


def test_reports_without_lineage_or_verdict_are_compared_by_what_they_have():
    bare = {"run": {"baseline_run": None}, "verdict": None, "lineage": None}
    assert reasons(bare, bare) == ("the same evaluation was reported again",)
