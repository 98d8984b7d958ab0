"""The published key-value client, kvdb.io: runs js/kvdb.mjs, whose every test must have run and passed."""

import re
import shutil
import subprocess
from pathlib import Path

from gateway import clean_environment

SUITE = Path(__file__).parent / "js" / "kvdb.mjs"


def test_suite(clients, gateway, tmp_path):
    node = shutil.which("node")
    assert node, "no node: run setup.sh"
    environment = clean_environment(
        tmp_path, CLIENTS_NODE=clients / "node", KV_URL=f"http://127.0.0.1:{gateway.port}/kv"
    )
    done = subprocess.run(
        [node, "--no-warnings", "--test", "--test-reporter=tap", str(SUITE)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )
    totals = dict(re.findall(r"^# (tests|pass) (\d+)$", done.stdout, re.MULTILINE))
    assert done.returncode == 0, done.stdout + done.stderr
    assert totals["pass"] == totals["tests"] and int(totals["tests"]) >= 6
