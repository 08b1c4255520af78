"""A row that a model cannot score is named, with the reason."""

import numpy as np
import pytest
import tensorflow as tf

from components.batch_evaluator import scoring
from components.batch_evaluator.scoring import Scorer, score_all
from components.examples.bad_rows import naming_bad_rows
from pipeline.errors import DataError
from pipeline.label import Label

LABEL = Label("label")
SCORERS = [
    Scorer("score", "model", "serving_default", "score", LABEL), Scorer("baseline_score", "old", "s", "score", LABEL)
]  # fmt: skip


def price_of(serialized: tf.Tensor) -> tf.Tensor:
    return tf.io.parse_example(serialized, {"price": tf.io.FixedLenFeature([1], tf.float32)})["price"]


def write(folder, prices) -> str:
    path = str(folder / "Split-test" / "rows.tfrecord")
    (folder / "Split-test").mkdir()
    with tf.io.TFRecordWriter(path) as writer:
        for price in prices:
            example = tf.train.Example()
            example.features.feature["price"].float_list.value.append(price)
            writer.write(example.SerializeToString())
    return path


@pytest.mark.parametrize("fails", ["not finite", "checked"])
@pytest.mark.parametrize("model", ["model", "old"])
def test_the_bad_row_is_named_with_split_number_and_values(fails, model, tmp_path, monkeypatch):
    def load(path, signature, output):
        def score(serialized):
            logarithm = tf.math.log(price_of(serialized))[:, 0] if path == model else tf.zeros(len(serialized))
            if fails == "checked":
                tf.debugging.check_numerics(logarithm, "column 'price': a number is not finite")
            return np.asarray(logarithm)

        return score

    monkeypatch.setattr(scoring, "load_model", load)
    path = write(tmp_path, [1.0] * 5000 + [0.0, 1.0])
    with pytest.raises(DataError) as caught, naming_bad_rows([path], lambda rows: score_all(rows, SCORERS), "E"):
        raise RuntimeError("what comes from a worker")
    assert caught.value.where == "E, test split, row 5001 of rows.tfrecord"
    assert caught.value.received == "price=0.0"
    assert ("price" if fails == "checked" else "score of the row") in caught.value.problem


def test_an_unrelated_error_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "load_model", lambda *_: lambda rows: np.zeros(len(rows)))
    path = write(tmp_path, [1.0, 2.0])
    with (
        pytest.raises(OSError, match="disk"),
        naming_bad_rows([path], lambda rows: score_all(rows, SCORERS), "E"),
    ):
        raise OSError("disk")
