"""The command as people type it: what it prints, what it leaves, and one clear message for each mistake."""

import subprocess
import sys
import time

import harness
import pytest
from fakes.tables.customers import customers, write_csv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.scaffold.command import main, package_name


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def drafted(workplace, capsys):
    assert run(capsys, "churn.csv", "--label", "churned")[0] == 0
    return workplace


def test_the_session_says_every_decision(workplace, capsys):
    code, out, _ = run(capsys, "churn.csv", "--label", "churned")
    assert code == 0
    assert out.startswith("churn: 300 rows, label churned: 1 in ")
    for said in (
        "features     plan (3 values), age (", "left out     customer_id (an id), comment (text of 9 words on average)",
        "LEAK?        cancel_reason: whether it is missing tells the label", "--keep cancel_reason keeps it",
        "split        by a hash of the row", "reference    log loss", "warning      few test rows",
        "sensitive?   gender: confirm in config.yaml", "'monthly spend' is monthly_spend",
        "wrote          13 files in churn", "local_runner.py --config churn",
    ):  # fmt: skip
        assert said in out


def test_check_takes_seconds_and_no_tensorflow(drafted):
    script = (
        "import sys\nfrom pipeline.scaffold.command import main\ncode = main(['--check', 'churn'])\n"
        "sys.exit(code or 10 * any(name in sys.modules for name in ('tensorflow', 'tfx', 'tf_keras')))"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(harness.ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "config, features, schema and 300 rows fit together" in done.stdout
    assert time.perf_counter() - began < 30


def test_update_keeps_edits_and_takes_new_rows(drafted, capsys):
    features = drafted / "churn" / "features.py"
    edited = features.read_text().replace("buckets=4", "buckets=6")
    features.write_text(edited)
    write_csv(drafted / "churn.csv", customers(400))
    code, out, _ = run(capsys, "--update", "churn")
    assert code == 0
    assert "kept, since you edited it; the new draft differs: churn/features.py" in out
    assert features.read_text() == edited
    assert "400 rows" in (drafted / "churn" / "README.md").read_text()
    assert run(capsys, "--check", "churn")[0] == 0
    assert run(capsys, "--update", "churn")[1].endswith("no file differs from its draft\n")


def test_remove_leaves_the_source_alone(drafted, capsys):
    assert run(capsys, "--remove", "churn")[0] == 0
    assert [path.name for path in drafted.iterdir()] == ["churn.csv"]


def test_the_source_is_never_changed_however_it_is_written(workplace, capsys):
    text = "id;price;when;y\r\n" + "".join(
        f"{row};1.234,{row % 90 + 10};{row % 28 + 1}.{row % 12 + 1}.2024;{row % 3 // 2}\r\n" for row in range(300)
    )
    (workplace / "other.csv").write_bytes(text.encode("cp1252"))
    assert run(capsys, "other.csv", "--label", "y")[0] == 0
    assert (workplace / "other.csv").read_bytes() == text.encode("cp1252")
    features = (workplace / "other" / "features.py").read_text()
    assert 'Date("when", reference=' in features
    assert 'Numeric("price")' in features
    assert "decimal comma" in features


def changed(workplace, **columns) -> None:
    table = {**customers(), **columns}
    write_csv(workplace / "churn.csv", {name: cells for name, cells in table.items() if cells is not None})


def renamed(workplace) -> None:
    write_csv(workplace / "churn.csv", {"Plan" if name == "plan" else name: c for name, c in customers().items()})


def another_config(workplace) -> None:
    config = workplace / "churn" / "config.yaml"
    config.write_text(config.read_text().replace("workload: ./churn", "workload: census"))


def shared_domain(workplace) -> None:
    """The domain of a column as TFDV writes it, and a value that it does not allow."""
    path = workplace / "churn" / "schema.pbtxt"
    schema = text_format.Parse(path.read_text(), schema_pb2.Schema())
    (plan,) = [feature for feature in schema.feature if feature.name == "plan"]
    schema.string_domain.add(name="plans", value=plan.string_domain.value)
    plan.domain = "plans"
    path.write_text(text_format.MessageToString(schema))
    changed(workplace, plan=["gold", *customers()["plan"][1:]])


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (shared_domain, "a value is not in the domain"),
        (renamed, "the rows have no column plan"),
        (lambda at: changed(at, plan=["gold", *customers()["plan"][1:]]), "a value is not in the domain"),
        (lambda at: changed(at, region=["north"] * 300), "the schema has no column region"),
        (lambda at: changed(at, gender=None), "the rows have no column gender"),
        (lambda at: changed(at, age=["old"] * 300), "the column has another type"),
        (lambda at: changed(at, **{"monthly spend": [1e6] * 300}), "a number is out of range"),
        (another_config, "the rows have no column workclass"),
    ],
)
def test_rows_that_have_changed_get_one_message(drafted, capsys, mistake, said):
    mistake(drafted)
    code, out, message = run(capsys, "--check", "churn")
    assert (code, out) == (2, "")
    assert said in message
    assert "--update churn" in message
    assert len(message.splitlines()) <= 5


def test_an_accepted_anomaly_of_an_unknown_column_is_refused(drafted, capsys):
    config = drafted / "churn" / "config.yaml"
    accepted = "gate: {accept: [{feature: plann, rule: DATA_MISSING, reason: known}]}"
    config.write_text(f"{config.read_text()}\n{accepted}\n")
    code, out, message = run(capsys, "--check", "churn")
    assert (code, out) == (2, "")
    assert message.startswith("gate.accept, feature: no such column in the schema")


@pytest.mark.parametrize(
    ("files", "arguments", "said"),
    [
        ({"churn.csv": "a,b\n1,0\n" * 30}, ["--label", "churned"], "no such column for the label"),
        ({"churn.csv": "a,y\n" + "1,1\n" * 30}, ["--label", "y"], "the label has one value"),
        ({"churn.csv": ""}, ["--label", "y"], "the file is empty"),
        ({"churn.csv": "a,y\n"}, ["--label", "y"], "there are no rows"),
        ({"churn.csv": "a,y\n1,1\n"}, ["--label", "y"], "the label has one value"),
        ({"churn.csv": "a,y\n1,1\n", "more.csv": "b,y\n1,1\n"}, ["more.csv", "--label", "y"], "its columns are not"),
        ({"churn.csv": "a,y\n" + "1,1\n2,\n" * 30}, ["--label", "y"], "'1' in all 30 rows that have one; none in 30"),
        ({"churn.csv": "a,y\n" + "1,go\n2,stay\n" * 30}, ["--label", "y"], "which of the two values is the event"),
        ({"churn.csv": "a,y\n" + "1,red\n2,blue\n3,green\n" * 30}, ["--label", "y"], "cannot be trained"),
        ({"churn.csv": "a,y\n1,1\n"}, ["--label", "y", "--name", "numpy"], "another package has this name"),
        ({"churn.csv": "a,y\n1,1\n"}, ["--label", "y", "--name", "class"], "a word of Python"),
        ({"churn.csv": "a,y\n1,1\n"}, ["--label", "y", "--name", "census"], "a config of the project has this name"),
    ],
)
def test_a_mistake_gets_one_message(workplace, capsys, files, arguments, said):
    for name, text in files.items():
        (workplace / name).write_text(text)
    code, out, message = run(capsys, "churn.csv", *arguments)
    assert (code, out) == (2, "")
    assert said in message
    assert len(message.splitlines()) <= 5
    assert not (workplace / "churn").exists()


def test_a_call_without_rows_or_label_says_how(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["churn.csv"])
    assert caught.value.code == 2
    assert "python -m pipeline.scaffold customers.csv --label churned" in capsys.readouterr().err


def test_a_label_may_be_missing_as_na(workplace, capsys):
    changed(workplace, churned=[("?", "no", "yes")[row % 3] for row in range(300)])
    code, out, _ = run(capsys, "churn.csv", "--label", "churned")
    assert code == 0
    assert "200 rows, label churned: yes in 50.0%; 100 rows without a label are left out" in out
    assert run(capsys, "--check", "churn")[0] == 0


def test_a_delimiter_is_one_sign_and_may_be_typed_as_backslash_t(workplace, capsys):
    write_csv(workplace / "churn.csv", customers(), delimiter="\t")
    assert run(capsys, "churn.csv", "--label", "churned", "--delimiter", "\\t")[0] == 0
    with pytest.raises(SystemExit) as caught:
        main(["churn.csv", "--label", "churned", "--delimiter", "||"])
    assert caught.value.code == 2
    assert "expected one character, received '||'" in capsys.readouterr().err


def test_a_folder_of_the_user_has_its_name(workplace, monkeypatch):
    (workplace / "other").mkdir()
    monkeypatch.setattr(sys, "path", ["", str(workplace), *sys.path])
    assert package_name("other") == "other"


def test_names_that_no_package_can_have_are_changed(workplace):
    assert package_name("2024 customers!") == "x_2024_customers"
