"""How Kubernetes and registries write amounts, paths and images, as far as a config may use it."""

import re

UNITS = {
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
LONGEST_NAME = 253
# A volume there would hide what every program of the image needs.
OF_THE_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")


def amount_of(text: str) -> float:
    """An amount as a number.

    >>> amount_of("500m"), amount_of("2Gi"), amount_of("1.5")
    (0.5, 2147483648.0, 1.5)
    """
    digits = re.match(r"[0-9.]*", text)
    number = digits[0] if digits else ""
    return float(number) * UNITS[text[len(number) :]]


def fault_of_path(path: str) -> str:
    """What is wrong with a path in a pod, nothing if it can be used.

    >>> fault_of_path("/mnt/mainline/../../etc")
    "'.' and '..' lead elsewhere than the path says"
    >>> fault_of_path("/mnt/mainline/runs")
    ''
    """
    if any(part in (".", "..") for part in path.split("/")):
        return "'.' and '..' lead elsewhere than the path says"
    if any(f"{path}/".startswith(f"{place}/") for place in OF_THE_SYSTEM):
        return f"the system of a pod is there: {', '.join(OF_THE_SYSTEM)}"
    return ""


def fault_of_image(image: str) -> str:
    """What is wrong with the name of an image, nothing if it can be used.

    >>> fault_of_image('a"b')
    'no image is called so: REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST'
    >>> fault_of_image("registry.example:5000/team/mainline:1.0")
    ''
    """
    found = IMAGE.fullmatch(image)
    if found is None or len(found["name"]) > 255:
        return "no image is called so: REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST"
    return ""


def is_name(text: str) -> bool:
    """Whether an object of Kubernetes may be called so.

    >>> is_name("mainline-runner"), is_name("Mainline"), is_name("a b"), is_name("-a"), is_name("a" * 300)
    (True, False, False, False, False)
    """
    return len(text) <= LONGEST_NAME and re.fullmatch(DNS, text, re.ASCII) is not None
