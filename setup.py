"""The package: what a Beam worker, an image and ``pip install .`` install."""

from pathlib import Path

from setuptools import find_namespace_packages, setup

HERE = Path(__file__).parent


def requirements(name: str) -> list[str]:
    """Reads one .in file; comments and references to other files are left out."""
    lines = (HERE / "requirements" / f"{name}.in").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


setup(
    name="mainline",
    version="0.1.0",
    description="An end-to-end machine-learning pipeline on TensorFlow Extended",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    python_requires=">=3.10,<3.14",
    packages=find_namespace_packages(
        include=["pipeline*", "components*", "schemas*", "data*"], exclude=["data.cache*"]
    ),
    py_modules=["local_runner", "kubeflow_runner", "mainline"],
    entry_points={"console_scripts": ["mainline=mainline:enter"]},
    package_data={
        "pipeline": ["conf/*.yaml", "conf/env/*.yaml"],
        "components.slice_report": ["report.schema.json"],
        "components.slice_report.page.assets": ["*.css", "*.js"],
        "schemas": ["*.pbtxt"],
    },
    install_requires=requirements("main"),
    extras_require={extra: requirements(extra) for extra in ("dev", "kubeflow", "mlflow", "serving")},
)
