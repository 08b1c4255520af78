import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from pipeline.config.load import CONF, load_config, read_yaml
from pipeline.errors import ConfigError, MachineError
from pipeline.run.beam_options import check_beam, check_runner, parts, servers_of

PORTABLE = ("--runner=PortableRunner", "--environment_type=EXTERNAL", "--environment_config=localhost:1")


def check(*arguments: str, deadline_s: float = 0.5) -> list[str]:
    said: list[str] = []
    check_beam(arguments, said.append, deadline_s)
    return said


@pytest.fixture
def listening():
    """A server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed():
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def answering():
    """A server that speaks gRPC."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.mark.parametrize("option", ["job_endpoint", "artifact_endpoint"])
def test_a_missing_job_server_is_named_in_time(answering, closed, option):
    others = {"job_endpoint": answering, "artifact_endpoint": answering, option: closed}
    started_s = time.monotonic()
    with pytest.raises(MachineError) as caught:
        check(*PORTABLE, *(f"--{name}={address}" for name, address in others.items()))
    assert time.monotonic() - started_s < 5.0
    assert f"--{option}={closed}" in caught.value.where
    assert caught.value.received == "Connection refused"
    assert caught.value.exit_code == 1


def test_a_silent_server_is_not_a_job_server(listening):
    with pytest.raises(MachineError, match="no gRPC") as caught:
        check(*PORTABLE, f"--job_endpoint={listening}")
    assert listening in caught.value.where


def test_a_job_server_that_answers_passes(answering):
    said = check(*PORTABLE, f"--job_endpoint={answering}", f"--artifact_endpoint={answering}")
    assert said == [f"waiting for job_endpoint {answering}", f"waiting for artifact_endpoint {answering}"]


@pytest.mark.parametrize("address", ["{}", "http://{}", "http://{}/jobs"])
def test_the_flink_master_is_checked(closed, listening, address):
    check("--runner=FlinkRunner", f"--flink_master={address.format(listening)}")
    with pytest.raises(MachineError, match=re.escape(closed)):
        check("--runner=FlinkRunner", f"--flink_master={address.format(closed)}")


def test_an_unknown_host_is_refused(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    overlay = read_yaml(CONF / "env" / "flink.yaml")["beam_pipeline_args"]
    with pytest.raises(MachineError, match="beam-flink-job-server:8099") as caught:
        check(*(argument for argument in overlay if "setup_file" not in argument))
    assert caught.value.received == "Name or service not known"


@pytest.mark.parametrize(
    "runner", ["FlinkRuner", "nonsense", "apache_beam.runners.direct.Nonsense", "no.such.module.Runner", "os.nonsense"]
)
def test_an_unknown_runner_is_refused(runner):
    with pytest.raises(ConfigError, match="no such runner") as caught:
        check(f"--runner={runner}")
    assert caught.value.exit_code == 2


def test_where_no_runner_is_near_the_message_ends_with_its_sentence():
    with pytest.raises(ConfigError) as caught:
        check_runner("nonsense")
    assert caught.value.problem == "no such runner of Beam."


def test_the_nearest_runner_is_named():
    with pytest.raises(ConfigError, match="Did you mean 'FlinkRunner'"):
        check_runner("FlinkRuner")


@pytest.mark.parametrize("runner", ["DirectRunner", "directrunner", "flink", "PrismRunner", "FnApiRunner"])
def test_runners_that_beam_knows_pass(runner):
    check(f"--runner={runner}")


def test_the_in_process_runner_passes():
    assert check(*load_config("census").beam_pipeline_args) == []


@pytest.mark.parametrize("argument", ["--direct_num_workers=many", "--runner"])
def test_options_that_beam_refuses_do_not_exit_the_process(argument, capfd):
    with pytest.raises(ConfigError, match="does not accept"):
        check(argument)


def test_options_without_a_server_are_not_checked():
    options = {
        "job_endpoint": "embed", "flink_master": "[local]", "spark_master_url": "local[4]", "region": "a:1",
        "dataflow_endpoint": "https://dataflow.example.com", "job_port": "1", "artifact_endpoint": None,
    }  # fmt: skip
    asked = [(option, host, port) for option, _, host, port in servers_of(options)]
    assert asked == [("dataflow_endpoint", "dataflow.example.com", 443)]
    assert parts("host:port") == (None, None)
