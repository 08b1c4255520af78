"""Tasks of a training that do what a script says, without TensorFlow: they start in no time."""

# What every script begins with: its own names, a sign of life, the marker that a chief writes.
PRELUDE = """
import json, os, sys, time
from pathlib import Path
folder, attempt, task = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
own = folder / str(attempt) / task
own.mkdir(parents=True, exist_ok=True)
def pulse(said=""):
    part = own / "part"
    part.write_text(json.dumps({"at_s": time.time(), "state": "running", "said": said}))
    os.replace(part, own / "pulse.json")
def at(state, still_s=0.0, waits=False, line=""):
    part = own / "part"
    part.write_text(json.dumps({"at_s": time.time(), "state": state, "said": "epoch 1/2, step 3/9", "still_s": still_s,
                                "waits": waits, "at": line}))
    os.replace(part, own / "pulse.json")
def stand(state, waits, line="", seconds=60):
    since = time.time()
    while time.time() < since + seconds:
        at(state, time.time() - since, waits, line)
        time.sleep(0.05)
def fail(kind, problem):
    said = {"at_s": time.time(), "kind": kind, "where": "Trainer", "problem": problem}
    (own / "error.json").write_text(json.dumps(said))
    sys.exit(1)
def done():
    (folder / str(attempt) / "chief.json").write_text("{}")
    sys.exit(0)
def live(seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        pulse("epoch 1/2")
        time.sleep(0.05)
"""
# The same in the pod of an Indexed Job, which learns its name from its index.
IN_A_POD = """
import os, sys
from components.distributed_trainer.kubernetes.pod_entrypoint import own_task
sys.argv.append(own_task(os.environ).name)
"""
