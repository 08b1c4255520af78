"""The files of a drafted workload: what each line says, and that they are a workload."""

import ast

import harness
import numpy as np
import pyarrow as pa
import pytest
from fakes.tables.customers import customers
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.config.load import load_config
from pipeline.scaffold.draft.features import features_text
from pipeline.scaffold.draft.files import files_of
from pipeline.scaffold.draft.workload import Draft
from pipeline.scaffold.plan import Options, make_plan
from pipeline.settings.graph import check_settings

FEATURES = """\
FEATURES = (
    # customer_id: an id: all values differ: a model would learn the rows by heart.
    # Categorical("customer_id", vocabulary=300, embedding=8),
    Categorical("plan", vocabulary=3, closed=True, embedding=8),  # 3 values, of at least 56 rows each: closed
    Numeric("age", optional=True),  # whole numbers, 55 values, 11.0% missing
    Bucketized("age", buckets=4, embedding=8),  # for what is not a straight line
    Numeric("monthly_spend"),  # numbers
    Bucketized("monthly_spend", buckets=4, embedding=8),  # for what is not a straight line
    Categorical("gender", vocabulary=2, closed=True, embedding=8),  # 2 values, of at least 150 rows each: closed
    Date("signup_date", reference="2024-11-29"),  # dates; the reference is the latest of them
    # comment: text of 9 words on average: there is no feature kind for free text yet.
    # Categorical("comment", vocabulary=300, embedding=8),
    # cancel_reason: LEAK? whether it is missing tells the label (AUC 1.00): 0% of the rows without it are positive.
    # Categorical("cancel_reason", vocabulary=3, closed=True, embedding=8),
)

TABLE = Table(FEATURES, label="churned")
"""


def draft(columns=None, package: str = "churn", **options) -> Draft:
    columns = columns or customers()
    table = pa.table({name: pa.array([str(cell) for cell in cells]) for name, cells in columns.items()})
    return Draft(package, ("churn.csv",), make_plan(table, Options("churned", **options), "churn.csv"))


def test_each_feature_has_its_reason_beside_it():
    assert features_text(draft()).partition("\n\nFEATURES")[2] == FEATURES.removeprefix("FEATURES")


def test_lines_fit():
    for name, content in files_of(draft()).items():
        if name.endswith((".py", ".yaml", ".pbtxt")):
            assert [line for line in content.decode().splitlines() if len(line) > 120] == []


def code_of(text: str) -> str:
    """Return code without docstrings and comments, its imports in order."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    tree.body.sort(key=lambda node: (not isinstance(node, ast.Import | ast.ImportFrom), ast.unparse(node)))
    return ast.unparse(tree)


@pytest.mark.parametrize("name", ["preprocessing.py", "model.py", "trainer.py"])
def test_the_code_is_that_of_the_built_in_workloads(name):
    built_in = (harness.ROOT / "pipeline" / "workloads" / "census" / name).read_text()
    drafted = files_of(draft())[name].decode()
    assert code_of(drafted) == code_of(built_in.replace("pipeline.workloads.census", "churn"))


def schema(found: Draft) -> dict[str, schema_pb2.Feature]:
    text = files_of(found)["schema.pbtxt"].decode()
    return {feature.name: feature for feature in text_format.Parse(text, schema_pb2.Schema()).feature}


def test_the_schema_has_presence_domains_and_ranges_with_room():
    found = schema(draft())
    assert list(found) == [
        "customer_id", "plan", "age", "monthly_spend", "gender", "signup_date", "comment", "cancel_reason", "churned",
    ]  # fmt: skip
    assert list(found["plan"].string_domain.value) == ["basic", "plus", "pro"]
    assert found["plan"].presence.min_fraction == 1.0
    assert found["age"].presence.min_fraction == 0.0
    assert found["age"].int_domain.min == 0
    assert found["age"].int_domain.max >= 90 + 72 - 5
    assert list(found["churned"].not_in_environment) == ["SERVING"]


def test_a_column_may_be_absent_from_a_whole_split():
    rare = customers()
    rare["plan"] = ["pro", "plus", *[""] * 298]
    rare["gender"] = ["male" if row % 2 else "" for row in range(300)]
    found = schema(draft(rare))
    assert not found["plan"].HasField("presence")
    assert found["gender"].presence.min_count == 1


def test_a_range_has_room_only_as_far_as_numbers_go():
    columns = customers()
    table = pa.table(
        {"hash": pa.array([(row // 2 - 75) * 10**17 for row in range(300)]), "churned": columns["churned"]}
    )
    found = schema(Draft("churn", ("churn.parquet",), make_plan(table, Options("churned"), "churn.parquet")))
    assert (found["hash"].int_domain.min, found["hash"].int_domain.max) == (-(2**63) + 1, 2**63 - 1)


def test_values_that_would_end_a_text_are_escaped():
    odd = customers()
    odd["plan"] = ['5" pipe\\' if plan == "pro" else plan for plan in odd["plan"]]
    assert '5" pipe\\' in schema(draft(odd))["plan"].string_domain.value


def test_a_reason_too_long_for_the_line_stands_above_it():
    columns = {name: cells for name, cells in customers().items() if name != "gender"}
    columns["plan"] = [["basic", "plus", "pro", ""][row % 4] for row in range(300)]
    text = features_text(draft(columns))
    assert "    # 3 values, of at least 75 rows each: closed, 25.0% missing\n    Categorical(" in text
    assert "import Categorical\n" in text


def test_numbers_too_great_for_a_variance_get_buckets_alone():
    columns = customers()
    columns["monthly spend"] = [-1e30, *columns["monthly spend"][1:]]
    text = features_text(draft(columns))
    assert 'Bucketized("monthly_spend", buckets=4, embedding=8),  # buckets alone: too great for a variance' in text
    assert 'Numeric("monthly_spend"' not in text


def test_a_constant_that_is_kept_is_neither_closed_nor_a_category_of_days():
    kept = {**customers(), "country": ["NL"] * 300, "opened": ["2024-01-01"] * 300}
    found = draft(kept, keep=("country", "opened"))
    assert 'Categorical("country", vocabulary=1, embedding=8)' in features_text(found)
    assert 'Date("opened", reference="2024-01-01")' in features_text(found)
    assert not schema(found)["country"].HasField("string_domain")


@pytest.mark.parametrize(("package", "column"), [("true", "on"), ("null", "Yes")])
def test_names_that_yaml_would_read_as_something_else_are_quoted(workplace, package, column):
    columns = {**customers(), column: [f"G{row % 90}" for row in range(300)]}
    (workplace / package).mkdir()
    (workplace / package / "config.yaml").write_bytes(files_of(draft(columns, package, group=column))["config.yaml"])
    config = load_config(package)
    assert (config.name, config.data.split_by.key) == (package, column)


def said(label: str) -> dict[str, list]:
    """Return the customers with a text and 'no' for a label."""
    return {**customers(), "churned": [label if left else "no" for left in customers()["churned"]]}


def test_a_label_of_texts_says_which_is_the_event():
    found = draft(said("yes"))
    files = {name: content.decode() for name, content in files_of(found).items() if not name.endswith(".parquet")}
    assert 'TABLE = Table(FEATURES, label=Label("churned", positive="yes"))' in files["features.py"]
    assert list(schema(found)["churned"].string_domain.value) == ["no", "yes"]
    assert 'title="Will churned be yes?"' in files["card.py"]
    assert found.plan.references == draft().plan.references
    other = draft(said("went"), positive="went")
    assert 'label=Label("churned", positive="went")' in features_text(other)


@pytest.mark.parametrize("columns", [None, said("yes")])
@pytest.mark.parametrize("options", [{}, {"time": "signup_date"}, {"group": "customer_id"}])
def test_the_files_are_a_workload_whose_settings_fit_together(workplace, options, columns):
    for name, content in files_of(draft(columns, **options)).items():
        path = workplace / "churn" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    config = load_config("churn")
    settings = check_settings(config, workplace, workplace)
    assert settings.workload.table.target.column == "churned"
    assert config.report.sensitive == ()
    assert "#   sensitive: [gender]" in (workplace / "churn" / "config.yaml").read_text()


def test_names_have_hyphens_in_the_config_and_underscores_in_the_package(workplace):
    found = draft(package="customer_churn")
    assert found.name == "customer-churn"
    (workplace / "customer_churn").mkdir()
    (workplace / "customer_churn" / "config.yaml").write_bytes(files_of(found)["config.yaml"])
    assert load_config("customer_churn") == load_config("customer-churn")


@pytest.mark.parametrize(("rows", "batch", "epochs"), [(300, 32, 60), (3000, 32, 46)])
def test_small_tables_get_small_batches_and_more_epochs(rows, batch, epochs):
    found = draft(customers(rows))
    assert (found.batch_size, found.epochs) == (batch, epochs)


def test_a_skewed_number_gets_a_logarithm_and_many_values_are_hashed():
    columns = customers(3000)
    spread = np.random.default_rng(0)
    columns["monthly spend"] = spread.lognormal(0, 2, 3000).round(3).tolist()
    columns["plan"] = [f"plan {number}" for number in spread.integers(0, 1200, 3000)]
    text = features_text(draft(columns))
    assert 'Numeric("monthly_spend", log=True),  # numbers, skewed' in text
    assert 'Categorical("plan", vocabulary=1000, oov=10, embedding=8),' in text
