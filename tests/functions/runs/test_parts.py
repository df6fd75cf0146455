"""A run's parts."""

from batch_prediction.runs.parts import digest, part_sizes


def test_parts_have_a_thousand_lines_and_later_ten_thousand() -> None:
    """A million images are a thousand parts; beyond that parts grow, and their number stays reasonable."""
    assert list(part_sizes(0)) == []
    assert list(part_sizes(1)) == [1]
    assert list(part_sizes(1_000)) == [1000]
    assert list(part_sizes(2_500)) == [1000, 1000, 500]
    sizes = list(part_sizes(1_025_000))
    assert sizes[:1000] == [1000] * 1000
    assert sizes[1000:] == [10_000, 10_000, 5_000]


def test_a_digest_distinguishes_the_order_of_the_same_images() -> None:
    """An output whose lines are mixed up isn't the part's."""
    assert digest(["s3://b/1.png", "s3://b/2.png"]) != digest(["s3://b/2.png", "s3://b/1.png"])
    assert digest(["s3://b/1.png"]) == digest(["s3://b/1.png"])


def test_a_digest_stays_what_run_json_has_kept() -> None:
    """16 hex digits of SHA-256 over the references, a line each: a running job outlives a deployment."""
    assert digest(["s3://b/1.png", "s3://b/2.png"]) == "f64237aba7d62e0a"
