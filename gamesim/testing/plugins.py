"""New plugin packages from templates: a module, its data sheet, a scenario, a README, the entry point, and a test that passes.

The templates lie in ``templates/<kind>``; ``__name__`` and ``__package__`` in their paths, and ``$name``, ``$package``,
``$klass``, ``$title``, ``$dashed`` in their text, are filled in.
"""

from __future__ import annotations

import keyword
import re
from importlib.util import find_spec
from pathlib import Path
from string import Template

from gamesim.core.errors import ScenarioError, StoreFullError, UnknownKindError, clean
from gamesim.core.registry import names

KINDS = {"environment": "environments", "agent": "agents", "metric": "metrics"}
TEMPLATES = Path(__file__).parent / "templates"
NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")


def new_plugin(kind: str, name: str, folder: Path | str = ".") -> Path:
    """Write a package of that kind into ``folder/gamesim-NAME``.

    Parameters
    ----------
    kind : ``environment``, ``agent`` or ``metric``.
    name : under which it will be registered: lower-case letters, digits, ``_`` or ``-`` (which becomes ``_``).

    Returns
    -------
    The folder of the package.

    Raises
    ------
    UnknownKindError
        If there is no template of that kind.
    ScenarioError
        If the name cannot serve, is taken, or the folder exists.
    """
    if kind not in KINDS:
        raise UnknownKindError.named("template", kind, KINDS)
    if not NAME.fullmatch(name) or len(name) > 40 or keyword.iskeyword(name):
        raise ScenarioError(
            f"'{clean(name, 60)}' cannot name {_article(kind)}.",
            hint="Lower-case letters and digits, joined by _ or -, at most 40, such as my_game.",
        )
    identifier = name.replace("-", "_")
    package = f"gamesim_{identifier}"
    if identifier in names(KINDS[kind]):
        raise ScenarioError(f"{_article(kind)} called '{identifier}' is installed already.", hint="Take another name.")
    if find_spec(package) is not None:
        raise ScenarioError(f"a module called '{package}' is installed already.", hint="Take another name.")
    dashed = identifier.replace("_", "-")
    target = Path(folder) / f"gamesim-{dashed}"
    if target.exists():
        raise ScenarioError("exists already; nothing was written.", where=str(target))
    words = identifier.split("_")
    filled = {
        "name": identifier,
        "package": package,
        "dashed": dashed,
        "klass": "".join(word.capitalize() for word in words),
        "title": " ".join(words).capitalize(),
    }
    for source in sorted((TEMPLATES / kind).rglob("*.tmpl")):
        place = source.relative_to(TEMPLATES / kind).as_posix().removesuffix(".tmpl")
        path = target / place.replace("__package__", package).replace("__name__", identifier)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(source.read_text(encoding="utf-8")).substitute(filled), encoding="utf-8")
        except OSError as error:
            raise StoreFullError(f"cannot be written: {error.strerror}.", where=str(path)) from error
    return target


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
