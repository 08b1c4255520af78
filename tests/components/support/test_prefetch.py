import threading

from components.support.prefetch import prefetch


def test_only_a_few_items_are_taken_before_they_are_asked_for():
    taken = []
    results = prefetch(lambda item: item * 2, (taken.append(item) or item for item in range(100)))
    assert [next(results), next(results)] == [0, 2]
    assert len(taken) == 4
    assert list(results) == [item * 2 for item in range(2, 100)]


def test_results_are_in_order_though_the_first_is_slow():
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_done.wait(10)
        else:
            second_done.set()
        return item

    assert list(prefetch(work, range(5))) == [0, 1, 2, 3, 4]
