"""Scripts that play the tasks of a training, without TensorFlow, so that they start at once."""

# The beginning of every script: its names, its heartbeats, and the marker that a chief writes.
PRELUDE = """
import json, os, sys, time
from pathlib import Path
folder, attempt, task = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
own = folder / str(attempt) / task
own.mkdir(parents=True, exist_ok=True)
def beat(progress="", phase="running", **more):
    part = own / "part"
    part.write_text(json.dumps({"time_s": time.time(), "phase": phase, "progress": progress, **more}))
    os.replace(part, own / "heartbeat.json")
def stall(phase, in_runtime, line="", seconds=60):
    since = time.time()
    while time.time() < since + seconds:
        stalled_s = time.time() - since
        beat("epoch 1/2, step 3/9", phase, stalled_s=stalled_s, in_runtime=in_runtime, line=line)
        time.sleep(0.05)
def fail(kind, problem):
    failure = {"at_s": time.time(), "kind": kind, "where": "Trainer", "problem": problem}
    (own / "error.json").write_text(json.dumps(failure))
    sys.exit(1)
def done():
    (folder / str(attempt) / "chief.json").write_text("{}")
    sys.exit(0)
def live(seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        beat("epoch 1/2")
        time.sleep(0.05)
"""
# The same in a pod of an Indexed Job, whose index gives the name of the task.
IN_A_POD = """
import os, sys
from components.distributed_trainer.kubernetes.pod_entrypoint import own_task
sys.argv.append(own_task(os.environ).name)
"""
