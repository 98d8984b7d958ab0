"""Adoption of a linked bucket: tools that sync find afterwards that nothing has changed."""

import json
import time

import pytest

from aws import boto3_client
from gateway import ACCESS_KEY, REGION, SECRET_KEY, Gateway, clean_environment, run
from management import TOKEN, Management
from samples import write_tree

ADOPTED_SECONDS = 60


@pytest.fixture(scope="module")
def upstream(binary, tmp_path_factory):
    upstream = Gateway(binary, tmp_path_factory.mktemp("upstream")).start()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def gateway_settings():
    return {"WINDLASS_ROOT_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def adopt(upstream, gateway):
    """Links the bucket of that name, adopts it, and waits until it is done."""
    management = Management(gateway.endpoint)
    credentials = {"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY, "region": REGION, "forcePathStyle": True}
    account = management.done("POST", "/v1/aws-accounts", {"endpoint": upstream.endpoint, **credentials})["id"]
    management.done("POST", f"/v1/aws-accounts/{account}/validate")

    def adopt(name):
        (linked,) = management.done("POST", f"/v1/aws-accounts/{account}/import", {"bucketNames": [name]})
        path = f"/v1/buckets/{linked['id']}/adopt"
        management.done("POST", path)
        deadline = time.monotonic() + ADOPTED_SECONDS
        while (told := management.done("GET", path))["status"] != "done":
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
        assert told["objectsUnverified"] == 0, told

    return adopt


@pytest.fixture
def source(tmp_path, seed):
    return write_tree(tmp_path / "source", seed)


def test_aws_sync(clients, upstream, gateway, adopt, source, tmp_path):
    def sync(to):
        environment = clean_environment(
            tmp_path,
            AWS_ACCESS_KEY_ID=ACCESS_KEY,
            AWS_SECRET_ACCESS_KEY=SECRET_KEY,
            AWS_DEFAULT_REGION=REGION,
            AWS_ENDPOINT_URL=to.endpoint,
        )
        return run([clients / "venv/bin/aws", "s3", "sync", "--no-progress", source, "s3://synced"], environment).decode()

    boto3_client(upstream.endpoint).create_bucket(Bucket="synced")
    assert "upload: " in sync(upstream)
    adopt("synced")
    assert sync(gateway) == ""


def test_rclone_sync(clients, upstream, gateway, adopt, source, tmp_path):
    def rclone(to, *words):
        environment = clean_environment(
            tmp_path,
            RCLONE_CONFIG_W_TYPE="s3",
            RCLONE_CONFIG_W_PROVIDER="Other",
            RCLONE_CONFIG_W_ENDPOINT=to.endpoint,
            RCLONE_CONFIG_W_REGION=REGION,
            RCLONE_CONFIG_W_ACCESS_KEY_ID=ACCESS_KEY,
            RCLONE_CONFIG_W_SECRET_ACCESS_KEY=SECRET_KEY,
        )
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        run([clients / "venv/bin/rclone", *words, "-v", "--use-json-log", "--log-file", log], environment, seconds=280)
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        return [entry["object"] for entry in entries if entry.get("object")]

    boto3_client(upstream.endpoint).create_bucket(Bucket="cloned")
    assert rclone(upstream, "sync", source, "w:cloned") != []
    adopt("cloned")
    assert rclone(gateway, "sync", source, "w:cloned") == []
    rclone(gateway, "check", "--download", source, "w:cloned")
