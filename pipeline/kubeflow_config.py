"""The section ``kubeflow`` of a config: what a cluster gives to each node of the graph."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.strict import PositiveFloat, PositiveInt, Strict

# As Kubernetes writes amounts: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
Cores = Annotated[str, Field(pattern=r"^(\d+(\.\d+)?|\d+m)$")]
Bytes = Annotated[str, Field(pattern=r"^\d+(\.\d+)?(Ki|Mi|Gi|Ti|K|M|G|T)?$")]
AbsolutePath = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._-]+)+$")]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


class Toleration(Strict):
    """A taint that a pod accepts: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/."""

    key: str
    operator: Annotated[str, Field(pattern="^(Equal|Exists)$")] = "Equal"
    value: str = ""
    effect: Annotated[str, Field(pattern="^(NoSchedule|PreferNoSchedule|NoExecute|)$")] = ""


class Pod(Strict):
    """What a pod gets. A key that is not set for one node is that of all nodes.

    ``cpu`` and ``memory`` are both request and limit. ``retries`` are those after a failure; one that
    no other try mends, such as a wrong config or rejected data, is told again without running. ``timeout_s`` bounds one
    try.
    """

    cpu: Cores | None = None
    memory: Bytes | None = None
    gpu: Annotated[int, Field(ge=0)] | None = None
    gpu_type: str | None = None
    retries: Annotated[int, Field(ge=0)] | None = None
    timeout_s: PositiveInt | None = None
    node_selector: dict[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None

    def over(self, base: "Pod") -> "Pod":
        """This one, with what it leaves open taken from another.

        >>> Pod(cpu="4").over(Pod(cpu="1", memory="2Gi")).memory
        '2Gi'
        """
        return base.model_copy(update=self.model_dump(exclude_none=True, exclude={"tolerations"}) | (
            {} if self.tolerations is None else {"tolerations": self.tolerations}
        ))  # fmt: skip


class Secret(Strict):
    """A Kubernetes Secret whose keys become environment variables of every pod: ``env`` is key by variable."""

    name: ObjectName
    env: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], str]


class Kubeflow(Strict):
    """Where and how the pods of a run run.

    ``claim`` is the PersistentVolumeClaim that all pods mount at ``mount_path``, read and written by many at a time: a
    file system, or an object store through its CSI driver. A run keeps its things in ``root`` below it. ``parameters``
    are keys of the config that the page of a run, and a recurring run, offer for change. ``lease_timeout_s`` is how
    long a run that gives no sign of life keeps others of its pipeline out. ``pods`` is by node, and ``Workers`` are
    those that a training on several workers starts.
    """

    image: str = ""
    claim: ObjectName = "mainline"
    mount_path: AbsolutePath = "/mnt/mainline"
    root: AbsolutePath = "/mnt/mainline/runs"
    image_pull_secrets: tuple[ObjectName, ...] = ()
    secrets: tuple[Secret, ...] = ()
    pod: Pod = Pod()
    pods: dict[str, Pod] = Field(default_factory=dict)
    parameters: tuple[str, ...] = ("training.epochs", "training.batch_size", "training.learning_rate")
    lease_timeout_s: PositiveFloat = 3600.0
    metadata_timeout_s: PositiveFloat = 120.0

    @model_validator(mode="after")
    def _root_is_mounted(self) -> "Kubeflow":
        if not f"{self.root}/".startswith(f"{self.mount_path}/"):
            raise ValueError(f"'root' is not below 'mount_path', {self.mount_path}: it would be lost with the pod")
        return self

    def pod_of(self, node: str) -> Pod:
        """What the pod of a node gets."""
        return self.pods.get(node, Pod()).over(self.pod)
