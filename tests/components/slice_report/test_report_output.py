import json
from dataclasses import asdict

import pytest

from components.artifacts.decision import REJECTED, Decision
from components.artifacts.report_files import DECISION
from components.slice_report.output import export_decision

EARLIER = Decision(REJECTED, "Grace", "wrong at night", "d" * 64, "2026-03-01T12:30:00+00:00")
NOW = Decision(**{**asdict(EARLIER), "run": "20260301T120000.000000Z", "model_digest": "m" * 64, "commit": "c" * 40})
LATER_FIELDS = ("run", "model_digest", "commit")


def earlier_export(**changes) -> dict[str, str]:
    """What a release without the run, the model and the commit exported, with some values edited."""
    return {name: text for name, text in (asdict(EARLIER) | changes).items() if name not in LATER_FIELDS}


def test_an_export_of_an_earlier_release_is_completed_without_a_complaint(tmp_path):
    (tmp_path / DECISION).write_text(json.dumps(earlier_export(), indent=2), encoding="utf-8")
    assert export_decision(tmp_path, NOW) == ""
    assert json.loads((tmp_path / DECISION).read_bytes()) == asdict(NOW)
    assert export_decision(tmp_path, NOW) == ""


@pytest.mark.parametrize(
    "edited",
    [
        json.dumps(earlier_export(decision="approved")),
        json.dumps(earlier_export(note="")),
        json.dumps({**earlier_export(), "release": "1"}),
        json.dumps({**asdict(NOW), "commit": ""}),
        json.dumps({name: text for name, text in asdict(NOW).items() if name != "commit"}),
        json.dumps([]),
        "",
        b"\xff",
    ],
    ids=["decision", "note", "another field", "commit", "one field less", "no object", "empty", "no text"],
)
def test_an_export_with_an_edited_value_is_named_and_written_again(tmp_path, edited):
    path = tmp_path / DECISION
    path.write_bytes(edited if isinstance(edited, bytes) else edited.encode())
    assert export_decision(tmp_path, NOW) == f"{path} differed from ML Metadata and was written again."
    assert json.loads(path.read_bytes()) == asdict(NOW)
