"""TFX's driver of ExampleGen, for which the folder of the rows is a name and not a pattern."""

from collections.abc import Iterable

from tfx.components.example_gen import driver, input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from components.listing import escaped, files_in


def folder_of(input_base: str, pattern: str) -> str:
    """Where the files of a split lie, whose pattern is ``*.*`` in there."""
    return f"{input_base}/{pattern}".rpartition("/")[0]


class Driver(driver.FileBasedDriver):
    """Fingerprints the files of the folder that is named, whatever is in its name; by them a run is cached or not."""

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> input_processor.InputProcessor:
        """What looks for files.

        Raises:
            DataError: a name is not UTF-8, which TFX cannot look for.
        """
        for split in splits:
            files_in(folder_of(input_base_uri or "", split.pattern))
        return super().get_input_processor(splits, range_config, escaped(input_base_uri or ""))
