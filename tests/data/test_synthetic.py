import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.metrics import log_loss, roc_auc_score

import data
from components.arrow_example_gen.checks.columns import ColumnRule, Columns
from components.arrow_example_gen.csv.reader import check_header, read_batches
from data import synthetic
from data.simulation.impressions import DAYS, GRAIN, SCHEMA, START_S, Source
from data.simulation.shop import World
from data.synthetic import SLICES, main, synthesize
from pipeline.errors import DataError
from pipeline.splits import SPLITS

ROOT = Path(data.__file__).parents[1]

# No multiple of a chunk, nor of ten.
ROWS = 30_007


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return synthesize(World(ROWS), tmp_path_factory.mktemp("synthetic") / "rows")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cells(folder, split):
    """The rows of a split, by name of the column, as texts."""
    rows = []
    for path in sorted((folder / split).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def column(folder, split, name):
    return np.array([float(row[name]) for row in cells(folder, split)])


def truth(folder, split):
    return parquet.read_table(folder / "truth" / f"{split}.parquet")["click_probability"].to_numpy()


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_the_folder_holds_what_the_manifest_says(drawn):
    files = contents(drawn.path)
    facts = manifest(drawn.path)
    assert facts["rows"] == drawn.rows == {"train": 24_005, "eval": 3_001, "test": 3_001}
    assert sorted(files) == sorted([
        "manifest.json", *(f"{split}/rows-00000.csv" for split in SPLITS),
        *(f"truth/{split}.parquet" for split in SPLITS),
    ])  # fmt: skip
    assert facts["sha256"] == {name: sha256(files[name]).hexdigest() for name in files if name != "manifest.json"}
    assert facts["ideal"]["test"] == drawn.ideal
    for split, rows in drawn.rows.items():
        assert len(cells(drawn.path, split)) == len(truth(drawn.path, split)) == rows


def test_the_truth_is_not_among_the_columns(drawn):
    (row, *_) = cells(drawn.path, "train")
    assert list(row) == SCHEMA.names == manifest(drawn.path)["columns"]
    assert [name for name in row if "prob" in name or "chance" in name] == []


ALLOWED = {
    "hour": {str(hour) for hour in range(24)},
    "weekday": {str(day) for day in range(7)},
    "age_band": {"under 18", "18-24", "25-34", "35-44", "45-54", "55+", ""},
    "membership": {"none", "silver", "gold"},
    "city_tier": {"tier 1", "tier 2", "tier 3", "unknown"},
    "is_new_user": {"0", "1"},
    "user_segment": {"new", "returning"},
    "device": {"app", "mobile web", "desktop"},
    "position": {str(place) for place in range(1, 11)},
    "clicked": {"0", "1"},
}


@pytest.mark.parametrize("name", ALLOWED)
def test_a_column_has_these_values_and_all_of_them(name, drawn):
    assert {row[name] for row in cells(drawn.path, "train")} == ALLOWED[name]


def test_only_some_columns_miss_values(drawn):
    rows = cells(drawn.path, "train")
    missing = {name: sum(row[name] == "" for row in rows) / len(rows) for name in SCHEMA.names}
    assert {name for name, share in missing.items() if share} == {"age_band", "city", "brand", "rating"}
    assert max(missing.values()) < 0.2
    assert all((row["city"] == "") == (row["city_tier"] == "unknown") for row in rows)


def test_example_gen_can_read_the_files(drawn):
    types = {pa.int64(): "INT", pa.float64(): "FLOAT", pa.string(): "BYTES"}
    columns = Columns({field.name: ColumnRule(types[field.type], required=True) for field in SCHEMA})
    with (drawn.path / "eval" / "rows-00000.csv").open("rb") as file:
        check_header("rows-00000.csv", file, columns)
    with (drawn.path / "eval" / "rows-00000.csv").open("rb") as file:
        table = pa.Table.from_batches(list(read_batches("rows-00000.csv", file, columns)))
    assert table.num_rows == drawn.rows["eval"]
    assert {name for name in table.column_names if table[name].null_count} == {"age_band", "city", "brand", "rating"}


def test_attributes_of_users_and_items_never_change(drawn):
    rows = [row for split in SPLITS for row in cells(drawn.path, split)]
    for key, names in {
        "user_id": ("age_band", "membership"),
        "item_id": ("category", "brand", "price_usd", "rating"),
    }.items():
        pairs = {(row[key], *(row[name] for name in names)) for row in rows}
        assert len(pairs) == len({row[key] for row in rows}) > 100


def test_a_user_is_new_first_and_never_again(drawn):
    seen = {}
    for split in SPLITS:
        for row in cells(drawn.path, split):
            assert (row["is_new_user"] == "1") == (row["user_segment"] == "new")
            assert row["is_new_user"] == "0" or seen.get(row["user_id"], "1") == "1"
            seen[row["user_id"]] = row["is_new_user"]
    new = column(drawn.path, "train", "is_new_user").mean()
    assert new == pytest.approx(0.15, abs=0.01)


def test_the_splits_follow_each_other_in_time(drawn):
    times = np.concatenate([column(drawn.path, split, "timestamp") for split in SPLITS])
    assert (np.diff(times) >= 0).all()
    assert START_S <= times[0] < times[-1] < START_S + DAYS * 86_400
    # All eight weeks are there, and the evening is busier than the morning.
    assert set((times - START_S) // 86_400) == set(range(DAYS))
    hours = np.bincount((times // 3600 % 24).astype(int))
    assert hours[20] > 2 * hours[8]
    clock = [time.gmtime(int(float(row["timestamp"]))) for row in cells(drawn.path, "eval")]
    written = [(int(row["hour"]), int(row["weekday"])) for row in cells(drawn.path, "eval")]
    assert written == [(moment.tm_hour, moment.tm_wday) for moment in clock]


@pytest.mark.parametrize("split", SPLITS)
def test_the_ideal_is_what_scikit_learn_says(split, drawn):
    rows, chance = cells(drawn.path, split), truth(drawn.path, split).astype(float)
    clicked = np.array([int(row["clicked"]) for row in rows])
    ideal = manifest(drawn.path)["ideal"][split]
    assert set(ideal) == {"overall", *SLICES}
    check(ideal["overall"], clicked, chance)
    for name in SLICES:
        values = np.array([row[name] or "missing" for row in rows])
        assert sum(of["rows"] for of in ideal[name].values()) == len(rows)
        for value, facts in ideal[name].items():
            check(facts, clicked[values == value], chance[values == value])


def check(facts, clicked, chance):
    """Computed in another way, from the rows as they were read: exact but for the rounding of one division."""
    assert (facts["rows"], facts["clicks"]) == (len(clicked), clicked.sum())
    assert facts["auc"] == pytest.approx(roc_auc_score(clicked, chance), rel=1e-12)
    assert facts["log_loss"] == pytest.approx(log_loss(clicked, chance), rel=1e-9)
    assert facts["expected_click_rate"] == pytest.approx(chance.mean(), rel=1e-12)
    entropy = -(chance * np.log(chance) + (1 - chance) * np.log(1 - chance)).mean()
    assert facts["expected_log_loss"] == pytest.approx(entropy, rel=1e-9)


def test_the_expected_auc_is_that_of_all_pairs(drawn):
    chance = truth(drawn.path, "test").astype(float)
    right = (chance[:, None] > chance[None, :]) + 0.5 * (chance[:, None] == chance[None, :])
    weight = chance[:, None] * (1 - chance)[None, :]
    np.fill_diagonal(weight, 0)
    assert drawn.ideal["overall"]["expected_auc"] == pytest.approx((right * weight).sum() / weight.sum(), rel=1e-9)


def test_other_labels_of_the_same_probabilities_have_the_expected_auc_on_average(drawn):
    chance, draw = truth(drawn.path, "test"), np.random.default_rng(0)
    again = [roc_auc_score(draw.random(len(chance)) < chance, chance) for _ in range(100)]
    error = np.std(again) / math.sqrt(len(again))
    assert abs(np.mean(again) - drawn.ideal["overall"]["expected_auc"]) < 4 * error < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_it_is_as_hard_as_real_impressions(seed):
    rows = Source(World(200_000, seed)).rows(150_000, 200_000)
    assert 0.05 < rows.columns["clicked"].mean() < 0.15
    assert 0.76 < roc_auc_score(rows.columns["clicked"], rows.chance) < 0.81


def test_labels_come_as_often_as_their_probabilities_say():
    rows = Source(World(400_000)).rows(0, 400_000)
    chance, clicked = rows.probability().astype(float), rows.columns["clicked"]
    order = np.argsort(chance, kind="stable")
    for part in np.array_split(order, 20):
        error = math.sqrt((chance[part] * (1 - chance[part])).sum()) / len(part)
        assert abs(clicked[part].mean() - chance[part].mean()) < 4 * error
    # Neither the user's age nor anything else tells more than the probability does.
    for name in ("device", "position", "hour", "is_new_user", "category"):
        for value in np.unique(rows.columns[name]):
            part = rows.columns[name] == value
            error = math.sqrt((chance[part] * (1 - chance[part])).sum()) / part.sum()
            assert abs(clicked[part].mean() - chance[part].mean()) < 4 * error


def test_a_probability_is_written_whole():
    rows = Source(World(1000)).rows(0, 1000)
    assert (rows.probability() * GRAIN == rows.chance).all()
    assert rows.chance.min() >= 1
    assert rows.chance.max() < GRAIN


def test_a_seed_gives_the_same_bytes_for_any_chunk_size(drawn, tmp_path):
    again = synthesize(World(ROWS), tmp_path / "again", chunk_rows=1_999)
    whole, cut = contents(drawn.path), contents(again.path)
    assert {name: whole[name] for name in whole if name.endswith(".csv")} == {
        name: cut[name] for name in cut if name.endswith(".csv")
    }
    for split in SPLITS:
        assert (truth(again.path, split) == truth(drawn.path, split)).all()
    assert again.ideal == drawn.ideal
    same = synthesize(World(ROWS), tmp_path / "same")
    assert (same.digest, contents(same.path)) == (drawn.digest, whole)


def test_these_bytes_stay_the_same():
    rows = Source(World(1000, seed=7)).rows(500, 502).batch()
    assert synthetic.csv_lines(rows).decode().splitlines() == [
        "26,15,1706487046,0,0,25-34,none,city-01,tier 1,0,returning,fashion,brand-085,27.99,3.8,app,4,0",
        "24,41,1706491215,1,0,18-24,none,city-03,tier 1,0,returning,books,,14.99,3.8,mobile web,6,1",
    ]


def test_files_are_of_bounded_size(tmp_path, monkeypatch, drawn):
    monkeypatch.setattr(synthetic, "FILE_ROWS", 10_000)
    cut = synthesize(World(ROWS), tmp_path / "cut", chunk_rows=3_000)
    sizes = [len(path.read_text().splitlines()) - 1 for path in sorted((cut.path / "train").iterdir())]
    assert sizes == [10_000, 10_000, 4_005]
    assert cells(cut.path, "train") == cells(drawn.path, "train")


def test_another_seed_is_another_world(drawn, tmp_path):
    other = synthesize(World(ROWS, seed=1), tmp_path / "other")
    assert cells(other.path, "test") != cells(drawn.path, "test")
    assert other.digest != drawn.digest


def test_parquet_has_the_same_rows(drawn, tmp_path):
    other = synthesize(World(ROWS), tmp_path / "rows", "parquet")
    (file,) = (other.path / "test").iterdir()
    table = parquet.read_table(file)
    assert table.schema.equals(SCHEMA)
    assert synthetic.csv_lines(table.combine_chunks().to_batches()[0]) == b"".join(
        (drawn.path / "test" / "rows-00000.csv").read_bytes().partition(b"\n")[2:]
    )


def test_drift_moves_tastes_and_devices_and_nothing_else():
    still, moving = (Source(World(100_000, drift=drift)) for drift in (0.0, 1.0))
    for start, stop, least, most in ((0, 2_000, 0, 0.03), (90_000, 100_000, 0.5, 2.0)):
        one, other = still.rows(start, stop), moving.rows(start, stop)
        changed = {name for name in one.columns if (written(one, name) != written(other, name)).any()}
        assert changed <= {"device", "clicked"}
        stays = one.columns["device"] == other.columns["device"]
        moved = np.abs(odds(other) - odds(one))[stays]
        assert least <= moved.mean() <= most
    assert changed == {"device", "clicked"}
    app, before = (rows.columns["device"] == 0 for rows in (other, one))
    assert app.mean() - before.mean() == pytest.approx(0.19, abs=0.02)


def written(rows, name):
    return np.array([repr(value) for value in rows.batch()[SCHEMA.names.index(name)].to_pylist()])


def odds(rows):
    return np.log(rows.chance / (GRAIN - rows.chance))


def test_with_drift_what_was_learned_early_ranks_worse_late():
    still, moving = (Source(World(200_000, drift=drift)).rows(180_000, 200_000) for drift in (0.0, 1.0))
    clicked = moving.columns["clicked"]
    assert roc_auc_score(clicked, still.chance) < roc_auc_score(clicked, moving.chance) - 0.05


def test_intact_folders_are_reused_and_damaged_ones_drawn_again(tmp_path):
    target = tmp_path / "rows"
    first = synthesize(World(1000), target)
    before = target.stat().st_ino
    assert synthesize(World(1000), target) == first
    assert target.stat().st_ino == before
    (target / "test" / "rows-00000.csv").write_text("user_id\n")
    assert synthesize(World(1000), target) == first
    assert target.stat().st_ino != before
    assert synthesize(World(1000, seed=1), target).digest != first.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == [".rows.lock", "rows"]


@pytest.mark.parametrize("there", ["file", "folder", "manifest of another kind"])
def test_a_folder_with_other_files_is_never_replaced(there, tmp_path, capsys):
    target = tmp_path / "mine"
    if there == "file":
        target.write_text("precious")
    else:
        target.mkdir()
        (target / ("manifest.json" if "manifest" in there else "thesis.txt")).write_text('{"origin": {"kind": ""}}')
    before = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert main(["--rows", "1000", "--out", str(target)]) == 2
    assert "there is something else" in capsys.readouterr().err
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == before


def test_an_empty_folder_and_a_link_to_one_are_accepted(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    assert synthesize(World(1000), tmp_path / "link").path == tmp_path / "empty"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link" / "manifest.json").is_file()


BAD = {
    ("--rows", "99"): "100 to 1,000,000,000",
    ("--rows", "2000000000"): "2,000,000,000",
    ("--rows", "1000", "--seed", "-1"): "a seed is not negative",
    ("--rows", "1000", "--drift", "1.5"): "0 (none) to 1",
    ("--rows", "1000", "--drift", "nan"): "nan",
}


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_impossible_arguments_are_refused(arguments, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path / "rows")]) == 2
    captured = capsys.readouterr()
    assert BAD[arguments] in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["--rows", "many"], ["--rows", "1000", "--format", "xml"]])
def test_a_wrong_command_line_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m data.synthetic" in capsys.readouterr().err


def test_a_file_where_a_folder_is_wanted_is_exit_code_2(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["--rows", "1000", "--out", str(tmp_path / "file" / "rows")]) == 2
    assert f"{tmp_path / 'file'}: File exists" in capsys.readouterr().err


def test_the_command_prints_the_folder_or_json(tmp_path, capsys):
    target = tmp_path / "rows"
    assert main(["--rows", "1000", "--out", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert main(["--rows", "1000", "--out", str(target), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["rows"] == {"train": 800, "eval": 100, "test": 100}
    assert facts["path"] == str(target)
    assert facts["ideal"] == manifest(target)["ideal"]["test"]


def test_progress_is_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(synthetic.Progress, "EVERY_S", 0.0)
    synthesize(World(1000), tmp_path / "rows", chunk_rows=400)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines[:3]] == [f"synthetic: {n} of 1" for n in (400, 800, 900)]


def test_a_killed_process_leaves_no_folder_and_the_next_one_cleans_up(tmp_path):
    target = tmp_path / "rows"
    command = [sys.executable, "-m", "data.synthetic", "--rows", "50000000", "--out", str(target)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stage = tmp_path / ".rows.partial"
    patience_s = time.monotonic() + 60
    while not any(path.stat().st_size for path in stage.glob("train/*.csv")):
        assert process.poll() is None
        assert time.monotonic() < patience_s
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not target.exists()
    assert stage.exists()
    synthesize(World(1000), target)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".rows.lock", "rows"]


def test_an_error_midway_leaves_the_old_folder(tmp_path, monkeypatch):
    target = tmp_path / "rows"
    before = synthesize(World(1000), target)

    def full(batch: pa.RecordBatch) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(synthetic, "csv_lines", full)
    assert main(["--rows", "2000", "--out", str(target)]) == 1
    monkeypatch.undo()
    assert synthesize(World(1000), target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".rows.lock", "rows"]


def test_memory_does_not_grow_with_the_rows(tmp_path):
    small, large = (peak_mb(rows, tmp_path / str(rows)) for rows in (200_000, 1_000_000))
    # One column of the rows that come on top is 6 MB, all of them with their texts over 150 MB.
    assert large - small < 40
    assert large < 400


def peak_mb(rows, target):
    # The counter of getrusage starts from the parent's; this one is the program's own.
    code = (
        "import sys; from data.synthetic import main\n"
        "main(['--rows', sys.argv[1], '--out', sys.argv[2]])\n"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])\n"
    )
    command = [sys.executable, "-c", code, str(rows), str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


def test_a_function_refuses_as_the_command_does(tmp_path):
    with pytest.raises(DataError, match="--drift"):
        synthesize(World(1000, drift=-0.1), tmp_path / "rows")
