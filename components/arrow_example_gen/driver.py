"""TFX's driver of ExampleGen, which looks at the files that are read alone, in a folder whose name is no pattern."""

from collections.abc import Iterable

from tfx.components.example_gen import driver, input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from components.arrow_example_gen.source_files import fingerprint, rows_of


class Files(input_processor.FileBasedInputProcessor):
    """The files of rows of some splits; their patterns have no placeholders, which a config fills."""

    def __init__(self, input_base: str, splits: Iterable[example_gen_pb2.Input.Split]) -> None:
        super().__init__(input_base, splits)
        self.input_base = input_base
        self.patterns = {split.name: split.pattern for split in splits}

    def resolve_span_and_version(self) -> tuple[int, int | None]:
        """What TFX gives where there are no spans."""
        return 0, None

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        """By which a run is cached or not.

        Raises:
            DataError: a split has no files, or one that cannot be read.
        """
        named = self.patterns.items()
        return "\n".join(fingerprint(split, rows_of(self.input_base, pattern)) for split, pattern in named)


class Driver(driver.FileBasedDriver):
    """Fingerprints the files of rows in the folder that is named, whatever is in its name, and whatever lies beside."""

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> input_processor.InputProcessor:
        """What looks for files."""
        return Files(input_base_uri or "", splits)
