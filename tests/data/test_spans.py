import errno
import os
import re
import shutil
import time
from pathlib import Path

import pytest
from tfx.components.example_gen import utils
from tfx.proto import example_gen_pb2

from data.span_patterns import Span
from data.spans import MARKER, SETTLE_S, Folder, Found, choose, latest_span, listing, look, without_rows
from pipeline.config.load import load_config
from pipeline.errors import ConfigError, DataError
from pipeline.run.local.runner import input_rows
from pipeline.run.local.spans import has_spans, resolve_span
from pipeline.splits import SPLITS

NOW_S = 1_000_000.0
LONG_AGO_S = NOW_S - SETTLE_S


def folder(number: int, missing=(), marked=False, changed_s=LONG_AGO_S, name="") -> Folder:
    return Folder(Span(number, Path("rows") / (name or f"span-{number}")), tuple(missing), marked, changed_s)


def fill(path: Path, splits=SPLITS, mark=True) -> Path:
    """A span with rows."""
    for split in splits:
        (path / split).mkdir(parents=True, exist_ok=True)
        (path / split / "rows.csv").write_text("a\n1\n", encoding="utf-8")
    if mark:
        (path / MARKER).touch()
    return path


def config(pattern: Path | str):
    return load_config("census", ("data.dataset=null", f"data.path={pattern}"))


def test_numbers_are_compared_as_numbers():
    assert choose([folder(number) for number in (9, 10, 2)], NOW_S) == Found(folder(10).span)


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        (folder(7, missing=["test"]), "no rows for test"),
        (folder(7, changed_s=NOW_S - SETTLE_S + 1), "no _SUCCESS, and changed less than 60 s ago"),
        (folder(7, changed_s=float("inf")), "no _SUCCESS, and changed less than 60 s ago"),
    ],
)
def test_an_incomplete_span_is_skipped_with_the_reason(late, reason):
    assert choose([late, folder(6)], NOW_S) == Found(folder(6).span, (f"rows/span-7: {reason}",))
    assert choose([late], NOW_S).span is None


def test_if_one_span_is_marked_all_must_be():
    earlier = folder(6, marked=True, changed_s=NOW_S)
    found = choose([folder(7), earlier], NOW_S)
    assert found == Found(earlier.span, ("rows/span-7: no _SUCCESS, which other spans have",))


def test_a_marked_span_needs_no_time_to_settle_but_all_splits():
    assert choose([folder(7, marked=True, changed_s=NOW_S)], NOW_S).span == folder(7).span
    assert choose([folder(7, marked=True, missing=["eval"])], NOW_S).span is None


def test_two_folders_of_one_number_are_refused_if_they_are_the_latest():
    twins = [folder(7, name="span-7"), folder(7, name="span-07")]
    with pytest.raises(DataError, match=r"more than one folder is span 7\n  received: rows/span-07, rows/span-7"):
        choose(twins, NOW_S)
    assert choose([*twins, folder(8)], NOW_S).span == folder(8).span


@pytest.mark.parametrize("pattern", ["span-{SPAN}", "{SPAN}", "v1.{SPAN}.d", "{SPAN}/csv", "day_{SPAN}/a/b"])
def test_the_number_may_be_all_or_part_of_a_name_with_folders_below(tmp_path, pattern):
    for text in ("007", "12"):
        fill(tmp_path / pattern.replace("{SPAN}", text))
    found = latest_span(f"{tmp_path}/{pattern}")
    assert found == Span(12, tmp_path / pattern.replace("{SPAN}", "12"))
    shutil.rmtree(found.path)
    assert latest_span(f"{tmp_path}/{pattern}") == Span(7, tmp_path / pattern.replace("{SPAN}", "007"))


def test_folders_that_only_resemble_a_span_do_not_count(tmp_path):
    for name in ("span-", "span-x", "span-1b", "xspan-1", ".span-1.partial", "span--1", "span-١", "spanX1"):
        fill(tmp_path / name)
    (tmp_path / "span-5").write_text("a file", encoding="utf-8")
    assert listing(f"{tmp_path}/span-{{SPAN}}") == []
    assert latest_span(f"{tmp_path}/nowhere/span-{{SPAN}}") is None


def test_a_dot_in_the_pattern_is_a_dot(tmp_path):
    fill(tmp_path / "v1x3")
    assert latest_span(f"{tmp_path}/v1.{{SPAN}}") is None


def test_a_copy_that_keeps_modification_times_counts_as_a_change(tmp_path):
    span = fill(tmp_path / "span-1", mark=False)
    for path in (*span.rglob("*"), span):
        os.utime(path, (0, 0))
    found = look(f"{tmp_path}/span-{{SPAN}}")
    assert found == Found(None, (f"{span}: no _SUCCESS, and changed less than 60 s ago",))
    (seen,) = listing(f"{tmp_path}/span-{{SPAN}}")
    assert abs(seen.changed_s - time.time()) < 30
    assert choose([seen], seen.changed_s + SETTLE_S).span == Span(1, span)


def test_rows_that_are_not_divided_lie_in_the_folder_of_the_span(tmp_path):
    fill(tmp_path / "span-1"), (tmp_path / "span-2").mkdir()
    (tmp_path / "span-2" / "rows.parquet").touch()
    (tmp_path / "span-2" / "_SUCCESS").touch()
    pattern = f"{tmp_path}/span-{{SPAN}}"
    assert latest_span(pattern, divided=False) == Span(2, tmp_path / "span-2")
    assert look(pattern) == Found(Span(1, tmp_path / "span-1"), (f"{tmp_path}/span-2: no rows for train, eval, test",))


def test_a_marked_folder_that_was_renamed_is_complete_at_once(tmp_path):
    fill(tmp_path / ".span-2.partial").rename(tmp_path / "span-2")
    assert latest_span(f"{tmp_path}/span-{{SPAN}}") == Span(2, tmp_path / "span-2")


def test_a_span_with_a_broken_link_is_incomplete(tmp_path):
    span = fill(tmp_path / "span-1", mark=False)
    (span / "train" / "more.csv").symlink_to(tmp_path / "missing")
    (seen,) = listing(f"{tmp_path}/span-{{SPAN}}")
    assert seen.changed_s == float("inf")


def test_a_run_takes_the_latest_span_and_reports_those_it_skipped(tmp_path):
    fill(tmp_path / "span-3"), fill(tmp_path / "span-4", mark=False)
    said: list[str] = []
    asked = config(tmp_path / "span-{SPAN}")
    resolved = resolve_span(asked, said.append)
    assert (has_spans(asked), has_spans(resolved)) == (True, False)
    assert resolved.data.path == str(tmp_path / "span-3")
    assert resolved.model_copy(update={"data": asked.data}) == asked
    assert said == [f"not taken: {tmp_path}/span-4: no _SUCCESS, which other spans have"]
    assert resolve_span(resolved, said.append) is resolved
    assert input_rows(asked) == tmp_path / "span-3"


def test_without_a_complete_span_the_error_lists_the_incomplete_ones(tmp_path):
    with pytest.raises(DataError, match="no complete span") as caught:
        resolve_span(config(tmp_path / "in" / "span-{SPAN}"))
    assert caught.value.received == f"no such folder in {tmp_path / 'in'}"
    fill(tmp_path / "in" / "span-4", splits=["train"])
    with pytest.raises(DataError) as caught:
        input_rows(config(tmp_path / "in" / "span-{SPAN}"))
    assert caught.value.received == f"{tmp_path}/in/span-4: no rows for eval, test"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("{SPAN}/{SPAN}", "{SPAN} may occur once"),
        ("{SPAN}/v{VERSION}-{VERSION}", "{VERSION} may occur once"),
        ("'{SPAN:0}'", "the width in {SPAN:0}"),
        ("'{SPAN}-{VERSION:x}'", "the width in {VERSION:x}"),
        ("'{YYYY:4}{MM}{DD}'", "the width in {YYYY:4}"),
        ("{YYYY}-{MM}", "{DD} is missing"),
        ("{SPAN}-{YYYY}-{MM}-{DD}", "both {SPAN} and a date"),
        ("v{VERSION}", "{VERSION} needs {SPAN} or a date"),
    ],
)
def test_an_invalid_pattern_is_refused_with_the_config(pattern, problem):
    with pytest.raises(ConfigError, match=re.escape(problem)):
        config(f"rows/x{pattern}" if not pattern.startswith("'") else f"'rows/{pattern[1:]}")


def test_the_latest_complete_version_of_a_span_is_taken(tmp_path):
    for span, version in [(3, 1), (3, 9), (3, 10), (2, 11)]:
        fill(tmp_path / f"span-{span}" / f"v{version}" / "csv")
    pattern = f"{tmp_path}/span-{{SPAN}}/v{{VERSION}}/csv"
    found = latest_span(pattern)
    assert (str(found), found.path) == ("span 3, version 10", tmp_path / "span-3" / "v10" / "csv")
    (found.path / MARKER).unlink()
    assert latest_span(pattern) == Span(3, tmp_path / "span-3" / "v9" / "csv", 9)


def test_a_date_is_the_number_of_its_days(tmp_path):
    for name in ("2024-02-29", "2023-12-31", "2025-02-29", "2025-13-01", "2024-3-01"):
        fill(tmp_path / name)
    pattern = f"{tmp_path}/{{YYYY}}-{{MM}}-{{DD}}"
    assert latest_span(pattern) == Span(19782, tmp_path / "2024-02-29")
    assert sorted(folder.span.number for folder in listing(pattern)) == [19722, 19782]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("span-{SPAN}", ["span-1", "span-12", "span-7"]),
        ("{SPAN:3}", ["001", "012", "100"]),
        ("{YYYY}/{MM}/{DD}", ["2024/01/31", "2024/02/01", "2023/12/31"]),
        ("{SPAN}/v{VERSION:2}", ["5/v01", "5/v10", "4/v99"]),
        ("{YYYY}{MM}{DD}-{VERSION}", ["20240101-2", "20240101-10", "20231231-11"]),
    ],
)
def test_the_span_is_the_one_that_tfx_takes(tmp_path, pattern, names):
    for name in names:
        fill(tmp_path / name)
    splits = [example_gen_pb2.Input.Split(name=name, pattern=f"{pattern}/{name}/*.csv") for name in SPLITS]
    _, span, version = utils.calculate_splits_fingerprint_span_and_version(str(tmp_path), splits)
    found = latest_span(f"{tmp_path}/{pattern}")
    assert (found.number, found.version) == (span, version)


def test_an_unreadable_folder_is_not_reported_as_empty(tmp_path, monkeypatch):
    real = os.listdir

    def listdir(folder):
        if Path(folder).name == "eval":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return real(folder)

    for number in (1, 2):
        for split in SPLITS:
            (tmp_path / f"span-{number}" / split).mkdir(parents=True)
            (tmp_path / f"span-{number}" / split / "rows.csv").write_text("")
    (tmp_path / "span-1" / "_SUCCESS").write_text("")
    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(PermissionError):
        without_rows(tmp_path / "span-1")
    assert without_rows(tmp_path / "span-1" / "train", divided=False) == ()
    assert latest_span(str(tmp_path / "span-{SPAN}")) is None
