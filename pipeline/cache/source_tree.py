"""Our own source files: where a module lies, and every file that a module reaches."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.support.atomic_files import sha256_of
from pipeline.cache.bytecode import CompiledSource, compile_source
from pipeline.cache.data_files import data_files
from pipeline.cache.module_places import Top, code_among, find_top, inner_spec, places_of
from pipeline.errors import MainlineError

ROOT = Path(__file__).resolve().parents[2]
OUR_PACKAGES = ("pipeline", "components", "schemas", "data")
# The digest of code that reaches no module of ours, such as a stock component's.
NO_CODE = "none of ours"


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
    _tops: dict[str, Top] = field(default_factory=dict)
    _folders: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    _modules: dict[str, Sequence[tuple[str, Path]]] = field(default_factory=dict)
    _sources: dict[str, CompiledSource] = field(default_factory=dict)

    def digest(self, modules: Iterable[str]) -> str:
        """Return a hash of some modules, of all they reach, and of the data files beside these; 16 hex digits.

        Raises:
            MainlineError: one of the modules is of our packages or the user's, and is not there.
        """
        modules = list(modules)
        for name in modules:
            self._check(name, (name,))
        return self.digest_of(self.closure(modules))

    def digest_of(self, closure: Closure) -> str:
        """Return the hash of a closure; one without modules of ours has none."""
        if not closure.modules:
            return NO_CODE
        digest = hashlib.sha256()
        for name, path in sorted(closure.modules.items()):
            digest.update(f"{name} {self.source(name, path).digest}\n".encode())
        for name, path in sorted(self.data_files(closure.modules)):
            digest.update(f"{name} {sha256_of(path)}\n".encode())
        return digest.hexdigest()[:16]

    def data_files(self, modules: dict[str, Path]) -> Iterator[tuple[str, Path]]:
        """Yield the files in the folders of some modules that belong to them, such as style sheets, by name."""
        named: dict[Path, frozenset[str]] = {}
        for name, path in modules.items():
            if path.name == "__init__.py" or "." in name:
                named[path.parent] = named.get(path.parent, frozenset()) | self.source(name, path).words
        for folder, names in named.items():
            for path in data_files(folder, names, named):
                yield path.relative_to(folder.parent).as_posix(), path

    def closure(self, modules: Iterable[str], mentioned: Iterable[str] = ()) -> Closure:
        """Follow imports, those inside functions too, and strings that name a module, such as ``run_fn``.

        Args:
            modules: dotted names of modules, or of something in a module.
            mentioned: names that may be of something else.

        Raises:
            MainlineError: one of ``modules`` is of our packages or the user's, and there is no such module.
        """
        modules = list(modules)
        for name in modules:
            self._check(name, (name, name.rpartition(".")[0]))
        found: dict[str, Path] = {}
        libraries: set[str] = set()
        waiting, seen = [*modules, *mentioned], set[str]()
        packages = {*OUR_PACKAGES, *self.user_packages}
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            for module, path in self.modules_of(name):
                if module not in found:
                    found[module] = path
                    source = self.source(module, path)
                    # A logger's name may be a module's, too: strings count within these packages only.
                    waiting += source.imports
                    waiting += [text for text in source.dotted_names if text.split(".")[0] in packages]
                    libraries |= {imported.split(".")[0] for imported in source.imports}
        return Closure(found, frozenset(top for top in libraries if top and self.top(top).is_library))

    def _check(self, name: str, accepted: Sequence[str]) -> None:
        """Check that one of the accepted modules is there, if ``name`` is of our packages or the user's."""
        top = name.split(".")[0]
        if top not in OUR_PACKAGES and top not in self.user_packages:
            return
        if not any(module in accepted for module, _ in self.modules_of(name)):
            raise MainlineError(
                f"the cache's digest of {name}", "no Python file of this module is found",
                expected=f"{accepted[-1] or name} as a .py file where Python imports it from",
                received=", ".join(map(str, self.top(top).places)) or f"no package {top}",
                next_step="Install the package with its sources, or add the folder above it to PYTHONPATH.",
            )  # fmt: skip

    def modules_of(self, name: str) -> Sequence[tuple[str, Path]]:
        """Return the module of a dotted name, which may be of something in it, and the packages around that module."""
        if name not in self._modules:
            self._modules[name] = self._look_up(name)
        return self._modules[name]

    def _look_up(self, name: str) -> Sequence[tuple[str, Path]]:
        around, _, last = name.rpartition(".")
        outer = self.modules_of(around) if around else ()
        places = [folder / last for folder in self.folders(around)] if around else self.top(name).places
        file = first_file(places) or first_file(self._mapped(name))
        return outer if file is None else (*outer, (name, file))

    def folders(self, package: str) -> tuple[Path, ...]:
        """Return the folders of a package of ours; none for a module or a library."""
        if package not in self._folders:
            self._folders[package] = self._find_folders(package)
        return self._folders[package]

    def _find_folders(self, package: str) -> tuple[Path, ...]:
        around, _, last = package.rpartition(".")
        if not around:
            return self.top(package).places
        below = tuple(folder / last for folder in self.folders(around) if (folder / last).is_dir())
        return below or self._mapped(package)

    def _mapped(self, name: str) -> tuple[Path, ...]:
        """Ask the finders for a module that is not in its package's folder, as in some editable installations."""
        around, top = name.rpartition(".")[0], name.split(".")[0]
        if top in OUR_PACKAGES or not around or not self.folders(around):
            return ()
        return code_among(places_of(name, inner_spec(name, self.folders(around))), top in self.user_packages)

    def source(self, name: str, path: Path) -> CompiledSource:
        """Return a module, compiled."""
        if name not in self._sources:
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            self._sources[name] = compile_source(path.read_bytes(), package, str(path))
        return self._sources[name]

    def top(self, name: str) -> Top:
        """Return where a top-level package or module lies."""
        if name not in self._tops:
            ours = Top((self.root / name,), is_library=False)
            self._tops[name] = ours if name in OUR_PACKAGES else find_top(name, name in self.user_packages)
        return self._tops[name]


def first_file(places: Iterable[Path]) -> Path | None:
    """Return the file of the first module that is there, given paths without ``.py``."""
    return next(filter(None, map(source_file, places)), None)


def source_file(path: Path) -> Path | None:
    """Return the file of a module, given its path without ``.py``; None where there is no such module."""
    package = path / "__init__.py"
    module = path.with_name(f"{path.name}.py")
    return next((file for file in (package, module) if file.is_file()), None)
