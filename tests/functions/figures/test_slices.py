"""Accuracy by writer, scanner or any other field."""

import random

import pytest
from scipy.stats import fisher_exact

from batch_prediction.figures.slices import Slice, SliceCount, slices


def test_each_value_has_its_accuracy_and_the_worst_is_first() -> None:
    """Of 100 images 90 were read rightly: Ann's 40 all, Bob's 50 but ten, and Eve's ten have no label."""
    counts = {
        ("writer", "ann"): SliceCount(45, 40, 40),
        ("writer", "bob"): SliceCount(50, 50, 40),
        ("writer", "eve"): SliceCount(10, 0, 0),
        ("site", "x"): SliceCount(90, 90, 80),
    }
    found = slices(counts, 100, 90)
    assert [(each.field, each.value) for each in found] == [
        ("writer", "bob"),
        ("site", "x"),
        ("writer", "ann"),
        ("writer", "eve"),
    ]
    bob, _, ann, eve = found
    assert bob.accuracy
    assert (bob.images, bob.labelled, bob.accuracy.value) == (50, 50, 0.8)
    assert bob.difference == pytest.approx(40 / 50 - 50 / 50)
    assert (ann.images, ann.labelled) == (45, 40)
    assert eve == Slice("writer", "eve", 10, 0, None, None, False)


def test_a_bad_scanner_stands_out_and_others_do_not() -> None:
    """Five mistakes of a hundred images where the other 900 have five, and two where they have eight."""
    (bad,) = slices({("scanner", "3"): SliceCount(100, 100, 95)}, 1000, 990)
    (chance,) = slices({("scanner", "3"): SliceCount(100, 100, 98)}, 1000, 990)
    assert (bad.stands_out, chance.stands_out) == (True, False)


def test_a_single_slice_stands_out_where_fisher_s_test_says_so() -> None:
    """At five per cent: the test's own borderline."""
    for wrong in range(11):
        (found,) = slices({("site", "x"): SliceCount(200, 200, 200 - wrong)}, 1000, 990)
        p = fisher_exact([[wrong, 200 - wrong], [10 - wrong, 790 + wrong]]).pvalue
        assert found.stands_out == (p <= 0.05)


def test_the_more_slices_are_looked_at_the_more_it_takes() -> None:
    """Among forty others the scanner's five mistakes of a hundred are no surprise any more."""
    others = {("writer", str(number)): SliceCount(25, 25, 25) for number in range(40)}
    bad = {("scanner", "3"): SliceCount(100, 100, 95)}
    assert [each.value for each in slices(bad, 1000, 990) if each.stands_out] == ["3"]
    assert [each.value for each in slices(bad | others, 1000, 990) if each.stands_out] == []


@pytest.mark.parametrize(("images", "values"), [(1_000, 10), (1_000, 50), (10_000, 400)])
def test_chance_alone_seldom_stands_out(images: int, values: int) -> None:
    """Of 200 batches whose slices are drawn by lot, one in twenty has a false alarm at most."""
    chance, alarms = random.Random(images + values), 0  # noqa: S311 # a sample, no secret
    for _ in range(200):
        counts = {("writer", str(number)): SliceCount() for number in range(values)}
        total = 0
        for _ in range(images):
            count, right = counts["writer", str(chance.randrange(values))], chance.random() < 0.995
            count.images += 1
            count.labelled += 1
            count.right += right
            total += right
        alarms += any(each.stands_out for each in slices(counts, images, total))
    assert alarms <= 200 * 0.05


def test_a_slice_that_is_the_whole_batch_is_compared_with_nothing() -> None:
    """There are no other images."""
    (whole,) = slices({("site", "x"): SliceCount(10, 10, 5)}, 10, 5)
    assert (whole.difference, whole.stands_out) == (None, False)
