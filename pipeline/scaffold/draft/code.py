"""The texts of preprocessing.py, model.py and trainer.py: those of ``census``, which are the same for every table."""

from pathlib import Path

from pipeline.scaffold.draft.workload import Draft
from pipeline.workloads import census

PARTS = ("preprocessing.py", "model.py", "trainer.py")


def code_texts(draft: Draft) -> dict[str, str]:
    """Return the text by file name."""
    folder = Path(census.__file__).parent
    return {name: (folder / name).read_text("utf-8").replace(census.__name__, draft.package) for name in PARTS}
