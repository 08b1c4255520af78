import pytest

from pipeline.config.load import load_config
from pipeline.errors import ConfigError

PATH = ("data.dataset=null", "data.path=rows")


def data_of(split_by: str, *more: str):
    return load_config("census", (*PATH, f"data.split_by={split_by}", *more)).data


def test_rows_can_be_split_by_key_or_by_time():
    by_key = data_of("{key: user_id}")
    assert (by_key.split_by.key, by_key.split_by.shares.train, by_key.is_divided) == ("user_id", 0.8, False)
    assert data_of("{key: u, shares: {train: 0.6, eval: 0.2, test: 0.2}}").split_by.shares.eval == 0.2
    assert data_of("{time: at, cuts: [10, 20]}").split_by.cuts == (10, 20)
    assert data_of("{time: at, cuts: [0.5, 20.5]}").split_by.cuts == (0.5, 20.5)
    assert data_of("{time: day, cuts: ['2025-01-01', '2025-02-01']}").split_by.cuts == ("2025-01-01", "2025-02-01")
    assert load_config("census").data.is_divided


@pytest.mark.parametrize(
    ("split_by", "said"),
    [
        ("{}", "exactly one of 'key' and 'time'"),
        ("{key: a, time: b, cuts: [1, 2]}", "exactly one of 'key' and 'time'"),
        ("{time: at}", "'time' needs 'cuts'"),
        ("{key: a, cuts: [1, 2]}", "'key' takes none"),
        ("{time: at, cuts: [1, 2], shares: {train: 0.8, eval: 0.1, test: 0.1}}", "not 'shares'"),
        ("{time: at, cuts: [2, 2]}", "must be greater than the first"),
        ("{key: a, shares: {train: 0.8, eval: 0.1, test: 0.2}}", "must add up to 1"),
        ("{key: a, shares: {train: 1.0}}", "data.split_by.shares.train"),
        ("{time: at, cuts: [1, '2']}", "data.split_by.cuts"),
    ],
)
def test_invalid_combinations_are_refused(split_by, said):
    with pytest.raises(ConfigError) as caught:
        data_of(split_by)
    assert said in str(caught.value)


def test_a_data_set_has_its_own_splits():
    with pytest.raises(ConfigError, match="'split_by' needs a 'path'"):
        load_config("census", ("data.split_by={key: fnlwgt}",))
