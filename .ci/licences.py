"""Checks that everything that is built into the program may be distributed with it.

usage: cargo tree --locked --all-features --target all --edges normal,build --prefix none --format '{p}|{l}' |
       python3 .ci/licences.py

A package passes if its SPDX expression is true with the licences below.
"""

import re
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "NCSA", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense",
    "WTFPL", "Zlib",
}


def allowed(expression):
    """Returns whether the allowed licences satisfy an SPDX expression. A slash is an old way to write OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+(?: WITH [^\s()]+)?", expression.replace("/", " OR "))
    words = {"(": "(", ")": ")", "AND": "and", "OR": "or"}
    return bool(tokens) and eval(" ".join(words.get(token) or str(token in ALLOWED) for token in tokens))


packages = {line.strip().removesuffix(" (*)") for line in sys.stdin if line.strip()}
refused = sorted(package for package in packages if not allowed(package.partition("|")[2]))
for package in refused:
    print(package.replace("|", ": ") if not package.endswith("|") else f"{package[:-1]}: no licence")
print(f"{len(packages)} packages, {len(refused)} with a licence that is not allowed")
sys.exit(bool(refused))
