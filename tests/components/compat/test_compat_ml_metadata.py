"""The hook into the calls of ML Metadata."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CALLS = """
import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from components.compat.ml_metadata import wrap_calls

def wrapper(call, request, response):
    requests.append(type(request).__name__)
    call(request, response)

requests = []
wrap_calls(BACKEND, wrapper)
wrap_calls(BACKEND, lambda call, request, response: requests.append("second wrapper"))
config = metadata_store_pb2.ConnectionConfig()
config.sqlite.SetInParent()
store = mlmd.MetadataStore(config)
store.put_context_type(metadata_store_pb2.ContextType(name="Run"))
print(len(store.get_context_types()), *requests)
"""


def run(backend: str) -> str:
    code = CALLS.replace("BACKEND", repr(backend))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_call_on_the_backend_goes_through_the_first_wrapper():
    assert run("sqlite") == "1 PutContextTypeRequest GetContextTypesRequest"


def test_calls_on_other_backends_are_left_alone():
    assert run("postgresql") == "1"
