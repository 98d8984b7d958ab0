"""Clients over the gateway's own TLS."""

import pytest
import trustme
import urllib3
from botocore.config import Config
from minio import Minio

from aws import absent, body, boto3_client
from gateway import ACCESS_KEY, SECRET_KEY, run
from samples import MIB, md5, multipart_etag, seeded_bytes, sha256, slices, write_file


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An authority, the file of its certificate, and a pair for the gateway."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    pair = authority.issue_cert("127.0.0.1", "localhost")
    for number, certificate in enumerate(pair.cert_chain_pems):
        certificate.write_to_path(str(folder / "cert.pem"), append=number > 0)
    (folder / "key.pem").touch(mode=0o600)
    pair.private_key_pem.write_to_path(str(folder / "key.pem"))
    return folder


@pytest.fixture(scope="module")
def gateway_settings(authority):
    return {"WINDLASS_TLS_CERT_FILE": authority / "cert.pem", "WINDLASS_TLS_KEY_FILE": authority / "key.pem"}


@pytest.fixture(scope="module")
def s3(gateway, authority):
    return boto3_client(gateway.endpoint, verify=str(authority / "authority.pem"))


@pytest.mark.parametrize("size", [0, 1, 65536, 3 * MIB + 7])
def test_boto3(s3, bucket, size, seed):
    data = seeded_bytes(seed, size)
    answer = s3.put_object(Bucket=bucket, Key="key", Body=data)
    assert answer["ETag"] == f'"{md5(data)}"'
    assert body(s3, bucket, "key") == data
    s3.delete_object(Bucket=bucket, Key="key")
    absent(s3, bucket, "key")


def test_boto3_multipart_file(s3, bucket, tmp_path, seed):
    data = write_file(tmp_path / "file", seed, 20 * MIB)
    s3.upload_file(str(tmp_path / "file"), bucket, "key")
    assert s3.head_object(Bucket=bucket, Key="key")["ETag"] == multipart_etag(slices(data, 8 * MIB))
    assert sha256(body(s3, bucket, "key")) == sha256(data)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_boto3_presigned(gateway, authority, s3, bucket, version):
    s3.put_object(Bucket=bucket, Key="a b", Body=b"content")
    url = boto3_client(gateway.endpoint, config=Config(signature_version=version)).generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "a b"}
    )
    assert url.startswith("https://")
    answer = urllib3.PoolManager(ca_certs=str(authority / "authority.pem")).request("GET", url)
    assert (answer.status, answer.data) == (200, b"content")


def test_awscli(gateway, authority, clients, aws_environment, s3, bucket, tmp_path, seed):
    environment = {**aws_environment, "AWS_CA_BUNDLE": str(authority / "authority.pem")}
    for size in (0, 100, 20 * MIB):
        data = write_file(tmp_path / "up", f"{seed}/{size}", size)
        aws = [clients / "venv/bin/aws", "s3", "cp"]
        run([*aws, tmp_path / "up", f"s3://{bucket}/key"], environment)
        run([*aws, f"s3://{bucket}/key", tmp_path / "down"], environment)
        assert sha256((tmp_path / "down").read_bytes()) == sha256(data)


def test_rclone_over_http2(gateway, authority, clients, aws_environment, bucket, tmp_path, seed):
    """rclone is a Go program, and those agree on HTTP/2 where they can."""
    remote = f":s3,provider=Other,env_auth,endpoint='{gateway.endpoint}':{bucket}"
    for size in (0, 100, 20 * MIB):
        data = write_file(tmp_path / "file", f"{seed}/{size}", size)
        rclone = [clients / "venv/bin/rclone", "--config", "", "--ca-cert", authority / "authority.pem"]
        run([*rclone, "copyto", tmp_path / "file", f"{remote}/key"], aws_environment)
        assert sha256(run([*rclone, "cat", f"{remote}/key"], aws_environment)) == sha256(data)


def test_minio(gateway, authority, bucket, tmp_path, seed, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "authority.pem"))
    client = Minio(gateway.host, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    data = write_file(tmp_path / "up", seed, 11 * MIB)
    client.fput_object(bucket, "key", str(tmp_path / "up"))
    client.fget_object(bucket, "key", str(tmp_path / "down"))
    assert sha256((tmp_path / "down").read_bytes()) == sha256(data)
