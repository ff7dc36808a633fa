#!/usr/bin/env python3
"""The house rules that a machine can check: includes go down only, headers say what they are, no tabs."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
floors = {}
for line in (ROOT / "tools/floors.txt").read_text().splitlines():
    if line and not line.startswith("#"):
        floor, room = line.split()
        floors[room] = int(floor)

problems = []
for path in sorted((ROOT / "include/spg").rglob("*.hpp")) + sorted((ROOT / "src").rglob("*.?pp")):
    parts = path.relative_to(ROOT).parts
    room = parts[2] if parts[0] == "include" else parts[1]
    if path.name == "spg.hpp":
        continue
    text = path.read_text()
    if "\t" in text:
        problems.append(f"{path}: a tab")
    if parts[0] == "include":
        if room not in floors:
            problems.append(f"{path}: room {room} has no floor")
            continue
        if not path.name.endswith(".inl.hpp") and not text.startswith("// "):
            problems.append(f"{path}: no first-screen comment")
    if room in ("inst", "spg-server", "spg"):
        continue
    for included in re.findall(r'#include "spg/([a-z0-9_]+)/', text):
        if included == room:
            continue
        if floors.get(included, 99) >= floors[room]:
            problems.append(f"{path}: {room} (floor {floors[room]}) includes {included} (floor {floors.get(included)})")
for problem in problems:
    print(problem)
sys.exit(1 if problems else 0)
