"""Where a training keeps its checkpoints, and how it learns the number of its rows."""

import pytest
from fakes import small_training

from components.examples import FILE_ROWS
from pipeline.errors import MainlineError
from pipeline.training import job
from pipeline.training.job import make_job, read_training, resume_directory
from pipeline.training.loop import train


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
    assert resume_directory(arguments(source="a", file_rows={"rows.gz": 1})) == kept
    assert resume_directory(arguments(source="b")) != kept


def test_other_rows_discard_a_checkpoint(arguments, tmp_path):
    kept = resume_directory(arguments())
    (tmp_path / "train" / "rows.gz").write_bytes(b"more rows")
    assert resume_directory(arguments()) != kept


@pytest.fixture
def recorded(world, tmp_path):
    """The arguments of a training on files whose rows Transform recorded: 70 of each for train, 53 for eval."""
    made = small_training.fn_args(world, tmp_path)
    made.custom_config[FILE_ROWS] = {
        **{str(path): 70 for path in (world / "train").iterdir()},
        **{str(path): 53 for path in (world / "eval").iterdir()},
    }
    return made


def splits(fn_args) -> tuple[int, int]:
    made = make_job(fn_args, small_training.TABLE, read_training(fn_args))
    return made.train.rows, made.eval.rows


def test_recorded_rows_are_not_counted_again(recorded, monkeypatch):
    monkeypatch.setattr(job, "count_records", lambda files: pytest.fail("counted again"))
    assert splits(recorded) == (210, 53)


def test_a_split_is_counted_if_the_rows_of_one_file_are_unknown(recorded, world):
    del recorded.custom_config[FILE_ROWS][str(world / "train" / "examples-1.gz")]
    assert splits(recorded) == (210, 53)
    del recorded.custom_config[FILE_ROWS]
    assert splits(recorded) == (210, 53)


def test_rows_lost_since_they_were_recorded_end_the_training(recorded, world):
    recorded.custom_config[FILE_ROWS][str(world / "train" / "examples-1.gz")] = 71
    with pytest.raises(MainlineError, match="not as many rows as Transform wrote") as caught:
        train(recorded, small_training.TABLE, small_training.build_model)
    assert (caught.value.expected, caught.value.received) == ("211", "210")
