"""The kinds of files that rows are read from, by the ends of their names."""

KINDS = (".csv", ".jsonl", ".parquet", ".tfrecord")


def kind(name: str) -> str:
    """Return the end of a file's name, which says what it is; that of TFRecords may be ``.gz``, as TFX writes them.

    >>> kind("rows.2024/part-1.parquet"), kind("rows.2024/README"), kind("rows.csv.gz")
    ('.parquet', '', '.csv.gz')
    >>> kind("rows.tfrecord"), kind("rows.tfrecord.gz"), kind("data_tfrecord-00000-of-00001.gz")
    ('.tfrecord', '.tfrecord', '.tfrecord')
    """
    base = name.rpartition("/")[2]
    stem = base.removesuffix(".gz")
    end = stem[stem.rindex(".") :] if "." in stem else ""
    if stem == base:
        return end
    return ".tfrecord" if end in ("", ".tfrecord") else f"{end}.gz"
