import hashlib
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from components.support.atomic_files import building, sha256_of

ROOT = Path(__file__).resolve().parents[3]


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    target = tmp_path / "target"
    for name in ("first", "second"):
        with building(target) as folder:
            (folder / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_folder_as_it_was(tmp_path):
    target = tmp_path / "target"
    with building(target) as folder:
        (folder / "good").write_text("")
    with pytest.raises(FileNotFoundError), building(target) as folder:
        (folder / "absent" / "half").write_text("")
    assert [path.name for path in target.iterdir()] == ["good"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_process_leaves_no_target_and_its_rest_is_swept_away(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from components.support.atomic_files import building\n"
        "with building(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_text(''); print('writing', flush=True); time.sleep(60)\n"
    )
    target = tmp_path / "target"
    process = subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, cwd=ROOT)
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not target.exists()
    with building(target) as folder:
        assert list(folder.iterdir()) == []
    assert list(tmp_path.iterdir()) == [target]


def test_the_lock_is_held_by_one_process_at_a_time(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from components.support.atomic_files import locked\n"
        "with locked(Path(sys.argv[1])):\n"
        "    start = time.time(); time.sleep(0.3); print(start, time.time())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "target")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    spans = sorted([float(word) for word in process.communicate()[0].split()] for process in processes)
    assert spans[0][1] <= spans[1][0]
    assert spans[1][1] <= time.time()


def test_the_checksum_is_that_of_the_bytes(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert sha256_of(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_large_file_is_hashed_in_chunks(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"0" * 2**24)
    tracemalloc.start()
    digest = sha256_of(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert digest == hashlib.sha256(b"0" * 2**24).hexdigest()
    assert peak < 2**23
