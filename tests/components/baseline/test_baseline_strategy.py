import pytest
from fakes.reviews import RunsRoot
from tfx.types import standard_artifacts

from components.baseline.strategy import LatestOtherBlessedModel


@pytest.fixture
def world(tmp_path):
    return RunsRoot(tmp_path / "runs")


def models(*ids):
    made = [standard_artifacts.Model() for _ in ids]
    for artifact, artifact_id in zip(made, ids, strict=True):
        artifact.id = artifact_id
    return made


def blessings(**blessed_by_model):
    made = []
    for at, (model, blessed) in enumerate(blessed_by_model.items()):
        blessing = standard_artifacts.ModelBlessing()
        blessing.id = 100 + at
        blessing.set_int_custom_property("current_model_id", int(model[1:]))
        blessing.set_int_custom_property("blessed", blessed)
        made.append(blessing)
    return made


def baseline(world, known, blessed, candidate) -> list[int]:
    inputs = {"model": known, "model_blessing": blessed, "candidate": candidate}
    found = LatestOtherBlessedModel().resolve_artifacts(world.store(), inputs)
    assert found["candidate"] == candidate
    assert len(found["model_blessing"]) == len(found["model"])
    return [artifact.id for artifact in found["model"]]


def test_it_is_the_latest_blessed_model_other_than_the_candidate(world):
    blessed = blessings(m1=1, m2=1, m3=0, m4=1)
    assert baseline(world, models(1, 2, 3, 4), blessed, models(4)) == [2]


def test_there_is_no_baseline_without_another_blessed_model(world):
    assert baseline(world, models(1, 4), blessings(m1=0, m4=1), models(4)) == []
    assert baseline(world, models(4), [], models(4)) == []


def test_a_candidate_is_optional(world):
    inputs = {"model": models(1, 4), "model_blessing": blessings(m1=1, m4=1)}
    found = LatestOtherBlessedModel().resolve_artifacts(world.store(), inputs)
    assert [artifact.id for artifact in found["model"]] == [4]
    assert set(found) == {"model", "model_blessing"}


def test_a_rejected_model_is_skipped(world):
    world.decide(world.report("a", model_id=3), "rejected")
    blessed = blessings(m1=1, m2=1, m3=1, m4=1)
    assert baseline(world, models(1, 2, 3, 4), blessed, models(4)) == [2]


def test_a_model_that_is_approved_or_awaits_review_can_be_the_baseline(world):
    world.decide(world.report("a", model_id=3), "approved")
    assert baseline(world, models(2, 3, 4), blessings(m2=1, m3=1, m4=1), models(4)) == [3]
    world.report("b", model_id=4)
    assert baseline(world, models(3, 4, 5), blessings(m3=1, m4=1, m5=1), models(5)) == [4]


def test_there_is_no_baseline_if_all_others_are_rejected(world):
    world.decide(world.report("a", model_id=3), "rejected")
    assert baseline(world, models(3, 4), blessings(m3=1, m4=1), models(4)) == []
