#!/bin/sh
# Opens rowmill's desk; sets it up first, once. uv beside this file finds Python or fetches it:
# write the address of a mirror into mirror.txt, or into ROWMILL_PYTHON_MIRROR, where it is slow.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
python=$(cat python.txt)
if [ -z "${ROWMILL_PYTHON_MIRROR:-}" ] && [ -s mirror.txt ]; then
    ROWMILL_PYTHON_MIRROR=$(head -n 1 mirror.txt | tr -d '\r')
fi
if [ -n "${ROWMILL_PYTHON_MIRROR:-}" ]; then
    export UV_PYTHON_INSTALL_MIRROR="$ROWMILL_PYTHON_MIRROR"
fi
export UV_PYTHON_INSTALL_DIR="$here/python" UV_CACHE_DIR="$here/cache" UV_NO_CONFIG=1
[ -x uv ] || chmod +x uv
if ! ./uv python find --quiet "$python" >/dev/null 2>&1; then
    echo "Fetching Python $python, once … / 正在下载 Python $python，只需一次……"
    if ! ./uv python install --quiet "$python"; then
        echo "Python could not be fetched. Write the address of a mirror into mirror.txt, and start again."
        echo "无法下载 Python。请把镜像地址写入 mirror.txt，然后重新启动。"
        exit 1
    fi
fi
exec ./uv run --quiet --no-project --python "$python" set_up.py "$@"
