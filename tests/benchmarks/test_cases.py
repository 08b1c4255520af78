"""The rows that both sides of a benchmark read."""

import csv

import pytest

from benchmarks.cases import TAXI_LABEL, TAXI_SCHEMA, Case, parse_case, rows_of, split_of, taxi_csv
from data.simulation.shop import World
from data.synthetic import synthesize
from pipeline.errors import InputError


def cells(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def taxi(tmp_path_factory):
    return rows_of(Case("taxi", 2), tmp_path_factory.mktemp("taxi"))


def test_all_taxi_rows_are_copied_and_two_thirds_are_train(taxi):
    rows = {split: cells(taxi / split / "rows.csv") for split in ("train", "eval")}
    assert sum(map(len, rows.values())) == 2 * 15_002
    assert len(rows["train"]) / (2 * 15_002) == pytest.approx(2 / 3, abs=0.01)
    without_label = [tuple(row.values())[:-1] for split in rows for row in rows[split]]
    assert sorted(without_label) == sorted(2 * [tuple(row.values()) for row in cells(taxi_csv())])


def test_no_taxi_row_is_in_both_splits(taxi):
    train, held_out = ({tuple(row.values()) for row in cells(taxi / split / "rows.csv")} for split in ("train", "eval"))
    assert not train & held_out


def test_the_label_is_that_of_the_template(taxi):
    rows = cells(taxi / "eval" / "rows.csv")
    assert {row[TAXI_LABEL] for row in rows} == {"0", "1"}
    assert all((float(row["tips"]) > float(row["fare"]) * 0.2) == (row[TAXI_LABEL] == "1") for row in rows)
    assert f'"{TAXI_LABEL}"' in TAXI_SCHEMA.read_text(encoding="utf-8")


def test_rows_are_written_once(taxi):
    before = (taxi / "eval" / "rows.csv").stat().st_mtime_ns
    assert rows_of(Case("taxi", 2), taxi.parents[1]) == taxi
    assert (taxi / "eval" / "rows.csv").stat().st_mtime_ns == before


def test_ids_get_a_letter_and_nothing_else_changes(tmp_path):
    named = rows_of(Case("impressions", 300, intervals=True), tmp_path)
    source = synthesize(World(300), tmp_path / "synthetic" / "300-seed-0-drift-0-csv").path
    for split in ("train", "eval", "test"):
        before, after = (cells(folder / split / "rows-00000.csv") for folder in (source, named))
        assert after == [{**row, **{name: f"n{row[name]}" for name in ("user_id", "item_id")}} for row in before]


@pytest.mark.parametrize("text", ["taxi", "taxi:0", "taxi:14+intervals", "impressions", "recommender:3", "census", ""])
def test_an_unknown_case_is_an_error(text):
    with pytest.raises(InputError, match="no such case"):
        parse_case(text)


def test_the_split_depends_only_on_the_hash_of_the_row():
    assert [split_of(text) for text in ("a", "b", "a")][::2] == [split_of("a")] * 2
