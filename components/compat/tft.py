"""Internal modules of TensorFlow Transform that BatchTransform is built on. Stock Transform uses the same code.

``transform.engine: stock`` in the config runs stock Transform, which needs none of this.

==================== ==============================================================================================
analyzer_nodes       (tensorflow_transform/analyzer_nodes.py) The operations that analyzers are made of, and their
                     combiners. BatchTransform feeds the combiners batches of rows. If an operation is renamed or new,
                     BatchTransform leaves that preprocessing_fn to stock Transform; if the module goes, its import
                     fails.
nodes                (tensorflow_transform/nodes.py) The graph of these operations, and its traversal.
graph_tools          (tensorflow_transform/graph_tools.py) Which analyzers depend on which, and which raw columns each
                     tensor depends on.
impl_helper          (tensorflow_transform/impl_helper.py) Tracing a preprocessing_fn, saving it, and converting its
                     outputs to Arrow.
annotators           (tensorflow_transform/annotators.py) The file name of each vocabulary.
tf_utils, tf2_utils  (tensorflow_transform/tf_utils.py, tf2_utils.py) Reserved tokens of a vocabulary; the operations
                     that have no output.
SavedModelLoader     (tensorflow_transform/saved/saved_transform_io_v2.py) Applies a SavedModel to the raw columns.
dataset_metadata,    (tensorflow_transform/tf_metadata) The files of a transform graph. Not in TFT's API reference, but
metadata_io,         stable since version 0.8.
schema_utils
==================== ==============================================================================================

If any of them goes, importing BatchTransform fails, and ``tests/components/compat/test_compat_tft.py`` names it.
"""

from tensorflow_transform import analyzer_nodes, annotators, graph_tools, impl_helper, nodes, tf2_utils, tf_utils
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

__all__ = [
    "SavedModelLoader",
    "analyzer_nodes",
    "annotators",
    "dataset_metadata",
    "graph_tools",
    "impl_helper",
    "metadata_io",
    "nodes",
    "schema_utils",
    "tf2_utils",
    "tf_utils",
]
