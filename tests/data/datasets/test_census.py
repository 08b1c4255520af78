import csv
from collections import Counter

import pytest

from data.datasets.census import COLUMNS, parse_label, parse_person, rows_by_split
from data.datasets.tables import parse_table

LINE = "39, State-gov, 77516, Bachelors, 13, Never-married, ?, Not-in-family, White, Male, 2174, 0, 40, ?, <=50K"


@pytest.fixture(scope="module")
def splits(adult_raw):
    return rows_by_split(adult_raw, "given", 0)


def test_rows_and_label_rates_are_the_known_ones(splits):
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 29_305, "eval": 3_256, "test": 16_281}
    given = [*splits["train"], *splits["eval"]]
    assert round(sum(row.over_50k for row in given) / 32_561, 4) == 0.2408
    assert round(sum(row.over_50k for row in splits["test"]) / 16_281, 4) == 0.2362


def test_train_and_eval_divide_the_file_between_them(splits, adult_raw):
    people = parse_table(adult_raw / "adult.data", parse_person, separator=",", header=0)
    assert Counter([*splits["train"], *splits["eval"]]) == Counter(people)


def test_the_seed_moves_rows_between_train_and_eval_and_leaves_test_alone(splits, adult_raw):
    other = rows_by_split(adult_raw, "given", 1)
    assert other["eval"] != splits["eval"]
    assert other["test"] == splits["test"]


def test_a_question_mark_becomes_an_empty_cell(splits):
    assert not any("?" in row for rows in splits.values() for row in rows)
    assert sum(row.occupation == "" for row in [*splits["train"], *splits["eval"]]) == 1_843


def test_the_written_file_holds_the_same_rows(census, splits):
    with (census.path / "test" / "rows.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert lines == [[str(value) for value in row] for row in splits["test"]]


def test_a_line_becomes_a_person():
    person = parse_person(LINE.split(","))
    assert (person.age, person.workclass, person.occupation, person.native_country) == (39, "State-gov", "", "")
    assert (person.capital_gain, person.hours_per_week, person.over_50k) == (2174, 40, 0)


@pytest.mark.parametrize(
    ("line", "problem"),
    [(LINE + ", more", "16 fields"), ("39, State-gov", "2 fields"), (LINE[:-5] + "50K", "label"), ("x" + LINE, "x39")],
)
def test_a_malformed_line_is_refused(line, problem):
    with pytest.raises(ValueError, match=problem):
        parse_person(line.split(","))


@pytest.mark.parametrize(("text", "label"), [("<=50K", 0), ("<=50K.", 0), (">50K", 1), (">50K.", 1)])
def test_labels_with_and_without_the_dot(text, label):
    assert parse_label(text) == label
