"""The feature table of the recommender."""

from pipeline.features.table import Bucketized, Categorical, Crossed, MultiHot, Numeric, Table

FEATURES = (
    Categorical("user_id", vocabulary=2000, embedding=16, dropout=0.05),
    Categorical("item_id", vocabulary=4000, embedding=16, dropout=0.05),
    Categorical("user_gender", vocabulary=2, closed=True, embedding=2),
    Categorical("user_occupation", vocabulary=21, closed=True, embedding=4),
    Categorical("age_band", vocabulary=7, closed=True, embedding=4),
    Categorical("metro_tier", vocabulary=4, closed=True, embedding=2),
    Categorical("primary_genre", vocabulary=19, closed=True, embedding=4),
    MultiHot("genres", vocabulary=19, domain_of="primary_genre"),
    Bucketized("release_year", buckets=12, embedding=4),
    Bucketized("user_prior_events", buckets=12, embedding=4),
    Bucketized("item_prior_events", buckets=12, embedding=4),
    Numeric("user_age"),
    Numeric("user_prior_events", log=True),
    Numeric("item_prior_events", log=True),
    Numeric("user_prior_mean_rating", optional=True),
    Numeric("user_prior_like_rate", optional=True),
    Numeric("item_prior_mean_rating", optional=True),
    Numeric("item_prior_like_rate", optional=True),
    Numeric("user_genre_prior_mean_rating", optional=True),
    Numeric("days_since_first_event", log=True),
    Crossed(("age_band", "primary_genre"), hash_buckets=500),
    Crossed(("user_occupation", "primary_genre"), hash_buckets=1000),
    Crossed(("user_gender", "item_id"), hash_buckets=4000),
)

TABLE = Table(FEATURES, label="liked")
