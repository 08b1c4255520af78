import subprocess
import sys
from pathlib import Path

import pytest
from harness import ROOT

FUZZ = [sys.executable, str(Path(__file__).parent)]


@pytest.mark.slow
def test_readers_agree_and_never_hang_on_random_files():
    """In a process of its own, which ends itself where a reader hangs; ``make fuzz`` draws 10,000 by a new seed."""
    ran = subprocess.run(
        [*FUZZ, "--seed", "1", "--files", "2500"], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-5000:]
    assert "no row differs" in ran.stdout
