"""A page taken apart by the standard library's parser."""

from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br", "img", "input", "hr", "path", "circle"})


class Page(HTMLParser):
    """Elements with their attributes, visible text, and the content of scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.content: dict[str, list[str]] = {"script": [], "style": []}
        self._text: list[str] = []
        self.feed(source)
        self.close()

    @property
    def text(self) -> str:
        """What a reader sees, spaces joined."""
        return " ".join("".join(self._text).split())

    def all(self, name: str) -> list[dict[str, str]]:
        """Attributes of every element of that name."""
        return [attributes for tag, attributes in self.elements if tag == name]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag in self.content:
            self.content[tag].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        opened = self.open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.content:
            self.content[self.open[-1]][-1] += data
        else:
            self._text.append(data)
