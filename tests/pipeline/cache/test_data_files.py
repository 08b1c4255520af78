"""Files beside our modules count where they belong to the code: not rows, configs, or what editors leave."""

import pytest

from pipeline.cache.source_tree import SourceTree


@pytest.fixture
def workload(tmp_path, monkeypatch):
    """The folder of a workload, whose trainer reads the split "train" and a few files by name."""
    folder = tmp_path / "company_churn"
    folder.mkdir()
    (folder / "trainer.py").write_text("SPLIT = 'train'\nFILES = ('zones.csv', 'area-codes.jsonl', 'limits.yaml')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def counts(workload, name) -> bool:
    """Whether the digest of the workload is another one when a file is there."""
    tree, path = (workload.parent, {"company_churn"}), workload / name
    before = SourceTree(*tree).digest(["company_churn.trainer"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("1")
    return SourceTree(*tree).digest(["company_churn.trainer"]) != before


@pytest.mark.parametrize("name", ["page.css", "words.txt", "train/prompt.txt", "train/rules.yaml", "train/deep/a.json"])
def test_a_file_of_the_code_counts(workload, name):
    assert counts(workload, name)


@pytest.mark.parametrize("name", ["zones.csv", "area-codes.jsonl", "limits.yaml", "train/zones.csv"])
def test_rows_and_configs_count_where_a_module_names_the_file(workload, name):
    assert counts(workload, name)


@pytest.mark.parametrize(
    "name",
    [
        ".trainer.py.swp", "trainer.py~", "#trainer.py#", ".#trainer.py", ".DS_Store", "~$words.doc",
        "train/__pycache__/trainer.pyc.139", "train/.ipynb_checkpoints/a.txt", "train/cache/a.zip",
    ],
)  # fmt: skip
def test_what_editors_and_python_leave_does_not(workload, name):
    assert not counts(workload, name)


@pytest.mark.parametrize("name", ["churn.yaml", "churn.yml"])
def test_a_config_beside_the_workload_does_not(workload, name):
    assert not counts(workload, name)


@pytest.mark.parametrize(
    "name",
    ["rows.csv", "train/rows.csv", "train/a.jsonl", "train/a.parquet", "train/a.tfrecord", "train/a.gz", "train/A.CSV"],
)
def test_rows_do_not(workload, name):
    assert not counts(workload, name)
