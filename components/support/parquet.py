"""Arrow's reader of Parquet without what made files run programs: pyarrow before 14.0.1 unpickles a type of Python's.

All of ours take ``parquet`` from here: https://nvd.nist.gov/vuln/detail/CVE-2023-47248.
"""

import sys

from pyarrow import parquet

if sys.version_info < (3, 11):
    # The stack of Python 3.10 has pyarrow 10.
    import pyarrow_hotfix  # noqa: F401

__all__ = ["parquet"]
