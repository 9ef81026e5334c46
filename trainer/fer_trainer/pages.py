"""HTML pages that need no other file: pictures are inside them."""

import base64
from collections.abc import Mapping
from typing import Any


def render_page(
    template: str, facts: Mapping[str, Any], pictures: Mapping[str, bytes | None]
) -> str:
    """Fill a template of this package.

    Args:
        template: its file name.
        facts: JSON; ``facts`` in the template.
        pictures: PNG files by name, ``pictures`` in the template; None stays None.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fer_trainer"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["thousands"] = lambda number: f"{number:,}"
    inlined = {
        name: f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        if picture is not None
        else None
        for name, picture in pictures.items()
    }
    return environment.get_template(template).render(facts=facts, pictures=inlined)
