import pytest

from data.datasets.tables import parse_table
from pipeline.errors import DataError


def pair(fields: list[str]) -> tuple[int, int]:
    one, other = fields
    return int(one), int(other)


def test_headers_and_blank_lines_are_skipped(tmp_path):
    (tmp_path / "t").write_text("a,b\n1,2\n\n3,4\n\n")
    assert parse_table(tmp_path / "t", pair, separator=",", header=1) == [(1, 2), (3, 4)]


@pytest.mark.parametrize("line", ["1", "1,2,3", "1,x"])
def test_a_malformed_line_is_named(line, tmp_path):
    (tmp_path / "t").write_text(f"1,2\n{line}\n")
    with pytest.raises(DataError, match="malformed row") as caught:
        parse_table(tmp_path / "t", pair, separator=",", header=0)
    assert caught.value.where.endswith("t, line 2")
    assert caught.value.received == repr(line)
