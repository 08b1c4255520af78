"""Our own source files: where a module lies, and every file that a module reaches."""

import hashlib
import importlib.machinery
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.cache.bytecode import CompiledSource, compile_source

ROOT = Path(__file__).resolve().parents[2]
OUR_PACKAGES = ("pipeline", "components", "schemas", "data")
# Where installed libraries lie: they count by their version, not by their code.
LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
NOT_DATA = frozenset({".py", ".pyc", ".pyi", ".md", ".typed"})


@dataclass(frozen=True)
class Closure:
    """The modules of ours that some code reaches, by name, and the libraries that these import, by top-level name."""

    modules: dict[str, Path]
    libraries: frozenset[str]


@dataclass
class SourceTree:
    """The packages that count as our code, each file read at most once.

    These are Mainline's own packages below ``root``, the packages named in ``user_packages``, and whatever else is
    imported from outside the folders of installed libraries.
    """

    root: Path = ROOT
    user_packages: Collection[str] = ()
    _places: dict[str, Path | None] = field(default_factory=dict)
    _modules: dict[str, Sequence[tuple[str, Path]]] = field(default_factory=dict)
    _sources: dict[str, CompiledSource] = field(default_factory=dict)

    def digest(self, modules: Iterable[str]) -> str:
        """Return a hash of some modules, of all they reach, and of the data files beside these; 16 hex digits."""
        return self.digest_of(self.closure(modules))

    def digest_of(self, closure: Closure) -> str:
        """Return the hash of a closure."""
        digest = hashlib.sha256()
        for name, path in sorted(closure.modules.items()):
            digest.update(f"{name} {self.source(name, path).digest}\n".encode())
        for name, path in sorted(self.data_files(closure.modules)):
            digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()[:16]

    def data_files(self, modules: dict[str, Path]) -> Iterator[tuple[str, Path]]:
        """Yield the files that are not code, such as style sheets, in the folders of some modules, with their names.

        A folder below one of these counts where a module beside it names it.
        """
        words: dict[Path, frozenset[str]] = {}
        for name, path in modules.items():
            if path.name == "__init__.py" or "." in name:
                words[path.parent] = words.get(path.parent, frozenset()) | self.source(name, path).words
        for folder, named in words.items():
            below = [folder / word for word in named if (folder / word).is_dir() and folder / word not in words]
            for path in [*folder.iterdir(), *(file for inner in below for file in inner.rglob("*"))]:
                if path.suffix not in NOT_DATA and path.is_file():
                    yield path.relative_to(folder.parent).as_posix(), path

    def closure(self, modules: Iterable[str]) -> Closure:
        """Follow imports, those inside functions too, and strings that name a module, such as ``run_fn``."""
        found: dict[str, Path] = {}
        libraries: set[str] = set()
        waiting = list(modules)
        packages = {*OUR_PACKAGES, *self.user_packages}
        while waiting:
            name = waiting.pop()
            for module, path in self.modules_of(name):
                if module not in found:
                    found[module] = path
                    source = self.source(module, path)
                    # A logger's name may be a module's, too: strings count within these packages only.
                    waiting += source.imports
                    waiting += [text for text in source.dotted_names if text.split(".")[0] in packages]
                    libraries |= {imported.split(".")[0] for imported in source.imports}
        return Closure(found, frozenset(top for top in libraries if top and self.place(top) is None))

    def modules_of(self, name: str) -> Sequence[tuple[str, Path]]:
        """Return the module of a dotted name, which may be of something in it, and the packages around that module."""
        if name not in self._modules:
            self._modules[name] = self._look_up(name)
        return self._modules[name]

    def _look_up(self, name: str) -> Sequence[tuple[str, Path]]:
        around, _, _ = name.rpartition(".")
        top = self.place(name.split(".")[0])
        if top is None:
            return ()
        outer = self.modules_of(around) if around else ()
        file = source_file(top.joinpath(*name.split(".")[1:]))
        return outer if file is None else (*outer, (name, file))

    def source(self, name: str, path: Path) -> CompiledSource:
        """Return a module, compiled."""
        if name not in self._sources:
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            self._sources[name] = compile_source(path.read_bytes(), package, str(path))
        return self._sources[name]

    def place(self, top: str) -> Path | None:
        """Return the path of a top-level package or module of ours, without ``.py``; None for a library."""
        if top not in self._places:
            self._places[top] = self._find(top)
        return self._places[top]

    def _find(self, top: str) -> Path | None:
        if top in OUR_PACKAGES:
            return self.root / top
        spec = None if top in sys.stdlib_module_names else importlib.machinery.PathFinder.find_spec(top)
        if spec is None:
            return None
        folders = list(spec.submodule_search_locations or ())
        place = Path(folders[0]) if folders else Path(spec.origin or "").with_suffix("")
        is_library = not LIBRARY_FOLDERS.isdisjoint(place.parts)
        return None if is_library and top not in self.user_packages else place


def source_file(path: Path) -> Path | None:
    """Return the file of a module, given its path without ``.py``; None where there is no such module."""
    package = path / "__init__.py"
    module = path.with_name(f"{path.name}.py")
    return next((file for file in (package, module) if file.is_file()), None)
