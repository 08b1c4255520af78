"""Arrow's Parquet reader, made safe: import ``parquet`` from here only.

``pyarrow_hotfix``
    pyarrow before 14.0.1 unpickles an extension type, so that a crafted file runs a program
    (https://nvd.nist.gov/vuln/detail/CVE-2023-47248). The stack of Python 3.10 has pyarrow 10. When the hotfix goes,
    importing this fails; with that stack it is no longer needed.
"""

import sys

from pyarrow import parquet

if sys.version_info < (3, 11):
    import pyarrow_hotfix  # noqa: F401

__all__ = ["parquet"]
