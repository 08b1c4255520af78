import pytest
from fakes.reviews import PIPELINE, RunsRoot
from tfx.types import standard_artifacts

from components.artifacts.model_digest import content_digest
from components.artifacts.record.reports import reports
from components.baseline.strategy import LatestOtherBlessedModel, ServedModel
from components.versioned_pusher.versions import versions_above, withdraw


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


def compared(world, known, blessed, candidate) -> list[int]:
    """The model that a candidate is compared with."""
    inputs = {"model": known, "model_blessing": blessed, "candidate": candidate}
    found = ServedModel(str(world.runs / PIPELINE / "serving")).resolve_artifacts(world.store(), inputs)
    assert found["candidate"] == candidate
    return [artifact.id for artifact in found["model"]]


@pytest.fixture
def served(world):
    """Models 1 and 2 were pushed in turn, 3 was blessed and awaits review."""
    for model, weights in ((1, "a"), (2, "b")):
        world.report(f"r{model}", model_id=model, model=weights)
        world.bless(model, 1, content_digest(world.model(weights)))
        world.push(weights, f"r{model}", 100 * model)
    world.report("r3", model_id=3, model="c")
    world.bless(3, 1, content_digest(world.model("c")))
    return world


ALL = {"m1": 1, "m2": 1, "m3": 1}


def test_a_candidate_is_compared_with_what_is_served_not_with_a_later_blessed_one(served):
    assert compared(served, models(1, 2, 3, 4), blessings(**ALL), models(4)) == [2]


def test_a_served_model_stays_the_baseline_after_it_was_rejected(served):
    served.decide(next(found for found in reports(served.store(), PIPELINE) if found.run == "r2"), "rejected")
    assert compared(served, models(1, 2, 3, 4), blessings(**ALL), models(4)) == [2]


def test_a_rejected_model_that_was_taken_out_of_serving_is_no_baseline(served):
    withdraw(versions_above(served.runs / PIPELINE / "serving", 100))
    served.decide(next(found for found in reports(served.store(), PIPELINE) if found.run == "r2"), "rejected")
    assert compared(served, models(1, 2, 3, 4), blessings(**ALL), models(4)) == [1]


def test_a_served_candidate_is_compared_with_what_it_replaced_before_and_after_its_push(served):
    assert compared(served, models(1, 2), blessings(m1=1), models(2)) == [1]
    assert compared(served, models(1, 2, 3), blessings(**ALL), models(2)) == [1]


def test_an_earlier_model_that_comes_back_is_compared_with_what_is_served(served):
    assert compared(served, models(1, 2, 3), blessings(**ALL), models(1)) == [2]


def test_without_a_served_version_the_latest_blessed_model_is_the_baseline(world):
    assert compared(world, models(1, 2, 4), blessings(m1=1, m2=1), models(4)) == [2]
    assert compared(world, models(4), [], models(4)) == []


def test_a_version_that_ml_metadata_does_not_know_is_passed_over(served):
    served.push("unknown", "r9", 900)
    assert compared(served, models(1, 2, 3, 4), blessings(**ALL), models(4)) == [2]


def test_the_blessing_is_that_of_the_served_model(served):
    inputs = {"model": models(1, 2, 4), "model_blessing": blessings(m1=1, m2=0), "candidate": models(4)}
    found = ServedModel(str(served.runs / PIPELINE / "serving")).resolve_artifacts(served.store(), inputs)
    assert [made.get_int_custom_property("current_model_id") for made in found["model_blessing"]] == [2]
