import json
import math
from pathlib import Path

import jsonschema
import pytest

from components.artifacts.report_files import digest
from components.evaluation.verdict import Measurement
from components.slice_report.facts import Report, Run, Slice, encoding
from components.slice_report.facts.encoding import from_json, json_schema, to_json
from pipeline.errors import DataError

NAMES = ("plain", '<script>alert("x")</script>', "naïve 日本語 \u202e \u2028", "'\"\\\n\t\x00", "x" * 10_000)


def report(**parts) -> Report:
    run = Run("census", "20261124T000000", "census", "over_50k")
    return Report(1, run, (), 0.5, "auc", **parts)


def sliced(name="Female", value=0.5, interval=(0.4, 0.6)) -> Slice:
    return Slice((("sex", name),), 3, 0.1, {"auc": Measurement(value, interval)})


@pytest.mark.parametrize("name", NAMES)
def test_a_report_survives_a_round_trip(name):
    made = report(slices=(sliced(name),))
    assert from_json(to_json(made), "report.json") == made


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e-320, 0.1 + 0.2, -0.0])
def test_a_float_survives_a_round_trip_exactly(value):
    again = from_json(to_json(report(slices=(sliced(value=value),))), "report.json")
    assert again.slices[0].metrics["auc"].value.hex() == value.hex()


def test_values_that_are_not_finite_survive_a_round_trip():
    content = to_json(report(slices=(sliced(value=math.nan, interval=(math.nan, math.inf)),)))
    json.loads(content, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
    measured = from_json(content, "report.json").slices[0].metrics["auc"]
    assert math.isnan(measured.value)
    assert math.isnan(measured.interval[0])
    assert measured.interval[1] == math.inf


def test_a_report_without_areas_is_read_as_one_with_stock_areas():
    facts = json.loads(to_json(report(areas="exact")))
    assert from_json(json.dumps(facts).encode(), "report.json").areas == "exact"
    del facts["areas"]
    assert from_json(json.dumps(facts).encode(), "report.json").areas == "stock"
    with pytest.raises(DataError, match="areas: not a fact of a report"):
        from_json(json.dumps({**facts, "areas": "rough"}).encode(), "report.json")


def test_equal_facts_give_equal_bytes():
    same, other = report(slices=(sliced(),)), report(slices=(sliced(value=0.5000001),))
    assert to_json(same) == to_json(report(slices=(sliced(),)))
    assert digest(to_json(same)) != digest(to_json(other))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"[]", "another version"),
        (b'{"schema_version": 2}', "another version"),
        (b'{"schema_version": 1}', "run: not a fact"),
        (to_json(report()).replace(b'"decision_threshold":0.5', b'"decision_threshold":"high"'), "decision_threshold"),
    ],
)
def test_an_invalid_report_is_refused_with_the_location(content, says):
    with pytest.raises(DataError) as raised:
        from_json(content, "a/report.json")
    assert says in str(raised.value)
    assert "a/report.json" in str(raised.value)


def test_the_schema_in_the_repository_is_that_of_the_code():
    kept = Path(encoding.__file__).parents[1] / "report.schema.json"
    assert kept.read_text(encoding="utf-8") == json_schema()


@pytest.mark.parametrize("value", [0.5, math.nan, -math.inf])
def test_a_report_keeps_its_schema(value):
    jsonschema.validate(json.loads(to_json(report(slices=(sliced(value=value),)))), json.loads(json_schema()))


def test_the_schema_refuses_a_text_for_a_number():
    broken = json.loads(to_json(report()))
    broken["decision_threshold"] = "high"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json.loads(json_schema()))
