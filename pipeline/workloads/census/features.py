"""The feature table of the census workload."""

from pipeline.features.table import Bucketized, Categorical, Crossed, Numeric, Table

FEATURES = (
    Numeric("age"),
    Bucketized("age", buckets=20, embedding=8),
    Numeric("education_num"),
    Numeric("hours_per_week"),
    Bucketized("hours_per_week", buckets=10, embedding=4),
    Numeric("capital_gain", log=True),
    Bucketized("capital_gain", buckets=100, embedding=8),
    Numeric("capital_loss", log=True),
    Bucketized("capital_loss", buckets=100, embedding=8),
    Categorical("workclass", vocabulary=8, closed=True, embedding=4),
    Categorical("education", vocabulary=16, closed=True, embedding=4),
    Categorical("marital_status", vocabulary=7, closed=True, embedding=4),
    Categorical("occupation", vocabulary=14, closed=True, embedding=8),
    Categorical("relationship", vocabulary=6, closed=True, embedding=4),
    Categorical("race", vocabulary=5, closed=True, embedding=2),
    Categorical("sex", vocabulary=2, closed=True, embedding=2),
    Categorical("native_country", vocabulary=41, closed=True, embedding=4),
    Crossed(("education", "occupation"), hash_buckets=1000),
    Crossed(("age_bucket", "education"), hash_buckets=1000),
    Crossed(("marital_status", "sex"), hash_buckets=50),
)

TABLE = Table(FEATURES, label="over_50k")
