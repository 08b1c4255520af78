"""The kinds of files that rows are read from, by the ends of their names."""

KINDS = (".csv", ".jsonl", ".parquet", ".tfrecord")
# Hidden files, which editors and macOS leave beside those that they are copies of, and locks of office programs.
PASSED_OVER = (".", "~$")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip")


def kind(name: str) -> str:
    """Return the end of a file's name, which says what it is; that of TFRecords may be ``.gz``, as TFX writes them.

    A hidden file has none.

    >>> kind("rows.2024/part-1.parquet"), kind("rows.2024/README"), kind("rows.csv.gz")
    ('.parquet', '', '.csv.gz')
    >>> kind(".rows-backup.csv"), kind("train/._rows.csv"), kind(".#rows.parquet"), kind("rows.csv~")
    ('', '', '', '.csv~')
    >>> kind("rows.tfrecord"), kind("rows.tfrecord.gz"), kind("data_tfrecord-00000-of-00001.gz")
    ('.tfrecord', '.tfrecord', '.tfrecord')
    """
    base = name.rpartition("/")[2]
    if base.startswith(PASSED_OVER):
        return ""
    stem = base.removesuffix(".gz")
    end = stem[stem.rindex(".") :] if "." in stem else ""
    if stem == base:
        return end
    return ".tfrecord" if end in ("", ".tfrecord") else f"{end}.gz"


def is_nearly(name: str) -> bool:
    """Return whether a file is named like one of rows and is of no kind: packed, or in other letters.

    >>> is_nearly("rows.csv.gz"), is_nearly("ROWS.CSV"), is_nearly("rows.jsonl.zst")
    (True, True, True)
    >>> is_nearly("rows.csv"), is_nearly("rows.tfrecord.gz"), is_nearly(".rows.csv.gz"), is_nearly("rows.csv~")
    (False, False, False, False)
    """
    end = kind(name)
    if end in ("", *KINDS):
        return False
    stem = name.lower()
    for packed in PACKED:
        stem = stem.removesuffix(packed)
    return stem.endswith(KINDS)
