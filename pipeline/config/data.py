"""The section ``data`` of a config."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from data.span_patterns import fault
from pipeline.config.strict import Seed, Strict, WholeNumber

PositiveShare = Annotated[float, Field(gt=0.0, lt=1.0)]


class Shares(Strict):
    """The share of keys that goes to each split."""

    train: PositiveShare = 0.8
    eval: PositiveShare = 0.1
    test: PositiveShare = 0.1

    @model_validator(mode="after")
    def _are_all(self) -> "Shares":
        if abs(self.train + self.eval + self.test - 1.0) > 1e-9:
            raise ValueError("'train', 'eval' and 'test' must add up to 1")
        return self


class SplitBy(Strict):
    """How rows are split: by the hash of a ``key`` column, or at two ``cuts`` of a ``time`` column.

    Rows from the first cut on are in eval, rows from the second on in test. The cuts of a text column are texts: ISO
    8601 times, or times in ``time_format``.
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
            raise ValueError("'time_format' needs 'cuts' that are texts")
        # Texts are compared later, after they are parsed as times.
        if self.cuts is not None and not isinstance(self.cuts[0], str) and not self.cuts[0] < self.cuts[1]:
            raise ValueError("the second of the 'cuts' must be greater than the first")
        return self

    @model_serializer(mode="wrap")
    def _as_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit the shares where they are not allowed, so that the dump loads again."""
        whole: dict[str, Any] = dump(self)
        return {key: value for key, value in whole.items() if key != "shares" or self.time is None}


class Data(Strict):
    """Where rows come from: a data set that ``data/`` prepares, or a folder with the user's own files.

    A folder has ``train/``, ``eval/`` and ``test/``, each with CSV, JSON Lines, Parquet or TFRecord files that have the
    same columns; with ``split_by`` it has these files itself. In ``path``, ``{SPAN}`` stands for the number of a span,
    ``{VERSION}`` for the number of its version, and ``{YYYY}``, ``{MM}`` and ``{DD}`` for a date instead of a number; a
    run takes the latest complete span. A bad row of CSV or JSON Lines fails the run; with ``on_bad_row: quarantine`` it
    is set aside, up to ``max_bad_share`` of the rows of a split. Columns that are not in the schema fail the run; with
    ``other_columns: ignore`` they are skipped. ``shuffle_rows`` is the size of the buffer in which the rows of a file
    are shuffled by ``seed``.
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
            raise ValueError("'split_by' needs a 'path'")
        if problem := fault(self.path or ""):
            raise ValueError(f"'path' is not a valid pattern of spans: {problem}")
        return self

    @property
    def is_divided(self) -> bool:
        """Whether each split has a folder of its own."""
        return self.split_by is None
