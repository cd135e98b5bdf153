"""Record: a whole run as JSON, so that the page can be written again without measuring again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.goals import Floors
from bench.page import Setting
from bench.stopwatch import Measured
from bench.tools import Tool
from bench.works import Result

_KEPT_OF_TOOLS = ("name", "ours", "tells_itself", "runs", "at_once")


@dataclass(frozen=True)
class Record:
    """Everything that the page is made of."""

    setting: Setting
    results: dict[str, list[Result]]
    floors: Floors
    starts: list[Result]

    def write(self, path: Path) -> None:
        """Keep it."""
        kept = {
            "setting": asdict(self.setting),
            "results": {work: list(map(_as_json, found)) for work, found in self.results.items()},
            "floors": asdict(self.floors),
            "starts": list(map(_as_json, self.starts)),
        }
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    def with_anew(self, part: Record) -> Record:
        """This run with some works measured anew; each work is a comparison of its own."""
        return replace(
            self,
            setting=replace(
                self.setting, anew={**self.setting.anew, **dict.fromkeys(part.results, part.setting.when)}
            ),
            results={**self.results, **part.results},
            floors=part.floors if part.floors.curl else self.floors,  # they are floors of *big*
        )

    @classmethod
    def read(cls, path: Path) -> Record:
        """What was kept."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            Setting(**{**kept["setting"], "absent": tuple(kept["setting"]["absent"])}),
            {work: list(map(_from_json, found)) for work, found in kept["results"].items()},
            Floors(**kept["floors"]),
            list(map(_from_json, kept["starts"])),
        )


def _as_json(result: Result) -> dict[str, Any]:
    tool = result.tool
    return {
        "tool": {name: getattr(tool, name) for name in _KEPT_OF_TOOLS},
        "runs": [asdict(run) for run in result.runs],
        "counts": {side: dict(methods) for side, methods in result.counts.items()},
        "command": result.command,
        "busy": result.busy,
    }


def _from_json(kept: dict[str, Any]) -> Result:
    return Result(
        Tool(program="", command=lambda _: [], **kept["tool"]),
        tuple(Measured(**run) for run in kept["runs"]),
        {side: Counter(methods) for side, methods in kept["counts"].items()},
        kept["command"],
        tuple(kept["busy"]),
    )
