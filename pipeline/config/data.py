"""The section ``data`` of a config."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from data.span_patterns import fault
from pipeline.config.strict import Seed, Strict, WholeNumber

PositiveShare = Annotated[float, Field(gt=0.0, lt=1.0)]


class Shares(Strict):
    """The share of the keys in each split."""

    train: PositiveShare = 0.8
    eval: PositiveShare = 0.1
    test: PositiveShare = 0.1

    @model_validator(mode="after")
    def _are_all(self) -> "Shares":
        if abs(self.train + self.eval + self.test - 1.0) > 1e-9:
            raise ValueError("'train', 'eval' and 'test' must add up to 1")
        return self


class SplitBy(Strict):
    """How rows that are not divided are: by the hash of a ``key`` column, or at two ``cuts`` of a ``time`` column.

    A row is in eval from the first of the ``cuts`` on, and in test from the second. Those of a text column are texts,
    both times of ISO 8601, or written as ``time_format`` says.
    """

    key: str | None = None
    shares: Shares = Shares()
    time: str | None = None
    cuts: tuple[int, int] | tuple[float, float] | tuple[str, str] | None = None
    time_format: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "SplitBy":
        if (self.key is None) == (self.time is None):
            raise ValueError("give exactly one of 'key' and 'time'")
        if (self.time is None) != (self.cuts is None):
            raise ValueError("'time' needs 'cuts', and 'key' takes none")
        if self.time is not None and "shares" in self.model_fields_set:
            raise ValueError("'time' takes 'cuts', not 'shares'")
        if self.time_format is not None and (self.cuts is None or not isinstance(self.cuts[0], str)):
            raise ValueError("'time_format' is for 'cuts' that are texts")
        # Texts are compared once they are read as times.
        if self.cuts is not None and not isinstance(self.cuts[0], str) and not self.cuts[0] < self.cuts[1]:
            raise ValueError("the second of the 'cuts' must be greater than the first")
        return self

    @model_serializer(mode="wrap")
    def _as_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the shares where they may not be given, so that what is written loads again."""
        whole: dict[str, Any] = dump(self)
        return {key: value for key, value in whole.items() if key != "shares" or self.time is None}


class Data(Strict):
    """Where rows come from: a data set that ``data/`` prepares, or a folder of the user's own files.

    A folder holds ``train/``, ``eval/`` and ``test/``, each with CSV, JSON Lines, Parquet or TFRecord files that
    share their columns; with ``split_by`` it holds such files itself. ``{SPAN}`` in ``path`` stands for the number of a
    span, ``{VERSION}`` for that of its version, ``{YYYY}``, ``{MM}`` and ``{DD}`` for a date in place of a number: a
    run takes the latest one that is whole. A bad row of CSV or JSON Lines ends a run, or with
    ``on_bad_row: quarantine`` is put aside, up to ``max_bad_share`` of a split's rows. A file with columns that are not
    in the schema ends it too, or with ``other_columns: ignore`` is read without them. ``shuffle_rows`` of a file at a
    time are put into an order of ``seed``.
    """

    dataset: str | None = None
    path: str | None = None
    split: Literal["random", "time", "given"] = "given"
    split_by: SplitBy | None = None
    seed: Seed = 0
    on_bad_row: Literal["fail", "quarantine"] = "fail"
    max_bad_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.01
    other_columns: Literal["fail", "ignore"] = "fail"
    shuffle_rows: WholeNumber = 0

    @model_validator(mode="after")
    def _one_source(self) -> "Data":
        if (self.dataset is None) == (self.path is None):
            raise ValueError("give exactly one of 'dataset' and 'path'")
        if self.split_by is not None and self.path is None:
            raise ValueError("'split_by' is for the files of a 'path'")
        if problem := fault(self.path or ""):
            raise ValueError(f"'path' is no pattern of spans: {problem}")
        return self

    @property
    def is_divided(self) -> bool:
        """Whether the rows lie in a folder for each split."""
        return self.split_by is None
