#!/usr/bin/env bash
# Makes the fonts of this folder from DejaVu's: the characters that figures and pictures of the screen use.
#     assets/fonts/subset.sh FOLDER_WITH_DEJAVU_TTF     (needs fontTools: pip install fonttools)
set -euo pipefail
cd "$(dirname "$0")"
latin=U+0020-007E,U+00A0-017F
greek=U+0391-03C9
marks=U+2013,U+2014,U+2018-201D,U+2022,U+2026,U+2032,U+2033,U+2070-208E
signs=U+2190-2195,U+2202,U+2206,U+220F,U+2211,U+2212,U+221A,U+221E,U+2248,U+2260,U+2264,U+2265
cells=U+2500-25FF,U+2605,U+2606,U+2713,U+2717
subset() {
    pyftsubset "$1/$2.ttf" --unicodes="$3" --output-file="$2.ttf" --layout-features= --no-hinting --desubroutinize
}
subset "$1" DejaVuSans "$latin,$greek,$marks,$signs"
subset "$1" DejaVuSansMono "$latin,$greek,$marks,$signs,$cells"
subset "$1" DejaVuSansMono-Bold "$latin,$greek,$marks,$signs,$cells"
