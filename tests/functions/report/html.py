"""A page, as a browser reads it."""

from collections import Counter
from html.parser import HTMLParser

from batch_prediction.aws.clients import Clients
from tests.settings_and_events import BUCKET


class Page(HTMLParser):
    """What a browser makes of a page: its start tags, their attributes, and its text."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a piece of text."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """The text, with single spaces."""
        return " ".join(" ".join(self.words).split())

    @property
    def shape(self) -> Counter[tuple[str, tuple[str, ...]]]:
        """How many tags there are of each name and attributes."""
        return Counter((tag, tuple(attributes)) for tag, attributes in self.tags)


def opened(aws: Clients, key: str) -> Page:
    """A page of the bucket."""
    answer = aws.s3.get_object(Bucket=BUCKET, Key=key)
    assert answer["ContentType"] == "text/html; charset=utf-8"
    return Page(answer["Body"].read().decode())
