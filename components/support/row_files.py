"""The formats of files of rows, told by suffix."""

KINDS = (".csv", ".jsonl", ".parquet", ".tfrecord")
# Hidden files, such as the copies that editors and macOS leave, and lock files of office programs.
IGNORED_PREFIXES = (".", "~$")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip")


def kind(name: str) -> str:
    """Return the suffix that tells the format of a file; ``.gz`` means TFRecord, as TFX names its files.

    Hidden files have none.

    >>> kind("rows.2024/part-1.parquet"), kind("rows.2024/README"), kind("rows.csv.gz")
    ('.parquet', '', '.csv.gz')
    >>> kind(".rows-backup.csv"), kind("train/._rows.csv"), kind(".#rows.parquet"), kind("rows.csv~")
    ('', '', '', '.csv~')
    >>> kind("rows.tfrecord"), kind("rows.tfrecord.gz"), kind("data_tfrecord-00000-of-00001.gz")
    ('.tfrecord', '.tfrecord', '.tfrecord')
    """
    base = name.rpartition("/")[2]
    if base.startswith(IGNORED_PREFIXES):
        return ""
    stem = base.removesuffix(".gz")
    end = stem[stem.rindex(".") :] if "." in stem else ""
    if stem == base:
        return end
    return ".tfrecord" if end in ("", ".tfrecord") else f"{end}.gz"


def is_nearly(name: str) -> bool:
    """Return whether a file that is not read is named almost like one that is: compressed, or in upper case.

    >>> is_nearly("rows.csv.gz"), is_nearly("ROWS.CSV"), is_nearly("rows.jsonl.zst")
    (True, True, True)
    >>> is_nearly("rows.csv"), is_nearly("rows.tfrecord.gz"), is_nearly(".rows.csv.gz"), is_nearly("rows.csv~")
    (False, False, False, False)
    """
    end = kind(name)
    if end in ("", *KINDS):
        return False
    stem = name.lower()
    for suffix in COMPRESSED:
        stem = stem.removesuffix(suffix)
    return stem.endswith(KINDS)
