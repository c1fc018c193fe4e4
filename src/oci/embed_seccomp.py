#!/usr/bin/env python3
"""Writes the default seccomp profile as C++ constants: embed_seccomp.py PROFILE.json OUTPUT.inc"""
import hashlib
import json
import sys

with open(sys.argv[1], encoding="utf-8") as source:
    profile = json.load(source)
for rule in profile["syscalls"]:
    for name in [name for name, value in rule.items() if not value]:
        del rule[name]  # empty members say nothing
text = json.dumps(profile, separators=(",", ":"), sort_keys=True)
if ')json"' in text:
    sys.exit("the profile contains the end of its own literal")
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write(f'constexpr char kDefaultProfileHash[] = "{hashlib.sha256(text.encode()).hexdigest()[:16]}";\n')
    out.write("constexpr char kDefaultProfile[] =\n")
    for start in range(0, len(text), 4096):  # shorter than what any compiler takes as one literal
        out.write(f'    R"json({text[start:start + 4096]})json"\n')
    out.write("    ;\n")
