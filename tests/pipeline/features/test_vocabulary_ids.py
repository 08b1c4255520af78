"""Ids of terms and of what is unknown, by a real TensorFlow Transform graph."""

import numpy as np
import pytest
from fakes import transformed_rows as world

from pipeline.features.kinds.categorical import Categorical
from pipeline.features.table import Table

CITIES = np.array(["Oslo"] * 5 + ["Lima"] * 3 + ["Turku"])


@pytest.mark.parametrize("oov", [1, 3])
def test_unknown_values_have_ids_behind_the_room_for_all_terms(tmp_path, oov):
    table = Table((Categorical("city", vocabulary=12, oov=oov, embedding=2),), "label")
    rows = {**world.make_rows(rows=9), "city": CITIES}
    transform = world.make_transform(tmp_path / "transform", rows, table)
    ids = world.batch_of(
        transform, {**rows, "city": np.array(["Oslo", "Lima", "Turku", "", "x", "y", "z", "Rome", "Bonn"])}
    )
    known, unknown = np.split(np.asarray(ids[0]["city_xf"]).ravel(), [3])
    assert known.tolist() == [0, 1, 2]
    assert set(unknown) <= set(range(12, 12 + oov))
