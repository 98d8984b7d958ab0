"""boto3: the bucket in the host name."""

import socket

import pytest
from botocore.config import Config

from aws import body, boto3_client, put, refused, start_upload
from gateway import fetch
from samples import ODD_KEYS


@pytest.fixture(scope="module")
def gateway_settings():
    return {"WINDLASS_S3_BASE_DOMAIN": "localhost"}


@pytest.fixture(scope="module")
def hosted(gateway):
    return boto3_client(f"http://localhost:{gateway.port}", config=Config(s3={"addressing_style": "virtual"}))


@pytest.fixture(autouse=True)
def names_under_localhost_are_loopback(monkeypatch):
    """Not every resolver knows RFC 6761."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host, *args, **options):
        return resolve("127.0.0.1" if str(host).endswith("localhost") else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_url_has_the_bucket_in_its_host(gateway, hosted, s3, bucket):
    put(s3, bucket, "key")
    url = hosted.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "key"})
    assert url.startswith(f"http://{bucket}.localhost:{gateway.port}/key?")
    assert fetch(url)[::2] == (200, b"x")


def test_bucket_life(hosted, bucket_name):
    hosted.create_bucket(Bucket=bucket_name)
    hosted.head_bucket(Bucket=bucket_name)
    assert hosted.get_bucket_location(Bucket=bucket_name)["LocationConstraint"] is None
    assert bucket_name in [entry["Name"] for entry in hosted.list_buckets()["Buckets"]]
    hosted.delete_bucket(Bucket=bucket_name)
    with refused("NoSuchBucket", 404):
        hosted.list_objects_v2(Bucket=bucket_name)


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS.keys())
def test_odd_key_is_the_same_in_both_styles(hosted, s3, bucket, key):
    put(hosted, bucket, key, data=b"hosted")
    assert body(s3, bucket, key) == b"hosted"
    put(s3, bucket, key, data=b"path")
    assert body(hosted, bucket, key) == b"path"
    assert [entry["Key"] for entry in hosted.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    hosted.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    hosted.delete_object(Bucket=bucket, Key=key)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["copy"]


@pytest.mark.parametrize("key", ["v1/keys", "-/health", "health", "kv/a", "api/v1/x"])
def test_path_of_another_door_is_a_plain_key(hosted, bucket, key):
    put(hosted, bucket, key, data=b"mine")
    assert body(hosted, bucket, key) == b"mine"


def test_bucket_with_dots(hosted):
    hosted.create_bucket(Bucket="dotted.bucket.name")
    put(hosted, "dotted.bucket.name", "key")
    assert body(hosted, "dotted.bucket.name", "key") == b"x"


def test_multipart(hosted, s3, bucket):
    upload = start_upload(hosted, bucket, "key")
    [listed] = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert (listed["Key"], listed["UploadId"]) == ("key", upload)
