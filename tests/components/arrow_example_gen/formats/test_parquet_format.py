import errno
import io
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from fakes.stock.columns import WITH_LABEL as COLUMNS
from pyarrow import parquet

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.formats import parquet as parquet_format
from components.arrow_example_gen.formats.parquet import check_types, read_batches, row_groups, unreadable
from pipeline.errors import DataError, MachineError

CHOSEN = Columns(COLUMNS.rules, others="ignore")
ROW = {"age": [30], "score": [0.5], "city": ["Bonn"], "label": [1]}


def file(rows_per_group: int | None = None, **columns) -> io.BytesIO:
    sink = io.BytesIO()
    parquet.write_table(pa.table({**ROW, **columns}), sink, row_group_size=rows_per_group, compression="none")
    return io.BytesIO(sink.getvalue())


def many(rows: int = 100) -> io.BytesIO:
    return file(
        10, age=range(rows), score=[0.5] * rows, city=[f"city-{number}" for number in range(rows)], label=[1] * rows
    )


def read(content: io.BytesIO) -> list[dict]:
    groups = [group for piece in row_groups(content) for group in piece]
    return [row for batch in read_batches("rows.parquet", content, COLUMNS, groups) for row in batch.to_pylist()]


def check_and_read(content: io.BytesIO) -> list[dict]:
    check_types("rows.parquet", content, COLUMNS)
    return read(content)


def refused(content: io.BytesIO) -> DataError:
    with pytest.raises(DataError) as caught:
        check_and_read(content)
    return caught.value


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64()])
def test_any_integer_is_an_int(kind):
    content = file(age=pa.array([7], kind))
    check_types("rows.parquet", content, COLUMNS)
    assert read(content)[0]["age"] == 7


@pytest.mark.parametrize("values", [pa.array([2.0]), pa.array([2.0], pa.float32()), pa.array([2])])
def test_any_number_is_a_float(values):
    content = file(score=values)
    check_types("rows.parquet", content, COLUMNS)
    (batch,) = read_batches("rows.parquet", content, COLUMNS, (0,))
    assert batch["score"].type == pa.float32()
    assert batch["score"].to_pylist() == [2.0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["Köln"]), "Köln"),
        (pa.array(["Köln"], pa.large_string()), "Köln"),
        (pa.array(["Köln"]).dictionary_encode(), "Köln"),
        (pa.array(["Köln".encode()]), "Köln"),
        (pa.array(["Köln".encode()]).dictionary_encode(), "Köln"),
        (pa.array(["Köln".encode()], pa.large_binary()), "Köln"),
        (pa.array([""]), ""),
    ],
)
def test_any_text_is_bytes(values, expected):
    content = file(city=values)
    check_types("rows.parquet", content, COLUMNS)
    assert read(content)[0]["city"] == expected


def not_text(kind: pa.DataType) -> pa.Array:
    """A column of texts, of which the third and fifth are in another encoding."""
    values = pa.array([b"a", None, b"Z\xfcrich", "ü".encode(), b"a\xed\xa0\xbd"], pa.binary())
    if pa.types.is_dictionary(kind):
        encoded = values.dictionary_encode()
        return pa.DictionaryArray.from_arrays(encoded.indices, of_kind(encoded.dictionary, kind.value_type))
    return of_kind(values, kind)


def of_kind(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same bytes as another type, unchecked."""
    if pa.types.is_large_binary(kind) or pa.types.is_large_string(kind):
        values = values.cast(pa.large_binary())
    return pa.Array.from_buffers(kind, len(values), values.buffers())


@pytest.mark.parametrize("rows_per_group", [5, 2, 1])
@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string()),
     pa.dictionary(pa.int32(), pa.binary())],
    ids=str,
)  # fmt: skip
def test_a_text_that_is_not_utf_8_is_named_by_its_row(kind, rows_per_group):
    columns = {name: values * 5 for name, values in ROW.items() if name != "city"}
    error = refused(file(rows_per_group, **columns, city=not_text(kind)))
    assert error.where == f"rows.parquet, row group {2 // rows_per_group}, row 3, column city"
    assert (error.problem, error.received) == ("a byte that is not UTF-8", "Z\\xfcrich")


def test_null_is_null_and_a_column_of_nulls_needs_no_type():
    content = file(age=pa.array([None], pa.int64()), score=pa.nulls(1), city=pa.nulls(1), label=pa.nulls(1))
    check_types("rows.parquet", content, COLUMNS)
    assert read(content) == [dict.fromkeys(ROW)]


@pytest.mark.parametrize(
    ("columns", "where", "received"),
    [
        ({"age": ["old"]}, "rows.parquet, column age", "string"),
        ({"age": [1.5]}, "rows.parquet, column age", "double"),
        ({"score": ["warm"]}, "rows.parquet, column score", "string"),
        ({"city": [1]}, "rows.parquet, column city", "int64"),
        ({"city": [["a"]]}, "rows.parquet, column city", "list<item: string>"),
        ({"colour": ["red"]}, "rows.parquet", "not in the schema: colour"),
    ],
)
def test_columns_that_are_not_the_schemas_are_named(columns, where, received):
    error = refused(file(**columns))
    assert error.where == where
    assert error.received.replace("element: ", "item: ") == received


def test_a_missing_column_is_named():
    sink = io.BytesIO()
    parquet.write_table(pa.table({"age": [1], "city": ["a"]}), sink)
    assert refused(sink).received == "missing: score"


def test_a_file_that_is_not_parquet_is_refused():
    error = refused(io.BytesIO(b"age,score,city\n1,1,a\n"))
    assert (error.where, error.problem) == ("rows.parquet", "it cannot be read as Parquet")


def test_a_value_that_does_not_fit_is_named_by_row_group_and_column():
    error = refused(file(1, **{name: values * 3 for name, values in ROW.items() if name != "age"},
                         age=pa.array([1, 2**64 - 1, 3], pa.uint64())))  # fmt: skip
    assert error.where == "rows.parquet, row group 1, row 2, column age"
    assert error.expected == "INT"
    assert str(2**64 - 1) in error.received


def test_a_damaged_page_is_named_by_row_group_and_column():
    content = bytearray(many().getvalue())
    chunk = parquet.ParquetFile(io.BytesIO(content)).metadata.row_group(6).column(2)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    assert refused(io.BytesIO(bytes(content))).where == "rows.parquet, row group 6, column city"


def test_rows_of_all_row_groups_are_read_in_order():
    assert [row["age"] for row in read(many())] == list(range(100))


def test_pieces_are_runs_of_row_groups_up_to_a_size(monkeypatch):
    assert row_groups(many()) == [tuple(range(10))]
    size = parquet.ParquetFile(many()).metadata.row_group(0).total_byte_size
    monkeypatch.setattr(parquet_format, "PIECE_BYTES", int(size * 2.5))
    assert row_groups(many(50)) == [(0, 1), (2, 3), (4,)]
    monkeypatch.setattr(parquet_format, "PIECE_BYTES", 1)
    assert row_groups(many(30)) == [(0,), (1,), (2,)]


def test_a_file_without_rows_gives_no_batch():
    empty = file(**{name: pa.array(values)[:0] for name, values in ROW.items()})
    assert read(empty) == []


def test_columns_that_are_not_in_the_schema_can_be_left_out():
    content = file(note=[{"by": [1]}], when=pa.array([0], pa.timestamp("s")))
    check_types("rows.parquet", content, CHOSEN)
    batches = read_batches("rows.parquet", content, CHOSEN, (0,))
    assert [row for batch in batches for row in batch.to_pylist()] == [
        {name: values[0] for name, values in ROW.items()}
    ]
    with pytest.raises(DataError, match="not in the schema: note, when"):
        check_types("rows.parquet", content, COLUMNS)


class Program:
    """Its pickle is a call, which unpickling would make."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


def with_pickle(tmp_path, place) -> Path:
    """A file with a column of a type that is pickled; ``ran`` beside it is there when it was unpickled."""
    marks = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Program(tmp_path / "ran")),
    }
    field = pa.field(place, pa.int64(), metadata=marks)
    if place == "within a list":
        field = pa.field("note", pa.list_(field))
    table = pa.table(ROW)
    table = table.drop(["age"]) if place == "age" else table
    table = table.append_column(field, pa.array([[1] if place == "within a list" else 1], field.type))
    parquet.write_table(table, tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize("place", ["age", "note", "within a list"])
def test_a_pickle_in_a_file_does_not_run(tmp_path, place):
    content = io.BytesIO(with_pickle(tmp_path, place).read_bytes())
    with pytest.raises(DataError):
        check_types("rows.parquet", content, COLUMNS)
    assert not (tmp_path / "ran").exists()


def test_importing_the_reader_is_enough(tmp_path):
    code = f"from components.compat.pyarrow import parquet; parquet.read_schema({str(with_pickle(tmp_path, 'age'))!r})"
    subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=Path(parquet_format.__file__).parents[3])
    assert not (tmp_path / "ran").exists()


def test_only_the_module_that_disables_pickles_imports_pyarrows_parquet():
    root = Path(parquet_format.__file__).parents[3]
    sources = [path for top in ("components", "pipeline", "data") for path in (root / top).rglob("*.py")]
    importing = re.compile(
        r"from pyarrow import .*\bparquet\b|(?<!compat\.)pyarrow\.parquet|import pyarrow\.(feather|ipc|orc)"
    )
    found = {path.name for path in sources if importing.search(path.read_text(encoding="utf-8"))}
    # synthetic.py only writes.
    assert found == {"pyarrow.py", "synthetic.py"}


def test_an_io_error_is_not_reported_as_bad_parquet():
    refused = unreadable("rows.parquet", OSError(errno.EIO, "[Errno 5] Input/output error"))
    assert (type(refused), refused.exit_code) == (MachineError, 1)
    assert type(unreadable("rows.parquet", OSError("Couldn't deserialize thrift"))) is DataError
    assert type(unreadable("rows.parquet", FileNotFoundError(errno.ENOENT, "gone"))) is DataError
