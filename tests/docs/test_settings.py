"""docs/settings.md says what the settings are, and only that."""

from dataclasses import fields
from pathlib import Path

from oddline_workers.settings import Settings, variable

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_each_setting_is_documented_with_its_default():
    rows = [
        f"| `{variable(f.name)}` | {'—' if f.default == '' else f.default} "
        f"| {f.metadata['unit']} | {f.metadata['help']} |"
        for f in fields(Settings)
    ]
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| `ODDLINE_")]
    assert table == rows, "docs/settings.md should hold:\n" + "\n".join(rows)
