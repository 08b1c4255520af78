"""Where a training keeps its checkpoints."""

import pytest
from fakes import small_training

from pipeline.training.job import resume_directory


@pytest.fixture
def arguments(tmp_path):
    """The arguments of a training, with entries of the custom config."""
    for split in ("train", "eval"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "rows.gz").write_bytes(b"rows")

    def make(**custom):
        made = small_training.fn_args(tmp_path, tmp_path / "out")
        made.custom_config |= custom
        return made

    return make


def test_labels_for_people_do_not_discard_a_checkpoint(arguments):
    kept = resume_directory(arguments(source="a"))
    assert resume_directory(arguments(source="a", labels="rows/labels", labels_digest="1")) == kept
    assert resume_directory(arguments(source="a", labels="rows/labels", labels_digest="2")) == kept
    assert resume_directory(arguments(source="b")) != kept


def test_other_rows_discard_a_checkpoint(arguments, tmp_path):
    kept = resume_directory(arguments())
    (tmp_path / "train" / "rows.gz").write_bytes(b"more rows")
    assert resume_directory(arguments()) != kept
