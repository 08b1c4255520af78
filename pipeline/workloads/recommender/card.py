"""The model card of the recommender."""

from components.slice_report.facts import Card

CARD = Card(
    title="Will this user like this film?",
    summary=(
        "A Wide & Deep model with a factorization of its features that gives the probability that a user rates a film "
        "with four stars or more, from the user, the film and what either did before (MovieLens-100k)."
    ),
    intended_use=(
        "Ranking films for a user among candidates that another system chose.",
        "Research and teaching: a public data set with a split by time, in which most users of the test rows are new.",
    ),
    out_of_scope=(
        "Commercial use: the licence of the data does not allow it.",
        "Conclusions on a single user's taste, age or gender.",
    ),
    limits=(
        "The ratings are from 1997 and 1998, by users of one web site, who chose what they rated.",
        "A new user is judged by the film and by demographics alone: see the slice user_segment=new.",
        "A film without earlier ratings is judged by its genre and its year.",
    ),
    ethics=(
        "Gender, age and occupation are inputs. The section on fairness shows how often each group is recommended "
        "films, and how often rightly.",
    ),
    owners=("The maintainers of this pipeline",),
    licence="Data: MovieLens-100k, GroupLens; research use only, no redistribution.",
)
