import math
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.plan import make_plan
from components.batch_evaluator.results import sliced_metrics, write_results
from components.batch_evaluator.scoring import ScoreFile, Scorer
from components.evaluation.predictions import read_predictions
from components.evaluation.verdict import Bounds, Measurement
from components.slice_report.analysis import importance
from components.slice_report.analysis.importance import draw, explain, measure, worst_slice
from components.slice_report.analysis.slices import make_slices
from components.slice_report.analysis.weak_segments import find_weak
from components.slice_report.facts import Card, Segment, Slice, WeakSegments
from components.slice_report.settings import Settings
from components.slice_report.sources import Sources
from pipeline.errors import DataError

ROWS = 900
SCHEMA = """
  feature { name: "size" type: FLOAT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "tags" type: BYTES value_count { min: 0 max: 3 } }
  feature { name: "age" type: INT value_count { min: 1 max: 1 } }
  feature { name: "kind" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "user" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "label" type: INT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
"""
READ, UNREAD = ("size", "tags", "age"), ("kind", "user")
NOTHING = WeakSegments(0, 0.05, 30, ())
SETTINGS = Settings(
    workload="census",
    label="label",
    decision_threshold=0.5,
    bounds=Bounds(()),
    primary_metric="binary_crossentropy",
    sensitive=(),
    id_columns=("user",),
    categorical_drift=0.1,
    numeric_drift=0.1,
    block_on="LOW",
    acceptances=(),
    config=(),
    sources=(),
    card=Card("", "", (), (), (), (), (), ""),
)


class Additive(tf.Module):
    """A score from a number, from how many tags there are, and from an age that may be missing."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable([2.0, -0.7, 0.03])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def score(self, examples):
        spec = {
            "size": tf.io.FixedLenFeature([1], tf.float32),
            "tags": tf.io.RaggedFeature(tf.string),
            "age": tf.io.FixedLenFeature([1], tf.int64, default_value=[-10]),
        }
        parsed = tf.io.parse_example(examples, spec)
        tags = tf.cast(parsed["tags"].row_lengths(), tf.float32)[:, tf.newaxis]
        inputs = tf.concat([parsed["size"], tags, tf.cast(parsed["age"], tf.float32)], axis=1)
        return {"probability": tf.sigmoid(tf.reduce_sum(inputs * self.weights, axis=1, keepdims=True))}


def scores_of(columns):
    """What the model says, by numpy."""
    ages = np.array([-10 if not age else age[0] for age in columns["age"]])
    logits = 2.0 * np.array([size[0] for size in columns["size"]]) + 0.03 * ages
    return 1 / (1 + np.exp(-(logits - 0.7 * np.array([len(tags or ()) for tags in columns["tags"]]))))


def losses_of(columns):
    score = scores_of(columns)
    return -np.log(np.where(np.array(columns["label"])[:, 0] == 1, score, 1 - score))


def growth_of_all_pairs(columns, name):
    """The mean growth of the loss over all rows with the column of all rows."""
    base, total = losses_of(columns).mean(), 0.0
    for donor in columns[name]:
        total += losses_of({**columns, name: [donor] * len(columns[name])}).mean() - base
    return total / len(columns[name])


def make_columns(rows, seed=0):
    """Columns as lists of values; rows of the kind "odd" have labels that are the model's chances turned around."""
    random = np.random.default_rng(seed)
    columns = {
        "size": [[float(size)] for size in random.normal(size=rows).astype(np.float32)],
        "tags": [[b"a", b"b", b"c"][:count] or None for count in random.integers(0, 4, rows)],
        "age": [
            None if missing else [int(age)]
            for missing, age in zip(random.random(rows) < 0.2, random.integers(0, 90, rows), strict=True)
        ],
        "kind": [[kind] for kind in random.choice([b"odd", b"even", b"plain"], rows).tolist()],
        "user": [[b"user %d" % row] for row in range(rows)],
    }
    chances = np.where([kind == [b"odd"] for kind in columns["kind"]], 1 - scores_of(columns), scores_of(columns))
    return {**columns, "label": [[int(label)] for label in random.random(rows) < chances]}


def write_examples(path, columns, rows):
    def feature(value):
        if isinstance(value[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
        if isinstance(value[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=value))
        return tf.train.Feature(float_list=tf.train.FloatList(value=value))

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for row in rows:
            features = {name: feature(values[row]) for name, values in columns.items() if values[row]}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def make_config():
    metrics = [config_pb2.MetricConfig(class_name=name) for name in ("ExampleCount", "BinaryCrossEntropy", "AUC")]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=tfma.CANDIDATE_KEY,
                model_type=tfma.TF_GENERIC,
                signature_name="score",
                label_key="label",
                prediction_key="probability",
            )
        ],
        slicing_specs=[config_pb2.SlicingSpec(), config_pb2.SlicingSpec(feature_keys=["kind"])],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )


def run_evaluation(root, columns, parts):
    """The sources of a run: examples in files, the model, and what the evaluator leaves."""
    for number, rows in enumerate(parts):
        write_examples(root / "examples" / "Split-test" / f"data-{number:05d}.gz", columns, rows)
    (root / "schema").mkdir()
    (root / "schema" / "schema.pbtxt").write_text(SCHEMA, encoding="utf-8")
    model = Additive()
    path = root / "model" / "Format-Serving"
    tf.saved_model.save(model, str(path), signatures={"score": model.score})
    sources = Sources("p", "r", {name: str(root / name) for name in ("examples", "schema", "evaluation", "model")})
    plan = make_plan(make_config(), has_baseline=False)
    scorer = Scorer("score", str(path), plan.models[0].signature, plan.models[0].output)
    evaluation = sources.folders["evaluation"]
    score = ScoreFile([scorer], sources.schema.SerializeToString(), evaluation)
    for numbered in enumerate(sources.example_files()["test"]):
        list(score.process(numbered))
    results = (
        [sliced_metrics(*found[:2], 0, 0) for found in evaluate(read_predictions(evaluation), plan)]
        if columns["label"]
        else []
    )
    write_results(evaluation, results, plan.config, {})
    return sources


@dataclass(frozen=True)
class World:
    columns: dict
    sources: Sources


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    columns = make_columns(ROWS)
    parts = [range(0, 123), range(123, 124), [], range(124, ROWS)]
    return World(columns, run_evaluation(tmp_path_factory.mktemp("run"), columns, [p for p in parts]))


def weak_kinds(world):
    """The weak segments of the kinds alone."""
    return find_weak(world.sources.predictions, "label", ("user", *READ))


@pytest.fixture(scope="module")
def explained(world):
    return explain(world.sources, SETTINGS, (), weak_kinds(world))


def rows_at(columns, rows):
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def where(columns, kind):
    return rows_at(columns, [row for row, value in enumerate(columns["kind"]) if value == [kind]])


def test_the_weakest_segment_is_explained_after_all_rows(world, explained):
    assert [(one.scope, one.rows) for one in explained] == [
        ("overall", ROWS),
        ("kind=odd", len(where(world.columns, b"odd")["kind"])),
    ]


@pytest.mark.parametrize("scope", [0, 1])
@pytest.mark.parametrize("name", READ)
def test_importance_is_the_increase_over_all_pairs_of_rows(world, explained, scope, name):
    columns = [world.columns, where(world.columns, b"odd")][scope]
    measured = dict(explained[scope].columns)[name]
    expected = growth_of_all_pairs(columns, name)
    assert measured.interval[0] < expected < measured.interval[1]
    assert measured.value == pytest.approx(expected, rel=0.3)
    assert measured.value == pytest.approx(sum(measured.interval) / 2)
    # What the model has learnt the wrong way round there, it is better off without.
    assert (measured.value > 0) == (scope == 0)


def test_an_unused_column_has_an_importance_of_exactly_zero(explained):
    for one in explained:
        assert {name: dict(one.columns)[name] for name in UNREAD} == dict.fromkeys(UNREAD, Measurement(0.0, (0.0, 0.0)))


def test_columns_are_sorted_and_the_label_is_left_out(explained):
    for one in explained:
        values = [measured.value for _, measured in one.columns]
        assert values == sorted(values, reverse=True)
        assert {name for name, _ in one.columns} == {*READ, *UNREAD}


def test_importances_are_reproducible(world, explained):
    assert explain(world.sources, SETTINGS, (), weak_kinds(world)) == explained


def test_a_segment_of_a_value_and_a_range_is_explained_by_its_rows(world):
    weak = find_weak(world.sources.predictions, "label", ("user",))
    _, found = explain(world.sources, SETTINGS, (), weak)
    assert found.scope.startswith("kind=odd, size=")
    size, kind = np.array(world.columns["size"])[:, 0], np.array(world.columns["kind"])[:, 0]
    rows = np.flatnonzero((size <= np.sort(size)[ROWS // 5 - 1]) & (kind == b"odd"))
    assert found.rows == weak.found[0].rows == rows.size
    for name in READ:
        low, high = dict(found.columns)[name].interval
        assert low < growth_of_all_pairs(rows_at(world.columns, rows), name) < high


def test_many_rows_are_sampled(world, monkeypatch):
    monkeypatch.setattr(importance, "MOST_ROWS", 200)
    monkeypatch.setattr(importance, "REPEATS", 200)
    (overall,) = explain(world.sources, SETTINGS, (), NOTHING)
    assert overall.rows == 200
    drawn = rows_at(world.columns, draw(np.arange(ROWS)))
    for name in READ:
        measured = dict(overall.columns)[name]
        assert measured.value == pytest.approx(growth_of_all_pairs(drawn, name), abs=0.01)


def test_without_a_weak_segment_the_worst_slice_is_explained(world, explained):
    slices = make_slices(world.sources.evaluation, world.sources.predictions, "label")
    for metric in ("binary_crossentropy", "auc"):
        assert explain(world.sources, replace(SETTINGS, primary_metric=metric), slices, NOTHING) == explained
    (overall,) = explain(world.sources, SETTINGS, slices[:1], NOTHING)
    assert overall == explained[0]


def segment(*features):
    return replace(NOTHING, found=(Segment(features, 0, 0, 0, 0, Measurement(0), 0),))


def test_too_few_rows_are_left_out(world, explained):
    assert explain(world.sources, SETTINGS, (), segment(("kind", "odd"), ("user", "user 3"))) == explained[:1]


def test_a_column_that_is_constant_in_a_segment_has_no_importance_there(world):
    _, found = explain(world.sources, SETTINGS, (), segment(("age", "(none)"), ("kind", "even")))
    assert found.scope == "age=(none), kind=even"
    assert dict(found.columns)["age"] == Measurement(0.0, (0.0, 0.0))
    assert dict(found.columns)["size"].value > 0


def test_examples_that_are_not_those_of_the_predictions_are_refused(world, tmp_path):
    write_examples(tmp_path / "examples" / "Split-test" / "data.gz", world.columns, range(ROWS - 1))
    sources = replace(world.sources, folders={**world.sources.folders, "examples": str(tmp_path / "examples")})
    with pytest.raises(DataError, match="899 rows"):
        explain(sources, SETTINGS, (), NOTHING)


@pytest.mark.parametrize("rows", [0, 1, 29])
def test_few_rows_give_no_importances(tmp_path, rows):
    sources = run_evaluation(tmp_path, make_columns(rows), [range(rows)])
    assert explain(sources, SETTINGS, (), find_weak(sources.predictions, "label", ())) == ()


def test_rows_without_a_score_are_left_out(world, tmp_path):
    sources = replace(world.sources)
    table = read_predictions(world.sources.folders["evaluation"])
    score = np.where(np.arange(ROWS) % 2, table["score"].to_numpy(), np.nan)
    sources.__dict__["predictions"] = table.drop(["score"]).append_column("score", pa.array(score))
    (overall,) = explain(sources, SETTINGS, (), NOTHING)
    assert overall.rows == ROWS // 2
    half = rows_at(world.columns, range(1, ROWS, 2))
    assert dict(overall.columns)["size"].value == pytest.approx(growth_of_all_pairs(half, "size"), rel=0.2)


def test_at_most_2000_rows_are_drawn_from_the_whole_range():
    rows = np.arange(10_000) * 3
    drawn = draw(rows)
    assert drawn.size == np.unique(drawn).size == 2000
    assert np.isin(drawn, rows).all()
    assert (np.diff(drawn) > 0).all()
    assert drawn.mean() == pytest.approx(rows.mean(), rel=0.05)
    assert np.array_equal(draw(rows), drawn)
    assert np.array_equal(draw(rows[:2000]), rows[:2000])


@pytest.mark.parametrize(("of_row", "of_donor", "of_both"), [(1, 0, 0), (0, 1, 0), (1, 1, 0), (1, -1, 0.5), (1, 1, 3)])
def test_the_interval_covers_the_truth_in_19_of_20_cases(of_row, of_donor, of_both):
    random, held, rows = np.random.default_rng(0), 0, 100
    for _ in range(400):
        first, second = random.normal(size=(2, rows)) if of_row > 0 > of_donor else [random.normal(size=rows)] * 2
        donors = np.stack([random.permutation(rows) for _ in range(5)])
        growth = of_row * first + of_donor * second[donors] + of_both * random.normal(size=donors.shape)
        low, high = measure(growth, donors).interval
        held += low <= 0 <= high
    assert 0.92 <= held / 400 <= 0.999


def one_slice(value, too_small="", features=(("a", "x"),), metric="auc"):
    return Slice(features, 100, 0.1, {metric: Measurement(value)}, too_small=too_small)


@pytest.mark.parametrize(
    ("metric", "values", "worst"),
    [
        ("auc", [0.7, 0.6, 0.8], 1),
        ("binary_crossentropy", [0.7, 0.6, 0.8], 2),
        ("calibration", [1.2, 0.7, 1.1], 1),
        ("precision", [math.nan, 0.6, 0.6], 1),
        ("auc", [math.nan], None),
        ("mean_label", [0.1, 0.2], None),
        ("auc", [], None),
    ],
)
def test_which_slice_is_worst(metric, values, worst):
    slices = [one_slice(value, metric=metric) for value in values]
    found = worst_slice(slices, metric)
    assert found is (None if worst is None else slices[worst])


def test_all_rows_and_slices_that_are_too_small_are_not_worst():
    slices = [one_slice(0.1, features=()), one_slice(0.2, "too few rows"), one_slice(0.9)]
    assert worst_slice(slices, "auc") is slices[2]
    assert worst_slice(slices, "recall") is None
