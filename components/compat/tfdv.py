"""Internal modules of TensorFlow Data Validation and tfx_bsl that BatchStatisticsGen is built on.

``statistics.engine: stock`` in the config runs stock StatisticsGen, which needs none of this.

=========================== =======================================================================================
get_generators              (tensorflow_data_validation/statistics/stats_impl.py) The generators for some options.
CombinerStatsGenerator      (tensorflow_data_validation/statistics/generators/stats_generator.py) Their interface.
TopKUniquesStatsGenerator   (…/generators/top_k_uniques_stats_generator.py) The one generator that is replaced, since
                            it sends a record for each value of each batch through Beam.
top_k_uniques               (tensorflow_data_validation/utils/top_k_uniques_stats_util.py) The protocol buffers of top
                            values and rank histograms.
schema_util, stats_util     (tensorflow_data_validation/utils) Which features are categories, and their types.
arrow_util                  (tensorflow_data_validation/arrow/arrow_util.py) The columns of a record batch, by path.
FeaturePath                 (tensorflow_data_validation/types.py) The name of a column, possibly nested.
*_PLACEHOLDER               (tensorflow_data_validation/constants.py) What stands in for long and undecodable text.
WEIGHT_OVERRIDE             ``StatsOptions._per_feature_weight_override``, which stock StatisticsGen honours and
                            BatchStatisticsGen refuses. If it goes, there is nothing to refuse.
array_util, table_util      (tfx_bsl/arrow) Flattening lists; merging record batches.
merge_util                  (tfx_bsl/statistics/merge_util.py) Merging the statistics of the generators.
KmvSketch, MisraGriesSketch (tfx_bsl/sketches) Estimates of counts in bounded memory.
=========================== =======================================================================================

If any of them goes, importing BatchStatisticsGen fails, and ``tests/components/compat/test_compat_tfdv.py`` names it.
"""

from tensorflow_data_validation.arrow import arrow_util
from tensorflow_data_validation.constants import LARGE_BYTES_PLACEHOLDER, NON_UTF8_PLACEHOLDER
from tensorflow_data_validation.statistics.generators.stats_generator import CombinerStatsGenerator
from tensorflow_data_validation.statistics.generators.top_k_uniques_stats_generator import TopKUniquesStatsGenerator
from tensorflow_data_validation.statistics.stats_impl import get_generators
from tensorflow_data_validation.types import FeaturePath
from tensorflow_data_validation.utils import schema_util, stats_util
from tensorflow_data_validation.utils import top_k_uniques_stats_util as top_k_uniques
from tfx_bsl.arrow import array_util, table_util
from tfx_bsl.sketches import KmvSketch, MisraGriesSketch
from tfx_bsl.statistics import merge_util

__all__ = [
    "LARGE_BYTES_PLACEHOLDER",
    "NON_UTF8_PLACEHOLDER",
    "WEIGHT_OVERRIDE",
    "CombinerStatsGenerator",
    "FeaturePath",
    "KmvSketch",
    "MisraGriesSketch",
    "TopKUniquesStatsGenerator",
    "array_util",
    "arrow_util",
    "get_generators",
    "merge_util",
    "schema_util",
    "stats_util",
    "table_util",
    "top_k_uniques",
]

WEIGHT_OVERRIDE = "_per_feature_weight_override"
