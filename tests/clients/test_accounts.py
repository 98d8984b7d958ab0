"""Connected accounts of a provider that is not ours: moto, with a Security Token Service for real."""

import socket
import subprocess
import time

import boto3
import pytest

from gateway import Gateway, clean_environment, fetch
from management import TOKEN, Management

START_SECONDS = 60
ROLE = "arn:aws:iam::123456789012:role/windlass"


@pytest.fixture(scope="module")
def moto(clients, tmp_path_factory):
    """The address of a moto server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [clients / "venv/bin/moto_server", "--host", "127.0.0.1", "--port", str(port)]
    home = tmp_path_factory.mktemp("moto")
    with (home / "moto.log").open("wb") as log:
        process = subprocess.Popen(command, env=clean_environment(home), stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (home / "moto.log").read_text("utf-8")
            try:
                fetch(f"{address}/moto-api/")
                break
            except OSError:
                time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def there(moto):
    """The provider, asked directly."""
    keys = {"aws_access_key_id": "theirs", "aws_secret_access_key": "their-secret", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=moto, **keys)


@pytest.fixture(scope="module")
def management(request, moto, tmp_path_factory):
    """A gateway that may assume roles at the provider."""
    settings = {
        "WINDLASS_ROOT_TOKEN": TOKEN,
        "WINDLASS_UPSTREAM_ACCESS_KEY": "GATEWAY-ID",
        "WINDLASS_UPSTREAM_SECRET_KEY": "gateway-secret",
        "WINDLASS_UPSTREAM_STS_ENDPOINT": moto,
    }
    gateway = Gateway(request.config.getoption("--binary"), tmp_path_factory.mktemp("accounts"), **settings)
    gateway.start()
    yield Management(gateway.endpoint)
    gateway.stop()


def connected(management, about, role=None):
    """The path of an account that works."""
    path = "/v1/aws-accounts/" + management.done("POST", "/v1/aws-accounts", about)["id"]
    if role:
        management.done("PATCH", path, {"roleArn": role})
    management.done("POST", f"{path}/validate")
    assert management.done("GET", path)["status"] == "active"
    return path


def test_a_role_is_assumed_and_what_it_reaches_is_imported_and_used(management, moto, there):
    there.create_bucket(Bucket="role-one")
    there.create_bucket(Bucket="role-two", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    cors = {"CORSRules": [{"AllowedOrigins": ["https://a.test"], "AllowedMethods": ["GET"]}]}
    there.put_bucket_cors(Bucket="role-one", CORSConfiguration=cors)
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    there.put_bucket_lifecycle_configuration(Bucket="role-one", LifecycleConfiguration={"Rules": [rule]})
    account = connected(management, {"endpoint": moto}, ROLE)
    assert management.done("GET", account)["awsAccountId"] == "123456789012"

    made = management.done("POST", f"{account}/import", {"bucketNames": ["role-one", "role-two"]})
    one, two = (management.done("GET", f"/v1/buckets/{bucket['id']}") for bucket in made)
    assert (one["region"], one["corsOrigins"], one["lifecycleTtlDays"]) == ("us-east-1", ["https://a.test"], 9)
    assert (two["region"], two["corsOrigins"], two["lifecycleTtlDays"]) == ("eu-west-1", [], None)

    files = f"/v1/buckets/{one['id']}/files"
    management.done("PUT", f"{files}/x/y%2F%2Fz", data=b"hello", headers={"Content-Type": "text/plain"})
    assert there.get_object(Bucket="role-one", Key="x/y//z")["Body"].read() == b"hello"
    assert [file["key"] for file in management.done("GET", files)] == ["x/y//z"]


def test_settings_that_are_managed_here_are_put_there(management, moto, there):
    there.create_bucket(Bucket="managed")
    about = {"endpoint": moto, "accessKeyId": "AKID", "secretAccessKey": "not-so-secret"}
    account = connected(management, about)
    bucket = "/v1/buckets/" + management.done("POST", f"{account}/import", {"bucketNames": ["managed"]})[0]["id"]
    status, refused = management.call("PATCH", bucket, {"lifecycleTtlDays": 3})
    assert status == 403 and "Enable lifecycle management first" in refused["error"]["message"]
    managed = {"managedSettings": {"cors": True, "lifecycle": True}}
    management.done("PATCH", bucket, {**managed, "corsOrigins": ["https://b.test"], "lifecycleTtlDays": 3})
    assert there.get_bucket_cors(Bucket="managed")["CORSRules"][0]["AllowedOrigins"] == ["https://b.test"]
    rules = there.get_bucket_lifecycle_configuration(Bucket="managed")["Rules"]
    assert [rule["Expiration"] for rule in rules] == [{"Days": 3}]
    management.done("PATCH", bucket, {"corsOrigins": [], "lifecycleTtlDays": None})
    with pytest.raises(there.exceptions.ClientError, match="NoSuchCORSConfiguration"):
        there.get_bucket_cors(Bucket="managed")
    with pytest.raises(there.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        there.get_bucket_lifecycle_configuration(Bucket="managed")


def test_a_bucket_is_made_where_it_was_said(management, moto, there):
    account = connected(management, {"endpoint": moto}, ROLE).rsplit("/", 1)[-1]
    about = {"name": "Made", "s3Name": "made-there", "awsAccountId": account, "region": "eu-west-1"}
    made = management.done("POST", "/v1/buckets", about)
    assert there.get_bucket_location(Bucket="made-there")["LocationConstraint"] == "eu-west-1"
    management.done("DELETE", f"/v1/buckets/{made['id']}")
    there.head_bucket(Bucket="made-there")
