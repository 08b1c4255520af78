"""The feature table of the impressions workload."""

from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.exact import Exact
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.table import Table

# The user is left out: with so few rows of each, an embedding of 5,000 users would overfit.
FEATURES = (
    Categorical("item_id", vocabulary=5_000, embedding=8),
    Categorical("age_band", vocabulary=6, closed=True, embedding=4),
    Categorical("membership", vocabulary=3, closed=True, embedding=4),
    Categorical("city_tier", vocabulary=4, closed=True, embedding=4),
    Categorical("user_segment", vocabulary=2, closed=True, embedding=4),
    Categorical("category", vocabulary=12, closed=True, embedding=4),
    Categorical("device", vocabulary=3, closed=True, embedding=4),
    Exact("position", vocabulary=10, embedding=4),
    Exact("hour", vocabulary=24, embedding=4),
    Exact("weekday", vocabulary=7, embedding=4),
    Bucketized("price_usd", buckets=10, embedding=4),
    Numeric("price_usd", log=True),
    Numeric("position", log=True),
    Numeric("rating", optional=True),
    Crossed(("age_band", "category"), hash_buckets=1000),
    Crossed(("city_tier", "category"), hash_buckets=500),
    Crossed(("membership", "price_usd_bucket"), hash_buckets=500),
)

TABLE = Table(FEATURES, label="clicked")
