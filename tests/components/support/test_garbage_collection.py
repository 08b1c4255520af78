import pytest
from fakes.processes import json_from


def test_garbage_is_looked_for_rarely_but_is_looked_for():
    found = json_from(
        """
import gc, json
from components.support import garbage_collection
garbage_collection.collect_rarely()
looks = []
gc.callbacks.append(lambda phase, info: looks.append(info["generation"]))
kept = [[] for _ in range(40_000)]
rarely = len(looks)
kept += [[] for _ in range(40_000)]
print(json.dumps({"rarely": rarely, "then": len(looks) > 0}))
"""
    )
    assert found == {"rarely": 0, "then": True}


@pytest.mark.parametrize("at_once", [True, False])
def test_at_the_end_nothing_is_collected_but_what_was_promised_is_done(tmp_path, at_once):
    """Objects in a cycle are collected at exit or not; exit handlers run either way."""
    found = json_from(
        f"""
import gc, json, os, tempfile
from pathlib import Path
from components.support import garbage_collection

class Tidy:
    def __del__(self, make=os.mkdir):
        make({str(tmp_path / "collected")!r})

folder = tempfile.TemporaryDirectory(dir={str(tmp_path)!r})
if {at_once}:
    garbage_collection.skip_final_collection()
    garbage_collection.skip_final_collection()
gc.disable()
tidy = Tidy()
tidy.itself = tidy
del tidy
print(json.dumps({{"made": Path(folder.name).is_dir()}}))
"""
    )
    assert found == {"made": True}
    assert [path.name for path in tmp_path.iterdir()] == ([] if at_once else ["collected"])


def test_what_is_freed_goes_back_to_the_system():
    """Small pieces, freed but for the last one: glibc itself gives back only what lies behind it."""
    found = json_from(
        """
import json, psutil
from components.support import garbage_collection
class Loop:
    def __init__(self):
        self.me, self.bytes = self, b"x" * 50_000
garbage_collection.collect_rarely()
held_mb = lambda: psutil.Process().memory_info().rss / 1e6
before = held_mb()
loops = [Loop() for _ in range(4_000)]
last = b"x" * 50_000
full = held_mb()
del loops
kept = held_mb()
garbage_collection.release_memory()
print(json.dumps({"full": full - before, "kept": kept - before, "after": held_mb() - before}))
"""
    )
    assert found["full"] > 190
    assert found["kept"] > 190
    assert found["after"] < 20


def test_what_was_imported_before_a_block_is_overlooked_in_it_alone():
    found = json_from(
        """
import gc, json
from components.support import garbage_collection
before = len(gc.get_objects())
with garbage_collection.ignoring_imports():
    during = len(gc.get_objects())
print(json.dumps({"before": before, "during": during, "after": len(gc.get_objects())}))
"""
    )
    assert found["during"] < 100 < found["before"] <= found["after"] + 100
