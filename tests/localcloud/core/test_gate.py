"""Changes of the account, and a moment in which there is none."""

import threading

from localcloud.core.gate import Gate

LONG = 60.0  # seconds that no test waits


def test_a_look_waits_for_a_change_and_holds_up_the_next() -> None:
    """What is looked at doesn't change meanwhile: the second change begins after the look."""
    gate, seen = Gate(), list[str]()
    within, may_end, looking = threading.Event(), threading.Event(), threading.Event()

    def change() -> None:
        with gate.change():
            within.set()
            may_end.wait()
            seen.append("first")

    def change_again() -> None:
        looking.wait()
        with gate.change():
            seen.append("second")

    threads = [threading.Thread(target=change), threading.Thread(target=change_again)]
    for thread in threads:
        thread.start()
    within.wait()
    threading.Timer(0.05, may_end.set).start()
    with gate.closed(LONG) as quiet:
        looking.set()
        threads[1].join(0.05)
        assert quiet
        assert seen == ["first"]
    for thread in threads:
        thread.join()
    assert seen == ["first", "second"]
    assert gate.changes == 2


def test_a_look_gives_up_where_a_change_waits_for_another() -> None:
    """A change that waits for one of another thread would wait for ever: the look isn't taken."""
    gate, closing = Gate(), threading.Event()
    quiets: list[bool] = []

    def look() -> None:
        closing.set()
        with gate.closed(0.1) as quiet:
            quiets.append(quiet)

    def inner() -> None:
        with gate.change():
            pass

    with gate.change(), gate.change():
        looker = threading.Thread(target=look)
        looker.start()
        closing.wait()
        other = threading.Thread(target=inner)
        other.start()
        other.join(LONG)
        looker.join(LONG)
    assert quiets == [False]
    assert gate.changes == 2


def test_a_change_that_waits_aside_holds_nobody_up() -> None:
    """A look is taken meanwhile; afterwards the change is one again."""
    gate = Gate()
    with gate.change():
        with gate.aside(), gate.closed(LONG) as quiet:
            assert quiet
        with gate.closed(0.0) as quiet:
            assert not quiet
    with gate.aside(), gate.closed(0.0) as quiet:  # outside of a change it is nothing
        assert quiet
