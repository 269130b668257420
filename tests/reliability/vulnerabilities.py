"""Known vulnerabilities of what is installed: `python tests/reliability/vulnerabilities.py`.

pip-audit passes over a package where the index serves no record of single releases, as mirrors do.
Its project's record is asked then, which tells what is known of the newest release.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import click

_AUDIT = ("-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off")
_AT_ONCE = 8
_PATIENCE = 30.0
"""Seconds that the index may take for an answer."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Ask PyPI what is known of every package that is installed here. Exit code 1 for any fault."""
    done = subprocess.run([sys.executable, *_AUDIT], capture_output=True, text=True, check=False)
    if not done.stdout:
        raise click.ClickException(done.stderr.strip())
    packages = json.loads(done.stdout)["dependencies"]
    known = {each["name"]: _ids(each["vulns"]) for each in packages if "vulns" in each}
    others = [each["name"] for each in packages if "vulns" not in each]
    with ThreadPoolExecutor(_AT_ONCE) as at_once:
        newest = dict(zip(others, at_once.map(of_newest, others), strict=True))
    told = known | {name: ids for name, ids in newest.items() if ids is not None}
    untold = sorted(newest.keys() - told.keys())
    for name, ids in sorted(told.items()):
        for each in ids:
            click.echo(f"{name} {version(name)}: {each}")
    found = sum(map(len, told.values()))
    click.echo(f"{found} known vulnerabilities in {len(told)} packages")
    if untold:
        releases = ", ".join(f"{name} {version(name)}" for name in untold)
        click.echo(f"nothing is told of {len(untold)}, which are not the newest: {releases}")
    if found:
        raise click.exceptions.Exit(1)


def of_newest(name: str) -> list[str] | None:
    """The vulnerabilities of a project's newest release; None if another one is installed.

    URLError if the index cannot be reached.
    """
    try:
        with urlopen(f"https://pypi.org/pypi/{quote(name)}/json", timeout=_PATIENCE) as answer:
            record = json.load(answer)
    except HTTPError as error:
        if error.code == 404:
            return None
        raise
    if record["info"]["version"] != version(name):
        return None
    return _ids(each for each in record["vulnerabilities"] if not each.get("withdrawn"))


def _ids(vulnerabilities: Iterable[dict[str, str]]) -> list[str]:
    return [each["id"] for each in vulnerabilities]


if __name__ == "__main__":
    cli()
