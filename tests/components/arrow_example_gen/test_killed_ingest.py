"""Killed while it reads a big file: what has a name is whole, nothing of it is used, and the next run is complete."""

import gzip
import os
import signal
import time
from pathlib import Path

import harness
import pytest

COPIES = 1000


def big_rows(folder: Path) -> int:
    """The tiny census rows, those of train many times, in one file of several ranges; gives their number."""
    harness.tiny_rows(folder)
    path = folder / "train" / "rows.csv"
    _, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    with path.open("a", encoding="utf-8") as file:
        for _ in range(COPIES - 1):
            file.writelines(lines)
    return COPIES * len(lines)


def run_until_a_shard_is_named(rows: Path, root: Path) -> Path:
    """Starts a run and kills it -9 when it has the first of several shards; gives the artifact's folder."""
    process = harness.start([*harness.command(rows, root), "--to", "ExampleGen"])
    until_s = time.monotonic() + 120.0
    while not (named := [*root.glob("census/artifacts/ExampleGen/examples/*/Split-train/*.gz")]):
        assert process.poll() is None
        assert time.monotonic() < until_s
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return named[0].parent.parent


@pytest.mark.slow
def test_a_killed_ingest_leaves_only_whole_shards_that_are_not_used(tmp_path):
    rows, root = tmp_path / "rows", tmp_path / "runs"
    expected = big_rows(rows)
    killed = run_until_a_shard_is_named(rows, root)
    shards = [*killed.glob("Split-*/data_tfrecord-*.gz")]
    assert 0 < len([*killed.glob("Split-train/*.gz")]) < 3
    for shard in shards:
        # A gzip stream that is cut off raises EOFError.
        with gzip.open(shard) as file:
            while file.read(1 << 24):
                pass
    outcome = harness.run_here(rows, root, to_node="ExampleGen")
    (node,) = (node for node in outcome.facts["nodes"] if node["node"] == "ExampleGen")
    assert (outcome.code, node["state"]) == (0, "done")
    assert node["rows_out"] == expected + harness.TINY["eval"] + harness.TINY["test"]
    assert not killed.exists()
    assert not [*root.glob("census/artifacts/ExampleGen/**/*.partial")]
