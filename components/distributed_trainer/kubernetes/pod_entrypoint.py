"""``python -m components.distributed_trainer.kubernetes.pod_entrypoint FOLDER ATTEMPT``: run the task of this pod.

The index of the pod in its Job says which task that is.

https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/
"""

import json
import os
import socket
import sys
import time
from collections.abc import Mapping

from components.distributed_trainer.cluster import Task, parse_task, tf_config

# Set by Kubernetes and by the launcher; the latter holds addresses by task name, in the order of the indices.
INDEX_ENV, ADDRESSES_ENV = "JOB_COMPLETION_INDEX", "MAINLINE_ADDRESSES"
LOOKUP_S = 1.0


def read_addresses(environment: Mapping[str, str]) -> dict[Task, str]:
    return {parse_task(name): address for name, address in json.loads(environment[ADDRESSES_ENV]).items()}


def own_task(environment: Mapping[str, str]) -> Task:
    """Return the task of this pod.

    >>> own_task({"JOB_COMPLETION_INDEX": "1", "MAINLINE_ADDRESSES": '{"chief-0": "a:1", "worker-0": "b:1"}'}).name
    'worker-0'
    """
    return list(read_addresses(environment))[int(environment[INDEX_ENV])]


def wait_for_names(addresses: Mapping[Task, str]) -> None:
    """Wait until every host name resolves, since TensorFlow may give up on one that does not.

    There is no timeout: the launcher decides when startup takes too long.
    """
    for task, address in addresses.items():
        host, reported = address.rpartition(":")[0], False
        while not resolves(host):
            if not reported:
                print(f"waiting for the host name of {task.name}, {host}", flush=True)
            reported = True
            time.sleep(LOOKUP_S)


def resolves(host: str) -> bool:
    """Whether a host name has an address."""
    try:
        return bool(socket.getaddrinfo(host, None))
    except socket.gaierror:
        return False


def main(arguments: list[str]) -> int:
    """Run the task of this pod; return 0, or 1 with the error in ``error.json``."""
    folder, attempt = arguments
    addresses, task = read_addresses(os.environ), own_task(os.environ)
    os.environ["TF_CONFIG"] = tf_config(task, addresses)
    wait_for_names(addresses)
    from components.distributed_trainer import worker

    return worker.main([folder, attempt, task.name])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
