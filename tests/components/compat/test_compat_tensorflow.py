import tempfile

import pytest
import tensorflow as tf
from fakes.folder_names import NAMES, NEIGHBOURS

from components.compat import tensorflow
from components.compat.tensorflow import plain


class Doubled(tf.Module):
    """A model with a variable."""

    def __init__(self, factor=2.0):
        self.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def __call__(self, number):
        return self.factor * number


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_saved_to_a_folder_of_any_name_and_restored(tmp_path, name):
    for number, each in enumerate([*NEIGHBOURS, name]):
        tf.saved_model.save(Doubled(float(number)), str(tmp_path / each / "model"))
    found = tf.saved_model.load(str(tmp_path / name / "model"))
    assert float(found(tf.constant(1.0))) == len(NEIGHBOURS)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path / name / "model"))


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_too(tmp_path, name):
    prefix = str(tmp_path / name / "state")
    tf.train.Checkpoint(model=Doubled(5.0)).write(prefix)
    found = Doubled()
    tf.train.Checkpoint(model=found).read(plain(prefix)).assert_consumed()
    assert float(found.factor) == 5.0


def test_a_plain_path_stays_as_it_is():
    assert plain("runs/census {1}/state") == "runs/census {1}/state"


def test_links_lie_where_the_path_is_plain(tmp_path, monkeypatch):
    (tmp_path / "[a]").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "[a]"))
    tensorflow._links.cache_clear()
    tensorflow._link.cache_clear()
    assert "[" not in tensorflow.plain(str(tmp_path / "[a]" / "state"))
