"""Workers that get stuck on purpose: a ``sitecustomize`` that makes worker 1 sleep."""

from pathlib import Path

SITECUSTOMIZE = '''
"""In worker 1, the first attempt sleeps in a callback, the second in a function of its input."""
import json, os, sys, threading, time

def slow_callback():
    from pipeline.training.callbacks import Progress
    def stuck(self, batch, logs=None):
        time.sleep(600)
    Progress.on_train_batch_end = stuck

def slow_input():
    import tensorflow as tf
    from pipeline.training import session
    batches = session.training_batches
    def stuck(number):
        if int(number) > 2:
            time.sleep(600)
        return number
    def with_slow_function(*arguments):
        numbered = batches(*arguments).enumerate()
        return numbered.map(lambda number, batch: with_number(tf.py_function(stuck, [number], tf.int64), batch))
    def with_number(number, batch):
        with tf.control_dependencies([number]):
            return tf.nest.map_structure(tf.identity, batch)
    session.training_batches = with_slow_function

def wait_for_module():
    # Its last name is there once it is imported whole.
    while not hasattr(sys.modules.get("pipeline.training.session"), "Report"):
        time.sleep(0.01)
    {"0": slow_callback, "1": slow_input}.get(sys.argv[-2], lambda: None)()

if json.loads(os.environ.get("TF_CONFIG") or "{}").get("task", {}).get("index") == 1:
    threading.Thread(target=wait_for_module, daemon=True).start()
'''


def put_into(folder: Path) -> str:
    """Write the module into a folder and return the folder's path, to be put first on PYTHONPATH."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
    return str(folder)
