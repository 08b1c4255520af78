"""The parser of Dockerfiles."""

import pytest
from fakes.image.dockerfile import Copy, Run, Secret, read_dockerfile

from pipeline.errors import ConfigError

WHOLE = r"""
# A remark.
ARG BASE=debian:trixie-slim
FROM ${BASE} AS first
ARG VERSION=1
ENV PLACE=/opt/${VERSION} OTHER="two words"
WORKDIR /work
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    # A remark between.
    one "$PLACE" \
 && two
COPY a b/c /target/

FROM first AS second
USER 7:7
COPY --from=first /opt /opt
LABEL name=${BASE}
ENTRYPOINT []
CMD ["python", "-m", "x"]
"""


def read(tmp_path, text, **arguments):
    path = tmp_path / "Dockerfile"
    path.write_text(text)
    return read_dockerfile(path, **arguments)


def test_stages_and_steps(tmp_path):
    first, second = read(tmp_path, WHOLE)
    assert (first.name, first.base, first.user, first.folder) == ("first", "debian:trixie-slim", "root", "/work")
    run, copy = first.steps
    assert isinstance(run, Run)
    assert run.command == 'one "$PLACE" && two'
    assert run.secrets == (Secret("pip", "/etc/pip.conf"),)
    assert (run.folder, run.user, run.line) == ("/work", "root", 8)
    values = {name: run.environment[name] for name in ("PLACE", "OTHER", "VERSION")}
    assert values == {"PLACE": "/opt/1", "OTHER": "two words", "VERSION": "1"}
    assert isinstance(copy, Copy)
    assert (copy.sources, copy.target, copy.stage) == (("a", "b/c"), "/target/", None)
    assert (second.base, second.user, second.folder) == ("first", "7:7", "/work")
    assert second.environment == {"PLACE": "/opt/1", "OTHER": "two words"}
    assert second.steps[0].stage == "first"
    assert (second.labels, second.entrypoint, second.command) == (
        {"name": "debian:trixie-slim"}, (), ("python", "-m", "x"),
    )  # fmt: skip


def test_build_arguments_override_defaults(tmp_path):
    first, _ = read(tmp_path, WHOLE, BASE="debian:13", VERSION="2")
    assert first.base == "debian:13"
    assert first.environment["PLACE"] == "/opt/2"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("VOLUME /data", "not one of FROM, ARG"),
        ("ADD a b", "not one of FROM, ARG"),
        ("run x", "not one of FROM, ARG"),
        ("COPY --chown=1 a b", "COPY [--from=stage]"),
        ("COPY a", "COPY [--from=stage]"),
        ("RUN --network=none x", "the only flag allowed for RUN"),
        ("RUN --mount=type=cache,target=/x x", "the only flag allowed for RUN"),
        ("RUN --mount x", "unknown flag"),
        ("ENV A", "NAME=VALUE"),
        ("ENV A=$MISSING", "variable MISSING is not set"),
        ("FROM a b c", "FROM image [AS name]"),
        ("CMD python", "Expecting value"),
    ],
)
def test_an_unknown_instruction_is_refused_with_its_line(tmp_path, line, expected):
    with pytest.raises(ConfigError) as error:
        read(tmp_path, f"FROM a AS b\n\n{line}\n")
    assert error.value.where.endswith("Dockerfile, line 3")
    assert expected in error.value.problem


def test_only_arguments_come_before_the_first_stage(tmp_path):
    with pytest.raises(ConfigError, match="line 1"):
        read(tmp_path, "RUN x\nFROM a\n")
