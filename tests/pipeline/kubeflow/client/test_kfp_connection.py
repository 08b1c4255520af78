import json
import socket

import pytest
from fakes.kubeflow import kfp_parts, kfp_server

CENSUS = ("--config", "census", "--image", "registry/image:1", "--json")


def test_a_private_certificate_is_trusted_with_ca_cert(world, kubeflow, tmp_path):
    context, authority = kfp_parts.make_authority(tmp_path)
    with kfp_server.serving(kfp_server.ServerState(), context) as secure:
        said = kubeflow("submit", *CENSUS, "--ca-cert", str(authority), "--wait", host=secure.url)
        assert said.code == 0, said.err
        assert json.loads(said.out)["summary"]["status"] == "pushed"


def test_an_unknown_certificate_is_refused_and_ca_cert_is_suggested(world, kubeflow, tmp_path):
    context, _ = kfp_parts.make_authority(tmp_path)
    with kfp_server.serving(kfp_server.ServerState(), context) as secure:
        said = kubeflow("status", "run-1", host=secure.url)
    assert said.code == 2
    assert "certificate is not trusted" in said.err
    assert "--ca-cert" in said.err
    assert secure.requests == []


def test_a_server_without_tls_is_reported(world, kubeflow):
    said = kubeflow("status", "run-1", host=world.url.replace("http:", "https:"))
    assert said.code == 2
    assert "TLS failed" in said.err


def test_a_ca_file_without_certificates_is_bad_input(world, kubeflow, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    said = kubeflow("status", "run-1", "--ca-cert", str(tmp_path / "ca.pem"))
    assert said.code == 2
    assert "no certificate" in said.err


def test_the_token_in_the_environment_is_sent_with_every_request(world, kubeflow, monkeypatch):
    world.token = "s3cret"
    monkeypatch.setenv("MAINLINE_KFP_TOKEN", "s3cret")
    said = kubeflow("submit", *CENSUS, "--wait")
    assert said.code == 0, said.err
    assert "s3cret" not in said.out + said.err


def test_the_token_file_is_read_for_every_request(world, kubeflow, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    world.token = "first"

    def renewed(_):
        world.token = "second"
        file.write_text("second\n")

    world.on_run = renewed
    said = kubeflow("submit", *CENSUS, "--token-file", str(file), "--wait")
    assert said.code == 0, said.err


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_missing_or_wrong_token_is_reported_at_once(world, kubeflow, monkeypatch, token):
    world.token = "s3cret"
    monkeypatch.setenv("MAINLINE_KFP_TOKEN", token)
    said = kubeflow("status", "run-1")
    assert said.code == 2
    assert "not authenticated" in said.err
    assert "--token-file" in said.err
    assert len(world.requests) == 1


def test_a_missing_permission_is_reported(world, kubeflow):
    world.faults.append(kfp_server.Fault("GET .*/runs/", 403, 1))
    said = kubeflow("status", "run-1")
    assert said.code == 2
    assert "permission denied" in said.err


def test_a_host_without_a_server_is_not_bad_input(world, kubeflow):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        said = kubeflow("status", "run-1", host=f"http://127.0.0.1:{free.getsockname()[1]}")
    assert said.code == 1
    assert "no answer" in said.err
    assert "refused" in said.err
    assert "Traceback" not in said.err


def test_an_unknown_host_is_bad_input(world, kubeflow):
    said = kubeflow("status", "run-1", host="http://kubeflow.invalid")
    assert said.code == 2
    assert "unknown host" in said.err


@pytest.mark.parametrize("host", ["kubeflow.example.com", "ftp://kubeflow.example.com"])
def test_an_invalid_address_is_bad_input(world, kubeflow, host):
    said = kubeflow("status", "run-1", host=host)
    assert said.code == 2
    assert "KF_PIPELINES_ENDPOINT" in said.err


def test_the_url_of_a_page_is_accepted_as_host(world, kubeflow):
    assert kubeflow("submit", *CENSUS, host=f"{world.url}/#/runs").code == 0


def test_a_login_page_is_not_accepted_as_the_server(world, kubeflow):
    world.html = True
    said = kubeflow("status", "run-1")
    assert said.code == 2
    assert "Log in" in said.err


@pytest.mark.parametrize(("tag", "code"), [("2.4.1", 2), ("2.5.0", 0), ("2.16.1", 0), ("unknown", 0)])
def test_an_old_backend_is_refused(world, kubeflow, tag, code):
    world.tag = tag
    said = kubeflow("submit", *CENSUS)
    assert said.code == code
    assert ("too old" in said.err) == (code == 2)


def test_multi_user_mode_needs_a_namespace_and_sends_it(world, kubeflow):
    world.multi_user = True
    refused = kubeflow("submit", *CENSUS)
    assert refused.code == 2
    assert "--namespace" in refused.err
    said = kubeflow("submit", *CENSUS, "--namespace", "team-a", "--wait")
    assert said.code == 0, said.err
    assert all("namespace=team-a" in path for path in world.asked("GET", r"/(pipelines|experiments)\?"))
    assert kubeflow("retrain", "--config", "census", "--reason", "r", "--key", "k", "--namespace", "team-a").code == 0
    assert kubeflow("schedule", "list", "--config", "census", "--namespace", "team-a").code == 0


@pytest.mark.parametrize("status", [503, 429, 0])
def test_transient_errors_are_retried(world, kubeflow, status):
    world.faults += [kfp_server.Fault("GET .*/healthz", status, 1), kfp_server.Fault("GET .*/pipelines", status, 2)]
    assert kubeflow("submit", *CENSUS).code == 0


def test_a_server_that_keeps_failing_is_given_up_soon(world, kubeflow):
    world.faults.append(kfp_server.Fault("GET", 500, 10_000))
    said = kubeflow("status", "run-1")
    assert said.code == 1
    assert "the server failed" in said.err
    assert len(world.requests) == 4


@pytest.mark.parametrize("option", ["--token-file", "--ca-cert"])
def test_a_missing_file_is_bad_input(world, kubeflow, option):
    said = kubeflow("status", "run-1", option, "nowhere.txt")
    assert said.code == 2
    assert f"{option} nowhere.txt" in said.err


def test_json_output_is_nothing_but_json(world, kubeflow):
    for command in (("submit", *CENSUS), ("schedule", *CENSUS, "--cron", "0 0 3 * * *")):
        json.loads(kubeflow(*command).out)
