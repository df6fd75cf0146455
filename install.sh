#!/bin/sh
# Make the project's virtual environment: sh install.sh .venv (`make demo` and `make test` do it by themselves);
# or the one that `digits dataset` fetches data sets in: sh install.sh .venv-torchvision torchvision.
set -eu
venv=${1:-.venv}
kind=${2:-project}

fits() {
    "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

python=${PYTHON:-}
for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
    if [ -z "$python" ] && fits "$candidate"; then python=$candidate; fi
done
if [ -z "$python" ] || ! fits "$python"; then
    found=$("${python:-python3}" --version 2>&1 || true)
    cat >&2 <<END
Digit Batch needs Python 3.11 to 3.14, and found: $found
Install one - Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13 -
or name one: make PYTHON=/path/to/python3.13 demo
END
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    cat >&2 <<END
Digit Batch needs Python's venv module, which $("$python" --version) here lacks.
Debian, Ubuntu: apt-get install python3-venv (for a second Python, say python3.13-venv)
END
    exit 1
fi

echo "Installing into $venv with $("$python" --version), which takes some minutes"
"$python" -m venv "$venv"
if [ "$kind" = torchvision ]; then
    # torchvision, and what `digits dataset` and its tests import; not the rest of the project.
    "$venv/bin/python" -m pip install --quiet --constraint constraints-torchvision.txt \
        torchvision torch boto3 hypothesis 'moto[s3]' numpy pillow pytest rich typer
    "$venv/bin/python" -m pip install --quiet --no-deps --editable .
else
    "$venv/bin/python" -m pip install --quiet --constraint constraints.txt --editable '.[local,test]'
fi
touch "$venv/.installed"
