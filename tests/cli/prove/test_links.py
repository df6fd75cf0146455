"""Following links: what is repeated, what ends it, and what comes after a broken one."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.prove.links import Broken, Link, Mark, Pace, Result, Seen, Sight, Unprovable, Waiting, follow

AT_ONCE = Pace(pause=0.0, patience=1.0)


def link(name: str, *sights: Sight | Exception, patience: float = 60.0) -> Link:
    """A link that is seen so, one look after the other."""
    looks: Iterator[Sight | Exception] = iter(sights)

    def look() -> Sight:
        sight = next(looks)
        if isinstance(sight, Exception):
            raise sight
        return sight

    return Link(name, f"{name} there", f"mend {name}", patience, look)


def followed(*links: Link, pace: Pace = AT_ONCE) -> list[Result]:
    """All results, without news."""
    return list(follow(links, pace, lambda _name, _news: None))


def test_a_link_is_looked_at_until_it_is_seen() -> None:
    """What isn't there yet is news; the evidence is what was found in the end."""
    told: list[tuple[str, str]] = []
    links = [link("a", Waiting("not yet"), Waiting("nearly"), Seen("here")), link("b", Seen("there"))]
    results = list(follow(links, AT_ONCE, lambda name, news: told.append((name, news))))
    assert results == [
        Result("a", Mark.HOLDS, "here", "a there"),
        Result("b", Mark.HOLDS, "there", "b there"),
    ]
    assert told == [("a", "not yet"), ("a", "nearly")]


def test_behind_a_broken_link_nothing_is_tried() -> None:
    """The links after it aren't looked at, and name it; it has what was found, expected, and what to do."""
    results = followed(link("a", Seen("x")), link("b", Broken("gone")), link("c"), link("d"))
    assert [result.mark for result in results] == [
        Mark.HOLDS,
        Mark.BROKEN,
        Mark.NOT_TRIED,
        Mark.NOT_TRIED,
    ]
    assert results[1] == Result("b", Mark.BROKEN, "gone", "b there", "mend b")
    assert [result.found for result in results[2:]] == ["needs b", "needs b"]


def test_a_broken_link_may_have_an_advice_of_its_own() -> None:
    """What was found may say better what to do than the link does."""
    (result,) = followed(link("a", Broken("gone", "look elsewhere")))
    assert result.advice == "look elsewhere"


def test_what_can_not_be_proven_here_breaks_nothing() -> None:
    """The link isn't tried, and the next one is."""
    results = followed(link("a", Unprovable("no GPU here")), link("b", Seen("there")))
    assert results[0] == Result("a", Mark.NOT_TRIED, "no GPU here", "a there")
    assert results[1].mark is Mark.HOLDS


def test_patience_ends() -> None:
    """A link that is never seen is broken after its patience, multiplied as the pace says."""
    (result,) = followed(link("a", Waiting("not yet"), patience=0.0))
    assert result == Result("a", Mark.BROKEN, "after 0 s: not yet", "a there", "mend a")
    (result,) = followed(
        link("a", Waiting("not yet"), Waiting("no"), patience=30.0), pace=Pace(0.02, 1 / 3000)
    )
    assert result.found == "after 0 s: no"


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "slowly"}}, "DescribeModel"),
        EndpointConnectionError(endpoint_url="https://sagemaker"),
    ],
)
def test_a_passing_error_is_no_evidence(error: Exception) -> None:
    """A look that AWS doesn't answer is repeated."""
    (result,) = followed(link("a", error, Seen("here")))
    assert result.mark is Mark.HOLDS


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "AuthorizationError", "403"])
def test_a_look_that_is_not_allowed_says_where_the_permissions_are(code: str) -> None:
    """Whoever lacks a permission to look is told so at once."""
    denied = ClientError({"Error": {"Code": code, "Message": "not authorized"}}, "DescribeModel")
    (result,) = followed(link("a", denied))
    assert result.mark is Mark.BROKEN
    assert "not authorized" in result.found
    assert "docs/operations.md" in result.advice
