"""The decisions about a whole table: which columns a model gets, how rows are divided, which bounds hold."""

import numpy as np
import pyarrow as pa
import pytest
from fakes.tables.customers import customers
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from pipeline.errors import ConfigError, DataError
from pipeline.scaffold.checks.references import References, linear_inputs, tree_inputs
from pipeline.scaffold.plan import Options, make_plan


def table(columns=None) -> pa.Table:
    columns = columns or customers()
    return pa.table({name: pa.array([str(cell) for cell in cells]) for name, cells in columns.items()})


def plan(columns=None, **options):
    return make_plan(table(columns), Options("churned", **options), "churn.csv")


def names(found) -> list[str]:
    return [each.name for each in found.inputs]


INPUTS = ["plan", "age", "monthly_spend", "gender", "signup_date"]


def test_a_model_gets_what_is_known_before_and_tells_something():
    found = plan()
    assert names(found) == INPUTS
    assert {name: why.partition(":")[0] for name, why in found.left_out.items()} == {
        "customer_id": "an id",
        "comment": "text of 9 words on average",
        "cancel_reason": "LEAK? whether it is missing tells the label (AUC 1.00)",
    }
    assert (found.slices, found.sensitive) == (["gender", "plan"], ["gender"])


def test_keep_and_drop_have_the_last_word():
    found = plan(keep=("cancel_reason", "customer_id"), drop=("monthly spend",))
    assert names(found) == ["customer_id", "plan", "age", "gender", "signup_date", "cancel_reason"]
    assert "almost perfect" in found.lines[-1]
    with pytest.raises(ConfigError, match="no such column") as caught:
        plan(drop=("gendr",))
    assert caught.value.next_step == "Did you mean 'gender'?"
    with pytest.raises(DataError, match="no column is left to learn from"):
        plan(drop=("plan", "age", "monthly spend", "gender", "signup_date"))


def test_rows_that_repeat_an_entity_are_divided_by_it():
    repeated = {**customers(600), "customer_id": [f"C{row % 150}" for row in range(600)]}
    found = plan(repeated)
    assert (found.split.by, found.split.column) == ("group", "customer_id")
    assert "its 150 values repeat in 600 rows" in found.split.why
    assert found.left_out["customer_id"].startswith("the group by which rows are divided")
    assert plan(group="plan").split.column == "plan"


def test_rows_are_divided_by_a_time_that_is_named():
    repeated = {**customers(600), "customer_id": [f"C{row % 150}" for row in range(600)]}
    found = plan(repeated, time="signup_date")
    assert (found.split.by, found.split.column) == ("time", "signup_date")
    assert "signup_date" in found.left_out
    assert any("values of customer_id are in several splits" in line for line in found.lines)


def test_equal_rows_are_counted():
    once = customers(200)
    twice = {name: [*cells, *cells] for name, cells in once.items()}
    twice["customer_id"] = list(range(400))
    assert "200 rows are equal to another one, each with its copies in one split" in plan(twice).lines


def test_references_are_those_of_scikit_learn():
    found = plan(customers(3000))
    ones, train, test = found.target.ones, found.split.rows(0), found.split.rows(2)
    rows = linear_inputs(found.inputs, train)
    model = LogisticRegression(max_iter=100, random_state=0).fit(rows[train], ones[train])
    expected = roc_auc_score(ones[test], model.predict_proba(rows[test])[:, 1])
    assert found.references.linear == pytest.approx(expected, abs=1e-9)
    constant = np.full(len(test), ones[train].mean())
    assert found.references.rate_log_loss == pytest.approx(log_loss(ones[test], constant))
    assert 0.6 < found.references.trees < 0.9


def test_references_do_not_see_the_test_rows():
    found = plan()
    train = found.split.rows(0)
    dense, categorical = tree_inputs(found.inputs, train)
    assert dense.shape == (300, 4 + 4)
    assert categorical == [True, False, False, True, False, False, False, False]
    numbers = linear_inputs(found.inputs, train).toarray()
    age = numbers[train][:, 302]
    assert age.mean() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("linear", "minority", "bound"), [(0.9, 10_000, 0.885), (0.7, 32, 0.601), (0.52, 32, 0.5), (0.45, 10_000, 0.5)]
)
def test_the_bound_is_below_the_linear_model_by_more_than_noise(linear, minority, bound):
    assert References(0.3, 0.6, linear, 0.7, minority).auc_bound == bound


def test_columns_that_no_feature_reads_are_said():
    rows = table(customers(400)).append_column("parts", pa.array([[1]] * 400))
    found = make_plan(rows, Options("churned"), "churn.jsonl")
    assert "parts is left out: no feature reads list<item: int64>" in found.lines


def test_a_rare_label_is_said():
    rare = customers(2000)
    rare["churned"] = [int(row % 40 == 0) for row in range(2000)]
    assert any("label 1 is 2.5% of the rows" in line for line in plan(rare).lines)


@pytest.mark.parametrize("option", ["time", "group", "keep", "drop"])
def test_an_option_that_names_the_label_is_refused(option):
    with pytest.raises(ConfigError, match=f"--{option} churned: that is the label"):
        plan(**{option: ("churned",) if option in ("keep", "drop") else "churned"})


def test_rows_are_divided_in_one_way():
    with pytest.raises(ConfigError, match="rows are divided in one way"):
        plan(time="signup_date", group="customer_id")


@pytest.mark.parametrize(
    ("columns", "received"), [({}, "only the label"), ({"plan": ["pro"] * 300}, "plan: one value in all rows")]
)
def test_a_table_without_a_column_to_learn_from_is_refused(columns, received):
    with pytest.raises(DataError, match="no column is left to learn from") as caught:
        plan({**columns, "churned": customers()["churned"]})
    assert caught.value.received == received


@pytest.mark.parametrize("name", ["customerID", "userId", "e-mail", "patient", "account_key"])
def test_an_entity_is_told_by_its_name_where_its_values_repeat(name):
    found = plan({**customers(600), name: [f"c{row % 150}@shop.org" for row in range(600)]})
    assert found.split.column == name.replace("-", "_")


def test_copies_at_another_time_are_said():
    first, second = customers(300), customers(300)
    second["signup_date"] = [day.replace("2023", "2025").replace("2024", "2026") for day in second["signup_date"]]
    twice = {name: [*first[name], *second[name]] for name in first}
    assert any("300 of them in several splits" in line for line in plan(twice, time="signup_date").lines)
