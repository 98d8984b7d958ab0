"""Clients over https: bodies come in the streaming forms with trailers, which they do not use over plain http."""

import base64
import io

import pytest
from minio import Minio

from aws import absent, body, boto3_client, refused
from gateway import ACCESS_KEY, SECRET_KEY, run
from samples import CHECKSUMS, MIB, md5, multipart_etag, seeded_bytes, sha256, slices, write_file
from tls_front import tls_front


@pytest.fixture(scope="module")
def front(gateway, tmp_path_factory):
    with tls_front(gateway.port, tmp_path_factory.mktemp("tls")) as front:
        yield front


@pytest.fixture(scope="module")
def secure(front):
    endpoint, authority = front
    return boto3_client(endpoint, verify=str(authority))


@pytest.mark.parametrize("size", [0, 1, 65536, 3 * MIB + 7])
def test_boto3_trailer(secure, s3, bucket, size, seed):
    data = seeded_bytes(seed, size)
    answer = secure.put_object(Bucket=bucket, Key="key", Body=data)
    assert answer["ETag"] == f'"{md5(data)}"'
    assert answer["ChecksumCRC32"]
    assert body(s3, bucket, "key") == data
    assert body(secure, bucket, "key") == data
    assert "ContentEncoding" not in s3.head_object(Bucket=bucket, Key="key")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_boto3_trailer_of_each_algorithm(secure, s3, bucket, algorithm):
    secure.put_object(Bucket=bucket, Key="key", Body=io.BytesIO(b"content"), ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == base64.b64encode(CHECKSUMS[algorithm](b"content")).decode()


@pytest.mark.parametrize("encoding", ["gzip", "gzip, x-other"])
def test_the_own_content_encoding_stays(secure, s3, bucket, encoding):
    secure.put_object(Bucket=bucket, Key="key", Body=b"x", ContentEncoding=encoding)
    kept = s3.head_object(Bucket=bucket, Key="key")["ContentEncoding"]
    assert [word.strip() for word in kept.split(",")] == [word.strip() for word in encoding.split(",")]


def test_boto3_wrong_md5_before_a_trailer(secure, s3, bucket):
    with refused("BadDigest", 400):
        secure.put_object(Bucket=bucket, Key="key", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    absent(s3, bucket, "key")


def test_boto3_multipart_file(secure, s3, bucket, tmp_path, seed):
    data = write_file(tmp_path / "file", seed, 20 * MIB)
    secure.upload_file(str(tmp_path / "file"), bucket, "key")
    assert s3.head_object(Bucket=bucket, Key="key")["ETag"] == multipart_etag(slices(data, 8 * MIB))
    assert sha256(body(secure, bucket, "key")) == sha256(data)


def test_awscli(front, clients, aws_environment, s3, bucket, tmp_path, seed):
    endpoint, authority = front
    environment = {**aws_environment, "AWS_ENDPOINT_URL": endpoint, "AWS_CA_BUNDLE": str(authority)}
    for size in (0, 100, 20 * MIB):
        data = write_file(tmp_path / "up", f"{seed}/{size}", size)
        aws = [clients / "venv/bin/aws", "s3", "cp"]
        run([*aws, tmp_path / "up", f"s3://{bucket}/key"], environment)
        run([*aws, f"s3://{bucket}/key", tmp_path / "down"], environment)
        assert sha256((tmp_path / "down").read_bytes()) == sha256(data)
        assert "ContentEncoding" not in s3.head_object(Bucket=bucket, Key="key")


def test_rclone(front, clients, aws_environment, s3, bucket, tmp_path, seed):
    endpoint, authority = front
    remote = f":s3,provider=Other,env_auth,endpoint='{endpoint}':{bucket}"
    for size in (0, 100, 20 * MIB):
        data = write_file(tmp_path / "file", f"{seed}/{size}", size)
        rclone = [clients / "venv/bin/rclone", "--config", "", "--ca-cert", authority]
        run([*rclone, "copyto", tmp_path / "file", f"{remote}/key"], aws_environment)
        assert sha256(run([*rclone, "cat", f"{remote}/key"], aws_environment)) == sha256(data)
        assert "ContentEncoding" not in s3.head_object(Bucket=bucket, Key="key")


def test_minio(front, bucket, tmp_path, seed, monkeypatch):
    endpoint, authority = front
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    client = Minio(endpoint.removeprefix("https://"), access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    data = write_file(tmp_path / "up", seed, 11 * MIB)
    client.fput_object(bucket, "key", str(tmp_path / "up"))
    client.fget_object(bucket, "key", str(tmp_path / "down"))
    assert sha256((tmp_path / "down").read_bytes()) == sha256(data)
