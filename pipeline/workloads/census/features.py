"""The feature table of the census workload."""

from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.exact import Exact
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.table import Table

FEATURES = (
    Numeric("age"),
    Bucketized("age", buckets=20, embedding=8),
    Numeric("education_num"),
    Numeric("hours_per_week"),
    Bucketized("hours_per_week", buckets=10, embedding=8),
    Numeric("capital_gain", log=True),
    Exact("capital_gain", vocabulary=130, embedding=8),
    Numeric("capital_loss", log=True),
    Exact("capital_loss", vocabulary=100, embedding=8),
    Categorical("workclass", vocabulary=8, closed=True, embedding=8),
    Categorical("education", vocabulary=16, closed=True, embedding=8),
    Categorical("marital_status", vocabulary=7, closed=True, embedding=8),
    Categorical("occupation", vocabulary=14, closed=True, embedding=8),
    Categorical("relationship", vocabulary=6, closed=True, embedding=8),
    Categorical("race", vocabulary=5, closed=True, embedding=8),
    Categorical("sex", vocabulary=2, closed=True, embedding=8),
    Categorical("native_country", vocabulary=41, closed=True, embedding=8),
    Crossed(("education", "occupation"), hash_buckets=1000),
    Crossed(("age_bucket", "education", "occupation"), hash_buckets=5000),
    Crossed(("marital_status", "occupation"), hash_buckets=500),
    Crossed(("age_bucket", "marital_status"), hash_buckets=500),
    Crossed(("hours_per_week_bucket", "occupation"), hash_buckets=1000),
    Crossed(("relationship", "education"), hash_buckets=500),
)

TABLE = Table(FEATURES, label="over_50k")
