"""Pages by the templates of this package; in HTML the pictures are inside them."""

import base64
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_contract.errors import DataError

if TYPE_CHECKING:
    import jinja2


def check_place(directory: Path, files: Collection[str]) -> None:
    """Check that pages may be written here: new, empty, or older ones.

    Args:
        directory: that may be there.
        files: names of all that is written.

    Raises:
        DataError: it is a file, or holds another one.
    """
    if directory.exists() and not directory.is_dir():
        raise DataError(f"{directory}: is a file; a directory is wanted")
    if directory.is_dir():
        foreign = {path.name for path in directory.iterdir()}.difference(files)
        if foreign:
            raise DataError(
                f"{directory}: not empty ({min(foreign)!r}); a new directory, or an "
                "older one of the same command, is wanted"
            )


def templates(*, html: bool) -> "jinja2.Environment":
    """Return what fills templates of this package; what is no HTML is Markdown."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fer_trainer"),
        autoescape=html,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not html,
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment


def render_page(
    template: str, facts: Mapping[str, Any], pictures: Mapping[str, bytes | None]
) -> str:
    """Fill a template of this package.

    Args:
        template: its file name.
        facts: JSON; ``facts`` in the template.
        pictures: PNG files by name, ``pictures`` in the template; None stays None.
    """
    inlined = {
        name: f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        if picture is not None
        else None
        for name, picture in pictures.items()
    }
    return (
        templates(html=True)
        .get_template(template)
        .render(facts=facts, pictures=inlined)
    )
