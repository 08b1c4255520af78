import json

import pytest
import yaml
from tensorflow_metadata.proto.v0 import anomalies_pb2 as pb

from components.artifacts.anomalies import Anomaly
from components.data_validation.verdict import how_to_accept, judge, list_anomalies, render, summary
from pipeline.config.load import load_config
from pipeline.criteria import Acceptance

AGE = Anomaly("age", "OUT_OF_RANGE", "max 500 > 120", "train", "ERROR")
CITY = Anomaly("city", "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "Bonn (1%)", "eval", "WARNING")
ODD = Anomaly("odd", "UNKNOWN_TYPE", "?", "test", "UNKNOWN")


def anomalies(severity=pb.AnomalyInfo.ERROR, step="age", name="age") -> pb.Anomalies:
    found = pb.Anomalies()
    info = found.anomaly_info[name]
    info.severity = severity
    if step:
        info.path.step.append(step)
    reason = info.reason.add()
    reason.type = pb.AnomalyInfo.INT_TYPE_BIG_INT
    reason.short_description, reason.description = "too big", "500 > 120"
    return found


def accept(anomaly, *splits) -> Acceptance:
    return Acceptance(anomaly.feature, anomaly.rule, "known", splits or (anomaly.split,))


@pytest.mark.parametrize(
    ("block_on", "blocking", "below"), [("error", [AGE, ODD], [CITY]), ("warning", [AGE, CITY, ODD], [])]
)
def test_a_severity_at_the_level_or_above_it_blocks(block_on, blocking, below):
    verdict = judge([AGE, CITY, ODD], block_on, [])
    assert (list(verdict.blocking), list(verdict.below_level), verdict.accepted) == (blocking, below, ())


def test_without_anomalies_nothing_blocks():
    verdict = judge([], "warning", [])
    assert (verdict.blocking, verdict.accepted, verdict.below_level) == ((), (), ())


def test_an_accepted_anomaly_does_not_block():
    verdict = judge([AGE, ODD], "error", [accept(AGE)])
    assert (verdict.blocking, verdict.accepted) == ((ODD,), (AGE,))


def test_an_acceptance_holds_only_in_its_splits():
    in_eval = Anomaly(AGE.feature, AGE.rule, AGE.seen, "eval", "ERROR")
    verdict = judge([AGE, in_eval], "error", [accept(AGE, "eval", "test")])
    assert (verdict.blocking, verdict.accepted) == ((AGE,), (in_eval,))


@pytest.mark.parametrize(
    "acceptance",
    [
        Acceptance("Age", AGE.rule, "known", ("train",)),
        Acceptance("ag", AGE.rule, "known", ("train",)),
        Acceptance("age", "OTHER_RULE", "known", ("train",)),
        Acceptance("age", AGE.rule, "known", ()),
    ],
)
def test_an_acceptance_of_another_anomaly_has_no_effect(acceptance):
    assert judge([AGE], "error", [acceptance]).blocking == (AGE,)


def test_an_anomaly_below_the_level_needs_no_acceptance():
    verdict = judge([CITY], "error", [accept(CITY)])
    assert (verdict.accepted, verdict.below_level) == ((), (CITY,))


@pytest.mark.parametrize(
    ("severity", "name"),
    [(pb.AnomalyInfo.UNKNOWN, "UNKNOWN"), (pb.AnomalyInfo.WARNING, "WARNING"), (pb.AnomalyInfo.ERROR, "ERROR")],
)
def test_an_anomaly_is_read_with_its_severity(severity, name):
    assert list_anomalies("train", anomalies(severity)) == [
        Anomaly("age", "INT_TYPE_BIG_INT", "500 > 120", "train", name)
    ]


def test_every_severity_that_tfdv_knows_can_be_judged():
    for severity in pb.AnomalyInfo.Severity.values():
        assert len(judge(list_anomalies("train", anomalies(severity)), "warning", []).blocking) == 1


def test_an_anomaly_without_a_path_has_its_feature_name():
    (row,) = list_anomalies("train", anomalies(step="", name="old_name"))
    assert row.feature == "old_name"


def test_a_missing_description_is_replaced_by_the_short_one():
    found = anomalies()
    found.anomaly_info["age"].reason[0].description = ""
    assert list_anomalies("train", found)[0].seen == "too big"


def test_each_reason_is_a_row_and_rows_are_sorted():
    found = anomalies()
    second = found.anomaly_info["age"].reason.add()
    second.type = pb.AnomalyInfo.FEATURE_TYPE_LOW_FRACTION_PRESENT
    found.anomaly_info["aaa"].CopyFrom(found.anomaly_info["age"])
    found.anomaly_info["aaa"].path.step[0] = "aaa"
    rules = ["FEATURE_TYPE_LOW_FRACTION_PRESENT", "INT_TYPE_BIG_INT"]
    rows = [(row.feature, row.rule) for row in list_anomalies("train", found)]
    assert rows == [(feature, rule) for feature in ("aaa", "age") for rule in rules]


def test_a_split_without_rows_blocks():
    (row,) = list_anomalies("eval", pb.Anomalies(data_missing=True))
    assert row == Anomaly("(all)", "DATA_MISSING", "the split has no rows", "eval", "ERROR")
    assert judge([row], "error", []).blocking == (row,)


def test_an_anomaly_of_the_whole_data_set_blocks():
    found = pb.Anomalies()
    reason = found.dataset_anomaly_info.reason.add()
    reason.type, reason.description = pb.AnomalyInfo.DATASET_HIGH_NUM_EXAMPLES, "too many rows"
    (row,) = list_anomalies("test", found)
    assert row == Anomaly("(data set)", "DATASET_HIGH_NUM_EXAMPLES", "too many rows", "test", "ERROR")
    assert judge([row], "error", []).blocking == (row,)


def test_no_anomalies_give_no_rows():
    assert list_anomalies("train", pb.Anomalies()) == []


def test_the_verdict_is_written_as_json():
    verdict = judge([AGE, CITY, ODD], "error", [accept(AGE)])
    facts = json.loads(json.dumps(verdict.as_dict()))
    assert {name: [row["feature"] for row in rows] for name, rows in facts.items()} == {
        "blocking": ["odd"],
        "accepted": ["age"],
        "below_level": ["city"],
    }
    assert facts["accepted"][0] == {
        "feature": "age",
        "rule": "OUT_OF_RANGE",
        "seen": "max 500 > 120",
        "split": "train",
        "severity": "ERROR",
    }


def test_columns_of_the_table_line_up():
    header, *rows = render([AGE, CITY]).splitlines()
    assert rows[1] == "city     ENUM_TYPE_UNEXPECTED_STRING_VALUES  eval   Bonn (1%)"
    assert [line.index(word) for line, word in ((header, "split"), (rows[0], "train"), (rows[1], "eval"))] == [45] * 3


def test_an_anomaly_stays_on_one_line_of_the_table():
    seen = "first\nsecond\r\n\tthird   fourth"
    _, row = render([Anomaly("age", "OUT_OF_RANGE", seen, "train", "ERROR")]).splitlines()
    assert row.endswith("  train  first second third fourth")


@pytest.mark.parametrize("seen", ["x" * 5000, "größer als 日本語 🙂", "", "{braces} %s [bold]"])
def test_texts_are_displayed_in_full(seen):
    _, row = render([Anomaly("größe", "OUT_OF_RANGE", seen, "train", "ERROR")]).split("\n")
    assert row.startswith("größe    OUT_OF_RANGE  train  ")
    assert row.endswith(seen)


def test_an_empty_table_is_its_header():
    assert render([]) == "feature  rule  split  seen"


@pytest.mark.parametrize("feature", ["age", "(all)", "(data set)", "größe", "price: usd", "7", "yes"])
def test_the_config_that_accepts_an_anomaly_can_be_pasted(feature, tmp_path):
    anomaly = Anomaly(feature, "OUT_OF_RANGE", "x", "eval", "ERROR")
    config = yaml.safe_load(
        "{name: tiny, workload: census, data: {dataset: census},"
        " training: {epochs: 1, batch_size: 1, learning_rate: 0.1}}"
    )
    lines = how_to_accept(anomaly).split("in the config: ")[1]
    path = tmp_path / "tiny.yaml"
    path.write_text(f"{yaml.safe_dump(config)}{lines}\n", encoding="utf-8")
    (accepted,) = load_config(str(path)).gate.accept
    acceptance = Acceptance(accepted.feature, accepted.rule, accepted.reason, accepted.splits)
    assert judge([anomaly], "error", [acceptance]).accepted == (anomaly,)


def test_a_long_table_is_cut_with_the_number_of_anomalies_and_columns():
    many = [Anomaly(f"column_{number % 29:02d}", "OUT_OF_RANGE", "?", "train", "ERROR") for number in range(87)]
    lines = summary(many).splitlines()
    assert len(lines) == 22
    assert lines[-1] == "… and 67 more, in 29 columns in all: the log lists them"
    assert summary(many[:20]) == render(many[:20])
