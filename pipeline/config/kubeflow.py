"""The section ``kubeflow`` of a config: the resources that a cluster gives to each node of the graph."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from pipeline.config.strict import Seconds, Strict, WholeSeconds
from pipeline.kubernetes_names import DNS, image_problem, parse_quantity, path_problem


def cores(text: str) -> str:
    """Refuse fewer cores than a pod can run with, and more than a machine has."""
    if not 0.001 <= parse_quantity(text) <= 1024:
        raise ValueError("from 1m to 1024 cores")
    return text


def memory(text: str) -> str:
    """Refuse less memory than a pod can run with, and more than a machine has."""
    if not 64 * 2**20 <= parse_quantity(text) <= 64 * 2**40:
        raise ValueError("from 64Mi to 64Ti")
    return text


def absolute_path(text: str) -> str:
    """Refuse a path with ``.`` or ``..`` in it, and a path into the system of a pod."""
    if problem := path_problem(text):
        raise ValueError(problem)
    return text


def image_reference(text: str) -> str:
    """Refuse a reference that no registry accepts."""
    if problem := image_problem(text) if text else "":
        raise ValueError(problem)
    return text


# Quantities as Kubernetes writes them: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
Cores = Annotated[str, Field(pattern=r"^(\d{1,9}(\.\d{1,3})?|\d{1,9}m)$"), AfterValidator(cores)]
Bytes = Annotated[str, Field(pattern=r"^\d{1,18}(\.\d{1,3})?(Ki|Mi|Gi|Ti|[KkMGT])?$"), AfterValidator(memory)]
AbsolutePath = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._-]+)+$", max_length=512), AfterValidator(absolute_path)]
Image = Annotated[str, Field(max_length=512), AfterValidator(image_reference)]
# Names of objects, keys of labels and taints, and their values:
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/, …/labels/
WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
ObjectName = Annotated[str, Field(pattern=f"^{DNS}$", max_length=253)]
LabelKey = Annotated[str, Field(pattern=f"^({DNS}/)?{WORD}$", max_length=317)]
LabelValue = Annotated[str, Field(pattern=f"^({WORD})?$")]
SecretKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]{1,253}$")]


class Toleration(Strict):
    """A taint that a pod tolerates: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/."""

    key: LabelKey
    operator: Annotated[str, Field(pattern="^(Equal|Exists)$")] = "Equal"
    value: LabelValue = ""
    effect: Annotated[str, Field(pattern="^(NoSchedule|PreferNoSchedule|NoExecute|)$")] = ""

    @model_validator(mode="after")
    def _fits_together(self) -> "Toleration":
        if self.operator == "Exists" and self.value:
            raise ValueError("'operator: Exists' takes no 'value'")
        return self


class Pod(Strict):
    """Resources of a pod. A key that is not set for a node has the value for all nodes.

    ``cpu`` and ``memory`` are both request and limit. ``retries`` is the number of retries after a failure; a failure
    that no retry can fix, such as a wrong config or rejected data, is reported again without running. ``timeout_s``
    limits one attempt.
    """

    cpu: Cores | None = None
    memory: Bytes | None = None
    gpu: Annotated[int, Field(ge=0, le=64)] | None = None
    gpu_type: LabelKey | None = None
    retries: Annotated[int, Field(ge=0, le=100)] | None = None
    timeout_s: WholeSeconds | None = None
    node_selector: dict[LabelKey, LabelValue] | None = None
    tolerations: tuple[Toleration, ...] | None = None

    def over(self, base: "Pod") -> "Pod":
        """This one, with unset keys taken from ``base``.

        >>> Pod(cpu="4").over(Pod(cpu="1", memory="2Gi")).memory
        '2Gi'
        """
        return base.model_copy(update=self.model_dump(exclude_none=True, exclude={"tolerations"}) | (
            {} if self.tolerations is None else {"tolerations": self.tolerations}
        ))  # fmt: skip


class Secret(Strict):
    """A Kubernetes Secret whose keys become environment variables of every pod; ``env`` maps variables to keys."""

    name: ObjectName
    env: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=256)], SecretKey]


class Kubeflow(Strict):
    """Where and how the pods of a run are started.

    ``claim`` is the PersistentVolumeClaim that all pods mount at ``mount_path`` and read and write at the same time: a
    file system, or an object store through its CSI driver. Runs keep their files in ``root`` below it. ``parameters``
    are keys of the config that can be changed on the page of a run and of a recurring run. After ``lease_timeout_s``
    without a heartbeat, a run no longer keeps other runs of its pipeline out. ``pods`` has resources by node; the key
    ``Workers`` is for the pods that a training on several workers starts.
    """

    image: Image = ""
    claim: ObjectName = "mainline"
    mount_path: AbsolutePath = "/mnt/mainline"
    root: AbsolutePath = "/mnt/mainline/runs"
    image_pull_secrets: tuple[ObjectName, ...] = ()
    secrets: tuple[Secret, ...] = ()
    pod: Pod = Pod()
    pods: dict[str, Pod] = Field(default_factory=dict)
    parameters: tuple[str, ...] = ("training.epochs", "training.batch_size", "training.learning_rate")
    lease_timeout_s: Seconds = 3600.0
    metadata_timeout_s: Seconds = 120.0

    @model_validator(mode="after")
    def _root_is_mounted(self) -> "Kubeflow":
        if not f"{self.root}/".startswith(f"{self.mount_path}/"):
            raise ValueError(f"'root' is not below 'mount_path' ({self.mount_path}), so it would be lost with the pod")
        return self

    def pod_of(self, node: str) -> Pod:
        """The resources of a node's pod."""
        return self.pods.get(node, Pod()).over(self.pod)
