"""Quantities, names, paths and images, as Kubernetes and registries write them."""

import re

UNIT_FACTORS = {
    "m": 1e-3, "": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip
# https://github.com/distribution/reference/blob/main/regexp.go
PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
IMAGE = re.compile(
    rf"(?P<name>(?:{HOST}/)?{PART}(?:/{PART})*)(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
MAX_NAME_LENGTH = 253
# A volume mounted here would hide files that every program needs.
SYSTEM_FOLDERS = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")


def parse_quantity(text: str) -> float:
    """Convert a quantity to a number.

    >>> parse_quantity("500m"), parse_quantity("2Gi"), parse_quantity("1.5")
    (0.5, 2147483648.0, 1.5)
    """
    digits = re.match(r"[0-9.]*", text)
    number = digits[0] if digits else ""
    return float(number) * UNIT_FACTORS[text[len(number) :]]


def path_problem(path: str) -> str:
    """Explain why a path in a pod cannot be used; empty if it can.

    >>> path_problem("/mnt/mainline/../../etc")
    "'.' and '..' are not allowed"
    >>> path_problem("/mnt/mainline/runs")
    ''
    """
    if any(part in (".", "..") for part in path.split("/")):
        return "'.' and '..' are not allowed"
    if any(f"{path}/".startswith(f"{folder}/") for folder in SYSTEM_FOLDERS):
        return f"not allowed below a system folder: {', '.join(SYSTEM_FOLDERS)}"
    return ""


def image_problem(image: str) -> str:
    """Explain why the reference of an image is invalid; empty if it is valid.

    >>> image_problem('a"b')
    'not an image: expected REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST'
    >>> image_problem("registry.example:5000/team/mainline:1.0")
    ''
    """
    found = IMAGE.fullmatch(image)
    if found is None or len(found["name"]) > 255:
        return "not an image: expected REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST"
    return ""


def is_name(text: str) -> bool:
    """Whether a text is a valid name of an object in Kubernetes.

    >>> is_name("mainline-runner"), is_name("Mainline"), is_name("a b"), is_name("-a"), is_name("a" * 300)
    (True, False, False, False, False)
    """
    return len(text) <= MAX_NAME_LENGTH and re.fullmatch(DNS, text, re.ASCII) is not None
