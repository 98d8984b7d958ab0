"""Keys minted over /v1, in the hands of boto3 and rclone: good at once, and refused on the very next request once revoked."""

import pytest
from botocore.config import Config

from aws import boto3_client, body, refused
from gateway import REGION, clean_environment, fetch, run
from management import TOKEN, Management

FILES = ("files:read", "files:write", "files:delete", "buckets:read")


@pytest.fixture(scope="module")
def gateway_settings():
    return {"WINDLASS_ROOT_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def management(gateway):
    return Management(gateway.endpoint)


@pytest.fixture
def made(management, bucket_name):
    """A bucket by name and identifier."""
    return bucket_name, management.make_bucket(bucket_name)


@pytest.fixture(params=["pair", "token"])
def credentials(request):
    """What of a key is given to a client: its access key id and secret, or its token as both."""

    def of(key):
        return (key.access, key.secret) if request.param == "pair" else (key.token, key.token)

    return of


def client(gateway, access, secret):
    # A refusal that is tried again would not be the very next request.
    once = Config(retries={"max_attempts": 1})
    return boto3_client(gateway.endpoint, access, secret, config=once)


@pytest.fixture
def rclone(clients, gateway, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")

    def call(access, secret, *words, **options):
        environment = clean_environment(
            home,
            RCLONE_CONFIG_W_TYPE="s3",
            RCLONE_CONFIG_W_PROVIDER="Other",
            RCLONE_CONFIG_W_ENDPOINT=gateway.endpoint,
            RCLONE_CONFIG_W_REGION=REGION,
            RCLONE_CONFIG_W_ACCESS_KEY_ID=access,
            RCLONE_CONFIG_W_SECRET_ACCESS_KEY=secret,
        )
        command = [clients / "venv/bin/rclone", "--retries", "1", "--low-level-retries", "1", *words]
        output = run(command, environment, **options)
        return output if isinstance(output, str) else output.decode()

    return call


def test_boto3_until_the_key_is_revoked(gateway, management, made, credentials):
    bucket, _ = made
    key = management.mint(*FILES)
    s3 = client(gateway, *credentials(key))
    s3.put_object(Bucket=bucket, Key="k", Body=b"minted")
    assert body(s3, bucket, "k") == b"minted"
    management.revoke(key)
    with refused("InvalidAccessKeyId", 403):
        s3.get_object(Bucket=bucket, Key="k")
    with refused("InvalidAccessKeyId", 403):
        s3.put_object(Bucket=bucket, Key="k", Body=b"revoked")
    with refused("InvalidAccessKeyId", 403):
        s3.list_buckets()
    status, answer = Management(gateway.endpoint, key.token).call("GET", "/v1/billing/usage")
    assert (status, answer["error"]["message"]) == (401, "Invalid API key")
    assert body(client(gateway, *credentials(management.mint(*FILES))), bucket, "k") == b"minted"


def test_boto3_in_the_middle_of_an_upload(gateway, management, made, credentials):
    bucket, _ = made
    key = management.mint(*FILES)
    s3 = client(gateway, *credentials(key))
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = {"Bucket": bucket, "Key": "k", "UploadId": upload, "PartNumber": 1}
    etag = s3.upload_part(**part, Body=b"a part")["ETag"]
    management.revoke(key)
    with refused("InvalidAccessKeyId", 403):
        s3.upload_part(**part, Body=b"another")
    with refused("InvalidAccessKeyId", 403):
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts)


def test_a_presigned_url_ends_with_its_key(gateway, management, made):
    bucket, _ = made
    key = management.mint(*FILES)
    s3 = client(gateway, key.access, key.secret)
    s3.put_object(Bucket=bucket, Key="k", Body=b"linked")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=300)
    status, _, linked = fetch(url)
    assert (status, linked) == (200, b"linked")
    management.revoke(key)
    status, _, told = fetch(url)
    assert status == 403 and b"<Code>InvalidAccessKeyId</Code>" in told, told


def test_rclone_until_the_key_is_revoked(rclone, management, made, credentials, tmp_path):
    bucket, _ = made
    # Before it uploads rclone makes sure that there is a bucket, by making it.
    key = management.mint(*FILES, "buckets:write")
    source = tmp_path / "file"
    source.write_bytes(b"minted" * 1000)
    rclone(*credentials(key), "copyto", source, f"w:{bucket}/dir/file")
    assert rclone(*credentials(key), "cat", f"w:{bucket}/dir/file") == "minted" * 1000
    assert rclone(*credentials(key), "lsf", "-R", "--files-only", f"w:{bucket}") == "dir/file\n"
    management.revoke(key)
    told = rclone(*credentials(key), "lsf", f"w:{bucket}", fails=True)
    assert "InvalidAccessKeyId" in told, told
    told = rclone(*credentials(key), "copyto", source, f"w:{bucket}/again", fails=True)
    assert "InvalidAccessKeyId" in told or "403" in told, told


def test_a_key_does_what_its_scopes_say(gateway, management, made, credentials):
    bucket, _ = made
    client(gateway, *credentials(management.mint(*FILES))).put_object(Bucket=bucket, Key="k", Body=b"x")
    reader = client(gateway, *credentials(management.mint("files:read")))
    assert body(reader, bucket, "k") == b"x"
    for refuse in (
        lambda: reader.put_object(Bucket=bucket, Key="k", Body=b"y"),
        lambda: reader.delete_object(Bucket=bucket, Key="k"),
        lambda: reader.list_buckets(),
        lambda: reader.create_bucket(Bucket=f"{bucket}-more"),
    ):
        with refused("AccessDenied", 403):
            refuse()


def test_a_key_for_one_bucket_finds_no_other(gateway, management, made, rclone, credentials):
    bucket, identifier = made
    other = f"{bucket}-other"
    hidden = management.make_bucket(other)
    key = management.mint(*FILES, bucketIds=[identifier])
    s3 = client(gateway, *credentials(key))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert [entry["Name"] for entry in s3.list_buckets()["Buckets"]] == [bucket]
    with refused("NoSuchBucket", 404):
        s3.put_object(Bucket=other, Key="k", Body=b"x")
    with refused("NoSuchBucket", 404):
        s3.list_objects_v2(Bucket=other)
    with refused("404", 404):
        s3.head_bucket(Bucket=other)
    assert "directory not found" in rclone(*credentials(key), "lsf", f"w:{other}", fails=True)
    scoped = Management(gateway.endpoint, key.token)
    status, answer = scoped.call("GET", f"/v1/buckets/{hidden}/files")
    assert (status, answer["error"]["message"]) == (404, "Bucket not found")
    assert scoped.done("GET", f"/v1/buckets/{identifier}/files")[0]["key"] == "k"
