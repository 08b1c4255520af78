"""Stock Evaluator with what the report and Pusher need besides: predictions, and the digest of the judged model."""

from typing import Any

from tfx.components.evaluator import executor as stock
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

from components.batch_evaluator.blessing import add_model_digest, judge_ratios, too_close, write_blessing
from components.batch_evaluator.inputs import (
    Artifacts,
    check_baseline,
    check_inputs,
    example_files,
    find_scorers,
    read_config,
    read_label,
    read_splits,
)
from components.batch_evaluator.scoring import write_predictions
from components.compat.tfx.executors import beam_pipeline
from components.examples.reading import check_only_files, read_schema


class StockExecutor(stock.Executor):
    """TFMA computes metrics, slices and the verdict; it uses none of TFMA's internal modules."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the predictions, then evaluate as stock Evaluator does.

        Raises:
            ConfigError: an input is missing, or the examples are not tf.Examples in folders of splits.
            DataError: a split has no files, or others than those that were written, or a row cannot be scored.
            MainlineError: files were lost, or the baseline is missing.
        """
        check_inputs(input_dict, exec_properties)
        for split in read_splits(exec_properties):
            for examples in input_dict[specs.EXAMPLES_KEY]:
                check_only_files(examples, split)
        schema = read_schema(artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY]))
        evaluation = artifact_utils.get_single_uri(output_dict[specs.EVALUATION_KEY])
        config = read_config(exec_properties)
        label = read_label(exec_properties, config)
        scorers = find_scorers(input_dict, config, label)
        check_baseline(scorers[1:])
        files = example_files(input_dict, exec_properties)
        write_predictions(lambda: beam_pipeline(self), files, scorers, schema, evaluation)
        super().Do(input_dict, output_dict, exec_properties)
        missed = judge_ratios(evaluation, exec_properties, label)
        if missed or too_close(evaluation, exec_properties):
            write_blessing(input_dict, output_dict, exec_properties, passed=False)
        add_model_digest(input_dict, artifact_utils.get_single_instance(output_dict[specs.BLESSING_KEY]))
