"""schemathesis over the served OpenAPI document: every check on, single requests and chains of them, by a seed."""

import base64
import json
import subprocess
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from gateway import clean_environment
from management import SCOPES, TOKEN, Management

# For each operation; the coverage of the schemas' edges and the chains come on top.
EXAMPLES = 60
CASES_LEAST = 2000
SECONDS_MOST = 240

# No bucket ever fails here, so none can be got ready again; and none is adopted.
NEVER_DONE = {
    "POST /v1/buckets/{bucketId}/retry",
    "POST /v1/buckets/{bucketId}/adopt",
    "GET /v1/buckets/{bucketId}/adopt",
}


@pytest.fixture(scope="module")
def gateway_settings():
    # The headers of the limit are there to be checked, and it is never reached.
    return {
        "WINDLASS_ROOT_TOKEN": TOKEN,
        "WINDLASS_PLAN_0_NAME": "enterprise",
        "WINDLASS_PLAN_0_MAX_REQUESTS_PER_MINUTE": "1000000",
    }


def file_id(bucket, key):
    return "file_" + base64.urlsafe_b64encode(f"{bucket}\0{key}".encode()).decode().rstrip("=")


def connect(management):
    """An account that works: the gateway is its own provider."""
    key = management.mint(*SCOPES)
    about = {
        "endpoint": management.endpoint,
        "accessKeyId": key.access,
        "secretAccessKey": key.secret,
    }
    account = management.done("POST", "/v1/aws-accounts", about)["id"]
    management.done("POST", f"/v1/aws-accounts/{account}/validate")
    return account


def furnish(management):
    """Makes what requests can be about; see schema_hooks.py."""
    bucket = "schema-standing"
    standing = management.make_bucket(bucket)

    def put(key):
        management.done("PUT", f"/v1/buckets/{standing}/files/{key}", data=b"some bytes")
        return key

    def share(key):
        return management.done("POST", "/v1/share", {"resource_id": file_id(bucket, key), "expires_in": 3600})["id"]

    put("kept")
    many = range(20)
    theirs = [f"schema-theirs-{n}" for n in many]
    for name in theirs:
        management.make_bucket(name)
    account = connect(management)
    values = management.done("POST", "/v1/kv", {"name": "schema"})["id"]

    def script(name):
        management.done("PUT", f"/v1/kv/{values}/scripts/{name}", {"source": "kvdb.say(1)"})
        return name

    spare = {
        "bucketId": [management.make_bucket(f"schema-spare-{n}") for n in many],
        "accountId": [management.done("POST", "/v1/aws-accounts", {})["id"] for _ in many],
        "keyId": [management.mint("files:read").id for _ in many],
        "path": [put(f"spare-{n}") for n in many],
        "fileId": [file_id(bucket, put(f"spare-file-{n}")) for n in many],
        "shareId": [share("kept") for _ in many],
        "kvId": [management.done("POST", "/v1/kv", {"name": "schema"})["id"] for _ in many],
        "name": [script(f"spare-{n}") for n in many],
    }
    logged = []
    deadline = time.monotonic() + 30
    while not logged:
        assert time.monotonic() < deadline, "no request is ever logged"
        logged = management.done("GET", "/v1/logs?method=PUT")
    there = {
        "bucketId": standing,
        "accountId": account,
        "keyId": management.mint("files:read").id,
        "path": "kept",
        "fileId": file_id(bucket, "kept"),
        "logId": logged[0]["id"],
        "kvId": values,
        "name": script("kept"),
    }
    keys = [key["id"] for key in management.done("GET", "/v1/keys?limit=100") if key["id"] not in spare["keyId"]]
    kept = {"bucketId": [standing], "keyId": keys, "accountId": [account], "kvId": [values]}
    return {
        "bucket": bucket,
        "there": there,
        "spare": spare,
        "kept": kept,
        "theirs": theirs,
        "nowhere": "http://127.0.0.1:1",
    }


def statuses(report):
    """How often each operation answered with each status."""
    seen = defaultdict(Counter)
    for line in report.read_text("utf-8").splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        for case, interaction in recorder.get("interactions", {}).items():
            asked = recorder["cases"][case]["value"]
            if interaction.get("response"):
                seen[f"{asked['method'].upper()} {asked['path']}"][interaction["response"]["status_code"]] += 1
    return seen


def run(clients, gateway, worker, things, number, folder):
    """Runs it; its report, and all it said."""
    environment = clean_environment(
        folder,
        SCHEMATHESIS_HOOKS="schema_hooks",
        PYTHONPATH=Path(__file__).parent,
        PYTHONDONTWRITEBYTECODE=1,
        WINDLASS_SCHEMA_THINGS=json.dumps(things),
    )
    command = [clients / "venv/bin/st", "--no-color", "run", f"{gateway.endpoint}/v1/openapi.json"]
    command += ["--header", f"Authorization: Bearer {worker.token}", "--checks", "all", "--continue-on-failure"]
    command += ["--seed", number, "--max-examples", EXAMPLES, "--generation-database", "none"]
    command += ["--report", "json,ndjson", "--report-json-path", folder / "run.json"]
    command += ["--report-ndjson-path", folder / "run.ndjson"]
    command = [str(word) for word in command]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, timeout=SECONDS_MOST, check=False
    )
    told = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, told[-30000:]
    return json.loads((folder / "run.json").read_text("utf-8")), told


@pytest.mark.timeout(SECONDS_MOST + 60)
def test_every_answer_is_as_the_document_says(gateway, clients, request, tmp_path):
    management = Management(gateway.endpoint)
    worker = management.mint(*SCOPES)
    number = request.config.getoption("--schema-seed")
    report, told = run(clients, gateway, worker, furnish(management), number, tmp_path)

    cases = report["test_cases"]["generated"]
    print(f"schemathesis: seed {number}, {cases} cases in {report['running_time']:.0f} s")
    assert report["complete"] and cases >= CASES_LEAST, told[-2000:]
    phases = {name: phase["status"] for name, phase in report["phases"].items()}
    assert all(phases[name] == "success" for name in ("coverage", "fuzzing", "stateful")), phases
    seen = statuses(tmp_path / "run.ndjson")
    _, document = management.call("GET", "/v1/openapi.json")
    operations = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    never = {name for name in operations if not any(200 <= status < 300 for status in seen[name])}
    assert never == NEVER_DONE, f"never once a success: {sorted(never)}\n{dict(seen)}"
    assert management.done("GET", f"/v1/keys/{worker.id}")["id"] == worker.id
