"""TFX's driver of ExampleGen, made to fingerprint exactly the files that the executor reads.

TFX would treat the folder's name as a glob pattern, and count other files that lie beside the rows.
"""

from collections.abc import Iterable

from tfx.components.example_gen import driver, input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from components.arrow_example_gen.source_files import fingerprint, row_files


class RowFilesProcessor(input_processor.FileBasedInputProcessor):
    """Lists and fingerprints the files of some splits; their patterns have no span or version to resolve."""

    def __init__(self, input_base: str, splits: Iterable[example_gen_pb2.Input.Split]) -> None:
        super().__init__(input_base, splits)
        self.input_base = input_base
        self.patterns = {split.name: split.pattern for split in splits}

    def resolve_span_and_version(self) -> tuple[int, int | None]:
        """Return TFX's values for input without spans."""
        return 0, None

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        """Return the fingerprint of all files, which is part of the cache key.

        Raises:
            DataError: a split has no files, or one that cannot be read.
        """
        named = self.patterns.items()
        return "\n".join(fingerprint(split, row_files(self.input_base, pattern)) for split, pattern in named)


class Driver(driver.FileBasedDriver):
    """The driver of ExampleGen."""

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> input_processor.InputProcessor:
        """Return the processor that TFX asks for the fingerprint."""
        return RowFilesProcessor(input_base_uri or "", splits)
