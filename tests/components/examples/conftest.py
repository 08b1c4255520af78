"""Examples that an artifact lists."""

import gzip

import pytest
from tfx.types import standard_artifacts

from components.examples.listing import list_written


@pytest.fixture
def written(tmp_path):
    """Two files of train, one of eval, which the artifact lists."""
    artifact = standard_artifacts.Examples()
    artifact.uri, artifact.split_names = str(tmp_path), '["train", "eval"]'
    for name in ("train/a.gz", "train/b.gz", "eval/a.gz"):
        path = tmp_path / f"Split-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(name.encode()))
    list_written(artifact)
    return artifact
