"""The section ``kubeflow``: what Kubernetes, a registry or the SDK would refuse is refused early."""

import pytest

from pipeline.config.load import load_config
from pipeline.errors import ConfigError
from pipeline.kubeflow.compile.package import make_package

IMAGE = "registry.example:5000/team/mainline@sha256:" + "0" * 64


def loaded(*sets: str):
    return load_config("census", sets, env="kubeflow")


@pytest.mark.parametrize(
    "override",
    [
        "kubeflow.root=/mnt/mainline/../../etc", "kubeflow.root=/mnt/mainline/./runs", "kubeflow.root=/mnt/mainline/..",
        "kubeflow.root=/mnt/other", "kubeflow.root=runs", "kubeflow.mount_path=/etc", "kubeflow.mount_path=/usr/lib",
        'kubeflow.root="/mnt/mainline/a\\nb"', f"kubeflow.root=/mnt/mainline/{'x' * 600}", "kubeflow.mount_path=/",
        'kubeflow.pod.cpu="0"', 'kubeflow.pod.cpu="0m"', 'kubeflow.pod.cpu="0.0"', 'kubeflow.pod.cpu="-1"',
        'kubeflow.pod.cpu="1e3"', 'kubeflow.pod.cpu="99999999"', "kubeflow.pod.cpu=1", 'kubeflow.pods.Trainer.cpu="0"',
        "kubeflow.pod.memory=0Gi", "kubeflow.pod.memory=1Mi", "kubeflow.pod.memory=4GB", "kubeflow.pod.memory=9999Ti",
        "kubeflow.pod.gpu=-1", "kubeflow.pod.gpu=1000", "kubeflow.pod.gpu=true", "kubeflow.pod.gpu_type='a b'",
        "kubeflow.pod.retries=1000000", "kubeflow.pod.retries=-1", "kubeflow.pod.timeout_s=0",
        "kubeflow.pod.timeout_s=1000000000000", "kubeflow.pod.timeout_s=1.5", "kubeflow.lease_timeout_s=.inf",
        "kubeflow.metadata_timeout_s=-1", "kubeflow.image='a\"b'", "kubeflow.image=\"a'b\"", "kubeflow.image='a b'",
        "kubeflow.image=team/Upper", "kubeflow.image='a:b:c'", "kubeflow.image='a@sha256:12'", 'kubeflow.image="a\\nb"',
        "kubeflow.image='$(id)'", "kubeflow.image=-flag", f"kubeflow.image={'x' * 300}", "kubeflow.claim=Has_Caps",
        "kubeflow.claim=a..b", "kubeflow.claim=a.-b", "kubeflow.image_pull_secrets=['a b']",
        "kubeflow.secrets=[{name: a, env: {lower: x}}]", "kubeflow.secrets=[{name: a, env: {A: 'b c'}}]",
        "kubeflow.pod.node_selector={'a b': c}", "kubeflow.pod.node_selector={a: 'b c'}",
        "kubeflow.pod.node_selector={a: -b}", "kubeflow.pod.tolerations=[{key: 'a b'}]",
        "kubeflow.pod.tolerations=[{key: a, operator: Exists, value: b}]",
        "kubeflow.pod.tolerations=[{key: a, effect: Never}]", "metadata.host='a b'", "metadata.database='a;b'",
        "metadata.password_env='A B'", "metadata.port=70000",
    ],
)  # fmt: skip
def test_values_that_a_cluster_would_refuse_are_refused(override):
    with pytest.raises(ConfigError, match="not usable") as caught:
        loaded(override)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "override",
    [
        f"kubeflow.image={IMAGE}", "kubeflow.image=mainline", "kubeflow.image=localhost:5000/mainline:1.0",
        "kubeflow.image=eu.example/a/b__c/d-e:v1", 'kubeflow.pod.cpu="0.5"', "kubeflow.pod.cpu=500m",
        "kubeflow.pod.memory=1.5Gi", "kubeflow.pod.memory=512Mi", "kubeflow.pod.gpu_type=nvidia.com/gpu",
        "kubeflow.pod.retries=0", "kubeflow.claim=team-a.volume",
        "kubeflow.pod.node_selector={example.com/pool: gpu_1.x}",
        "kubeflow.pod.tolerations=[{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]",
        "kubeflow.root=/mnt/mainline", "kubeflow.root=/mnt/mainline/runs..old/a", "metadata.host=db.team.svc",
    ],
)  # fmt: skip
def test_values_that_a_cluster_accepts_are_accepted(override):
    loaded(override)


def test_rows_outside_the_volume_are_refused_for_any_prefix():
    rows = "/mnt/mainline/../../etc"
    with pytest.raises(ConfigError, match="not on the volume of the pods"):
        make_package(loaded(f"kubeflow.image={IMAGE}", "data.dataset=null", f"data.path={rows}"))
