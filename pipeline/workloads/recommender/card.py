"""The model card of the recommender."""

from components.slice_report.facts import Card, Documentation

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
    provider="The maintainers of this pipeline",
    contact="The issue tracker of this repository",
    documentation=Documentation(
        interaction=(
            "A client sends the columns of a row, or serialized tf.Examples, and gets the score; the signatures are "
            "in docs/serving.md.",
        ),
        forms=("A TensorFlow SavedModel with its preprocessing inside, in a folder of versions.",),
        hardware=("Any machine that runs TensorFlow; a CPU is enough.",),
        third_party=(
            "No pre-trained model: weights start at random, or with training.warm_start at those of the latest "
            "blessed model.",
        ),
        design=(
            "A linear part and a factorization of pairs remember, a deep part generalizes. Users are hidden from "
            "most training rows, since most users of the test rows are new.",
            "Training minimizes log loss, so that the score is a probability.",
        ),
        data_collection=(
            "GroupLens collected the ratings on its web site from September 1997 to April 1998; the label is a "
            "rating of four or five stars.",
            "With the split by time, the earliest 80 % of the rows are for training and the latest 10 % for the "
            "test. Features of the past count earlier ratings only.",
        ),
        metric_choice=(
            "The model ranks films for a user, so their order is measured within each user, with bounds on both: "
            "GroupAUC over all films of a user, and GroupNDCG over the first ten.",
            "AUC for the order of all rows, log loss and calibration for the score as a probability. New and returning "
            "users have bounds of their own.",
        ),
    ),
)
