import json
import socket

import pytest
from fakes.kubeflow import kfp_parts, kfp_server

CENSUS = ("--config", "census", "--image", "registry/image:1", "--json")


def test_a_certificate_of_an_own_authority_is_trusted_when_given(world, kubeflow, tmp_path):
    context, authority = kfp_parts.make_authority(tmp_path)
    with kfp_server.serving(kfp_server.World(), context) as secure:
        said = kubeflow("submit", *CENSUS, "--ca-cert", str(authority), "--wait", host=secure.url)
        assert said.code == 0, said.err
        assert json.loads(said.out)["summary"]["status"] == "pushed"


def test_a_certificate_of_an_unknown_authority_is_refused_with_what_to_pass(world, kubeflow, tmp_path):
    context, _ = kfp_parts.make_authority(tmp_path)
    with kfp_server.serving(kfp_server.World(), context) as secure:
        said = kubeflow("status", "run-1", host=secure.url)
    assert said.code == 2
    assert "certificate is not trusted" in said.err
    assert "--ca-cert" in said.err
    assert secure.requests == []


def test_a_server_without_tls_is_not_asked_for_a_certificate(world, kubeflow):
    said = kubeflow("status", "run-1", host=world.url.replace("http:", "https:"))
    assert said.code == 2
    assert "TLS failed" in said.err


def test_a_file_without_certificates_is_bad_input(world, kubeflow, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    said = kubeflow("status", "run-1", "--ca-cert", str(tmp_path / "ca.pem"))
    assert said.code == 2
    assert "no certificate" in said.err


def test_the_token_of_the_environment_is_sent_with_every_request(world, kubeflow, monkeypatch):
    world.token = "s3cret"
    monkeypatch.setenv("MAINLINE_KFP_TOKEN", "s3cret")
    said = kubeflow("submit", *CENSUS, "--wait")
    assert said.code == 0, said.err
    assert "s3cret" not in said.out + said.err


def test_the_token_of_a_file_is_read_anew_while_waiting(world, kubeflow, tmp_path):
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
def test_a_token_that_is_missing_or_wrong_is_said_at_once(world, kubeflow, monkeypatch, token):
    world.token = "s3cret"
    monkeypatch.setenv("MAINLINE_KFP_TOKEN", token)
    said = kubeflow("status", "run-1")
    assert said.code == 2
    assert "not authenticated" in said.err
    assert "--token-file" in said.err
    assert len(world.requests) == 1


def test_what_the_caller_may_not_do_is_another_thing(world, kubeflow):
    world.faults.append(kfp_server.Fault("GET .*/runs/", 403, 1))
    said = kubeflow("status", "run-1")
    assert said.code == 2
    assert "permission denied" in said.err


def test_a_host_without_a_server_is_a_failure_of_the_server(world, kubeflow):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        said = kubeflow("status", "run-1", host=f"http://127.0.0.1:{free.getsockname()[1]}")
    assert said.code == 1
    assert "no answer" in said.err
    assert "refused" in said.err
    assert "Traceback" not in said.err


def test_a_host_that_does_not_exist_is_bad_input(world, kubeflow):
    said = kubeflow("status", "run-1", host="http://kubeflow.invalid")
    assert said.code == 2
    assert "unknown host" in said.err


@pytest.mark.parametrize("host", ["kubeflow.example.com", "ftp://kubeflow.example.com"])
def test_a_host_that_is_no_address_is_bad_input(world, kubeflow, host):
    said = kubeflow("status", "run-1", host=host)
    assert said.code == 2
    assert "KF_PIPELINES_ENDPOINT" in said.err


def test_the_address_of_a_page_will_do_as_host(world, kubeflow):
    assert kubeflow("submit", *CENSUS, host=f"{world.url}/#/runs").code == 0


def test_a_page_to_log_in_is_not_taken_for_the_server(world, kubeflow):
    world.html = True
    said = kubeflow("status", "run-1")
    assert said.code == 2
    assert "Log in" in said.err


@pytest.mark.parametrize(("tag", "code"), [("2.4.1", 2), ("2.5.0", 0), ("2.16.1", 0), ("unknown", 0)])
def test_a_backend_that_is_too_old_is_refused(world, kubeflow, tag, code):
    world.tag = tag
    said = kubeflow("submit", *CENSUS)
    assert said.code == code
    assert ("too old" in said.err) == (code == 2)


def test_where_there_are_many_users_a_namespace_is_needed_and_passed_on(world, kubeflow):
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
def test_a_server_that_stumbles_is_asked_again(world, kubeflow, status):
    world.faults += [kfp_server.Fault("GET .*/healthz", status, 1), kfp_server.Fault("GET .*/pipelines", status, 2)]
    assert kubeflow("submit", *CENSUS).code == 0


def test_a_server_that_fails_for_good_is_given_up_soon(world, kubeflow):
    world.faults.append(kfp_server.Fault("GET", 500, 10_000))
    said = kubeflow("status", "run-1")
    assert said.code == 1
    assert "the server failed" in said.err
    assert len(world.requests) == 4


@pytest.mark.parametrize("option", ["--token-file", "--ca-cert"])
def test_a_file_that_is_not_there_is_bad_input(world, kubeflow, option):
    said = kubeflow("status", "run-1", option, "nowhere.txt")
    assert said.code == 2
    assert f"{option} nowhere.txt" in said.err


def test_machine_output_is_json_and_nothing_else(world, kubeflow):
    for command in (("submit", *CENSUS), ("schedule", *CENSUS, "--cron", "0 0 3 * * *")):
        json.loads(kubeflow(*command).out)
