"""The conformance kit as a pytest plugin: it finds every registered driver, the test suite brings the counterparts.

Nothing is loaded before a test asks for `vesiflow_name` (every registered driver), `vesiflow_driver` (those with a
counterpart) or `vesiflow_role` (each of their capabilities).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vesiflow.errors import VesiflowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devices.testing.counterpart import Make

pytest.register_assert_rewrite("devices.testing.conformance", "devices.testing.session", "devices.testing.injection")

_SETUP = pytest.StashKey[dict[str, Any]]()


class Hooks:
    """Hooks that a conftest.py may implement."""

    @pytest.hookspec
    def pytest_vesiflow_counterparts(self) -> Mapping[str, Make] | None:
        """Counterparts by driver name; "name[variant]" is a further one of the same driver."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vesiflow")
    group.addoption(
        "--vesiflow-driver", action="append", default=[], metavar="NAME", help="conformance of this driver only"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Every `*.capture` in the folders of a run is a test: the session replays."""
    return CaptureFile.from_parent(parent, path=file_path) if file_path.suffix == ".capture" else None


class CaptureFile(pytest.File):
    """A session recorded by `vesiflow capture`."""

    def collect(self) -> Iterator[CaptureItem]:
        """One test."""
        yield CaptureItem.from_parent(self, name="replays")


class CaptureItem(pytest.Item):
    """The driver does and says again what the capture holds."""

    def runtest(self) -> None:
        """Replay."""
        from devices.testing.replay import replay  # only a run that has captures loads drivers

        replay(self.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A deviation is one line; anything else keeps its traceback."""
        expected = isinstance(excinfo.value, AssertionError | VesiflowError)
        return str(excinfo.value) if expected else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands."""
        return self.path, None, f"{self.path.name} replays"


def counterparts(config: pytest.Config) -> dict[str, Make]:
    """All counterparts of this run, by driver name."""
    if _SETUP not in config.stash:
        found: dict[str, Make] = {}
        for given in config.hook.pytest_vesiflow_counterparts():
            found.update(given or {})
        config.stash[_SETUP] = found
    return config.stash[_SETUP]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "vesiflow_name" in metafunc.fixturenames:
        metafunc.parametrize("vesiflow_name", _chosen(metafunc.config))
    wants_role = "vesiflow_role" in metafunc.fixturenames
    if not wants_role and "vesiflow_driver" not in metafunc.fixturenames:
        return
    cases = [case for name in _chosen(metafunc.config) for case in _cases(metafunc.config, name, wants_role)]
    metafunc.parametrize("vesiflow_role" if wants_role else "vesiflow_driver", cases)


def _chosen(config: pytest.Config) -> list[str]:
    from devices import registry  # only a run that tests drivers loads them

    wanted = config.getoption("--vesiflow-driver")
    unknown = sorted(set(wanted) - set(registry.names()))
    if unknown:
        raise pytest.UsageError(f"no driver {', '.join(unknown)}; registered: {', '.join(registry.names())}")
    return list(wanted or registry.names())


def _cases(config: pytest.Config, name: str, wants_role: bool) -> list[Any]:
    from devices import registry
    from devices.testing.counterpart import driver_name

    found = {key: make for key, make in counterparts(config).items() if driver_name(key) == name}
    if not found:
        reason = f"no counterpart for driver {name}: give one by pytest_vesiflow_counterparts"
        if getattr(registry.load(name), "speaks", "serial") != "serial":
            reason = f"driver {name} speaks {registry.load(name).speaks}: the kit tries bytes on a wire"
        return [pytest.param(None, id=name, marks=pytest.mark.skip(reason=reason))]
    if not wants_role:
        return [pytest.param((key, make), id=key) for key, make in found.items()]
    return [
        pytest.param((key, capability, make), id=f"{key}-{capability}")
        for key, make in found.items()
        for capability in registry.load(name).provides
    ]
