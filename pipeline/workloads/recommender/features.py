"""The feature table of the recommender."""

from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.multi_hot import MultiHot
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.table import Table

# Features of this width take part in the factorization, all pairs of them.
WIDTH = 32

FEATURES = (
    Categorical("user_id", vocabulary=2000, embedding=WIDTH),
    Categorical("item_id", vocabulary=4000, embedding=WIDTH),
    Categorical("user_gender", vocabulary=2, closed=True, embedding=WIDTH),
    Categorical("user_occupation", vocabulary=21, closed=True, embedding=WIDTH),
    Categorical("age_band", vocabulary=7, closed=True, embedding=WIDTH),
    Categorical("metro_tier", vocabulary=4, closed=True, embedding=WIDTH),
    Categorical("primary_genre", vocabulary=19, closed=True, embedding=4),
    MultiHot("genres", vocabulary=19, domain_of="primary_genre"),
    Bucketized("release_year", buckets=12, embedding=WIDTH),
    Bucketized("user_prior_events", buckets=12, embedding=4),
    Bucketized("item_prior_events", buckets=12, embedding=4),
    Bucketized("user_prior_like_rate", buckets=20, embedding=4),
    Bucketized("item_prior_like_rate", buckets=20, embedding=4),
    Numeric("user_age"),
    Numeric("user_prior_events", log=True),
    Numeric("item_prior_events", log=True),
    Numeric("user_prior_mean_rating", optional=True),
    Numeric("user_prior_like_rate", optional=True),
    Numeric("item_prior_mean_rating", optional=True),
    Numeric("item_prior_like_rate", optional=True),
    Numeric("user_genre_prior_mean_rating", optional=True),
    Numeric("days_since_first_event", log=True),
    Crossed(("user_id", "primary_genre"), hash_buckets=8192),
)

TABLE = Table(FEATURES, label="liked")
