"""The AWS SDK for JavaScript v3: runs js/suite.mjs, whose every test must have run and passed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SUITE = Path(__file__).parent / "js" / "suite.mjs"


@pytest.fixture(scope="module")
def gateway_settings():
    return {"WINDLASS_S3_BASE_DOMAIN": "localhost"}


def test_suite(clients, gateway, aws_environment, seed, capsys):
    node = shutil.which("node")
    assert node, "no node: run setup.sh"
    environment = {
        **aws_environment,
        "CLIENTS_NODE": str(clients / "node"),
        "HOSTED_PORT": str(gateway.port),
        "SEED": seed,
    }
    done = subprocess.run(
        [node, "--no-warnings", "--test", "--test-reporter=tap", str(SUITE)],
        env=environment, capture_output=True, text=True, timeout=280, check=False,
    )
    totals = dict(re.findall(r"^# (tests|pass|fail|skipped|cancelled|todo) (\d+)$", done.stdout, re.MULTILINE))
    with capsys.disabled():
        print(f"\n  JavaScript suite: {totals}")
    failures = re.findall(r"^ *not ok .*(?:\n(?! *(?:not )?ok |# ).*)*", done.stdout, re.MULTILINE)
    assert done.returncode == 0, "\n".join(failures) or done.stdout + done.stderr
    assert totals["pass"] == totals["tests"] and int(totals["tests"]) >= 16
