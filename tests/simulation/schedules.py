"""What people do in a world: the batches that they drop, the models that they approve and reject."""

from tests.simulation.faults import Faults
from tests.simulation.registry import APPROVED
from tests.simulation.sagemaker import BY_THE_SERVICE, EVENT_LOST, STUCK
from tests.simulation.training import CALM, FINAL_ACCURACY, NO_INSTANCES
from tests.simulation.world import POISON, World

NEVER = (0.0, 0.0)  # a time between two that are the same
BATCHES = 4
PACKAGES = 4


def random_world(seed: int) -> World:
    """A world of a few batches, with faults drawn from the seed: run it, and read its violations."""
    world = World(seed)
    draw = world.draw
    for number in range(1, PACKAGES + 1):
        _register(world, number)
    if draw.random() < 0.3:
        world.at(
            draw.uniform(0, CALM),
            _take_away,
            world,
            draw.choice(("rejected", "deleted")),
            draw.randint(1, PACKAGES),
        )
    for number in range(BATCHES):
        _drop(world, f"b{number}")
    if draw.random() < 0.3:
        kind = draw.choice(("zip", "tar", "tar.gz"))
        world.at(draw.uniform(0, CALM / 2), world.put_archive, kind, f"b9.{kind}", ("0.png", "1 corrupt.png"))
    if draw.random() < 0.4:
        ends = draw.choice(("Completed", "Completed", "Failed"))
        world.at(draw.uniform(0, CALM / 2), world.sagemaker.tuning_ends, "digits-261122-140000", ends)
    if draw.random() < 0.3:
        world.at(draw.uniform(0, CALM / 2), world.forget_manifest, "forgotten", draw.randint(1, 4))
    return world


def _register(world: World, number: int) -> None:
    """A package that is approved at once, later (perhaps after a newer one), or never; the first is early."""
    draw = world.draw
    begin = 0.0 if number == 1 else draw.uniform(0, CALM / 2)
    artifact = "gone" if draw.random() < 0.05 else "there"
    accuracy = draw.choice((None, 0.9, FINAL_ACCURACY, FINAL_ACCURACY + 0.0015, 0.999))
    world.at(begin, world.sagemaker.register, number, artifact, accuracy)
    if draw.random() < 0.9:
        later = draw.choice((0.0, draw.uniform(0, CALM / 2)))
        world.at(begin + later, world.sagemaker.decide, number, APPROVED)


def _take_away(world: World, how: str, number: int) -> None:
    """A person rejects or deletes a package, if it exists."""
    if any(arn.endswith(f"/{number}") for arn in world.sagemaker.packages):
        world.faults.counts[f"package {how}"] += 1
        (world.reject if how == "rejected" else world.sagemaker.delete)(number)


def _drop(world: World, batch: str) -> None:
    """A batch whose images come before its manifest, late or never; perhaps its manifest is replaced."""
    draw = world.draw
    begin = draw.uniform(0, CALM / 2)
    names = tuple(
        f"{number}{draw.choice(('', '', ' corrupt'))}.png" for number in range(draw.choice((1, 1, 2, 4)))
    )
    for name in names:
        if draw.random() < 0.85:
            world.at(begin, world.put_image, batch, name)
        elif draw.random() < 0.7:
            world.faults.counts["image late"] += 1
            world.at(begin + draw.uniform(0, 6000), world.put_image, batch, name)
    world.at(begin + 1, world.put_manifest, batch, names, draw.choice((0, 0, 0, 1)))
    if draw.random() < 0.15:
        world.faults.counts["manifest replaced"] += 1
        world.at(begin + draw.uniform(2, 3000), world.put_manifest, batch, (*names, "late.png"), 0)
    if draw.random() < 0.05:
        world.at(begin + 1, world.put_manifest, batch + "-empty", (), 2)


def plain_world(seed: int, faults: Faults | None = None) -> World:
    """A world of one batch of two images, in which nothing goes wrong by itself."""
    world = World(seed, faults)
    world.settings |= {"wait_for_images_minutes": 30, "wait_for_capacity_hours": 24}
    world.sagemaker.dry_spell = world.sagemaker.shortage = NEVER
    world.approve(1)
    world.at(0, world.put_image, "b0", "0.png")
    world.at(0, world.put_image, "b0", "1.png")
    world.at(1, world.put_manifest, "b0", ("0.png", "1.png"), 1)
    return world


def scarce_world(faults: Faults) -> World:
    """A world of two batches, each refused its job for some minutes: they stand in a line and leave it."""
    world = plain_world(1, faults)
    world.sagemaker.dry_spell = (0.0, 300.0)
    world.at(60, world.put_image, "b1", "0.png")
    world.at(61, world.put_manifest, "b1", ("0.png",), 0)
    return world


def short_world(faults: Faults) -> World:
    """A world in which AWS has no instances for the first jobs of a run and for a final training."""
    world = plain_world(1, faults)
    world.hurry = 0.0
    world.sagemaker.script = {"b0": [NO_INSTANCES, NO_INSTANCES]}
    world.sagemaker.short = {"digits-261122-170000-final"}
    world.at(0, world.sagemaker.tuning_ends, "digits-261122-170000", "Completed")
    return world


def full_world(faults: Faults) -> World:
    """A world that visits every request of the functions: each way that a run and a training may take."""
    world = World(1, faults)
    world.hurry = 1.0
    world.settings |= {"wait_for_images_minutes": 30, "wait_for_capacity_hours": 0}
    world.sagemaker.dry_spell = world.sagemaker.shortage = NEVER
    world.approve(1)
    world.sagemaker.script = {
        "retried": [BY_THE_SERVICE],
        "stuck": [STUCK],
        "lost": [EVENT_LOST],
        "short": [NO_INSTANCES],
    }
    for number, batch in enumerate(("plain", "retried", "stuck", "lost", "late", "rejected", "short")):
        begin = number * 100.0
        world.at(begin, world.put_image, batch, "0.png")
        world.at(begin + (90 if batch == "late" else 0), world.put_image, batch, "1.png")
        world.at(begin + 1, world.put_manifest, batch, ("0.png", "1.png"), 1)
    for kind in ("zip", "tar.gz"):
        world.at(50, world.put_archive, kind, f"packed.{kind}", ("0.png", "1.png"))
    world.at(700, world.put_manifest, "empty", (), 1)
    world.at(701, world.send, "uploads", POISON, 0)
    world.sagemaker.script["rejected"] = [BY_THE_SERVICE]
    world.at(520, world.reject, 1)  # when its first job runs
    world.at(0, world.sagemaker.tuning_ends, "digits-261122-140000", "Completed")
    world.at(0, world.sagemaker.tuning_ends, "digits-261122-150000", "Failed")
    world.at(0, world.sagemaker.tuning_ends, "digits-261122-160000", "Completed", False)
    world.sagemaker.short = {"digits-261122-170000-final"}
    world.at(0, world.sagemaker.tuning_ends, "digits-261122-170000", "Completed")
    world.at(30, world.invoke, "digits-train-best-model", TUNED_TWICE, 1)
    world.at(800, world.forget_manifest, "forgotten", 2)
    return world


TUNED_TWICE = '{"detail": {"HyperParameterTuningJobName": "digits-261122-140000"}}'
