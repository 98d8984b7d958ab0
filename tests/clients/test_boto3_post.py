"""boto3: forms that browsers upload with, signed with V2 as boto3 does by default here, and with V4."""

import re
import time

import pytest
from botocore.config import Config
from urllib3.filepost import encode_multipart_formdata

from aws import absent, body, boto3_client
from gateway import fetch
from samples import MIB, ODD_KEYS, md5, seeded_bytes


@pytest.fixture(scope="module", params=["v2", "v4"])
def version(request):
    return request.param


@pytest.fixture(scope="module")
def signer(gateway, version):
    if version == "v2":
        return boto3_client(gateway.endpoint)
    return boto3_client(gateway.endpoint, config=Config(signature_version="s3v4"))


def send(post, data, name="file.bin", more=None):
    """What a browser sends for the form: its fields in order, and the file behind them."""
    fields = [*post["fields"].items(), *(more or {}).items(), ("file", (name, data))]
    form, content_type = encode_multipart_formdata(fields)
    return fetch(post["url"], "POST", form, {"Content-Type": content_type})


def code(answer):
    status, _, xml = answer
    found = re.search(rb"<Code>(\w+)</Code>", xml)
    return status, found and found.group(1).decode()


def test_which_signature_boto3_makes(signer, version):
    fields = signer.generate_presigned_post("bucket", "key")["fields"]
    assert ("x-amz-signature" in fields) == (version == "v4")
    assert ("AWSAccessKeyId" in fields) == (version == "v2")


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS.keys())
def test_upload(signer, s3, bucket, key, seed):
    data = seeded_bytes(seed, 10_000)
    status, headers, got = send(signer.generate_presigned_post(bucket, key), data)
    assert (status, got) == (204, b"")
    assert headers["ETag"] == f'"{md5(data)}"'
    assert body(s3, bucket, key) == data


@pytest.mark.own_bucket("a form for a linked bucket may bring 8 MiB at most")
def test_large_upload(signer, s3, bucket, seed):
    data = seeded_bytes(seed, 20 * MIB)
    assert send(signer.generate_presigned_post(bucket, "key"), data)[0] == 204
    assert s3.head_object(Bucket=bucket, Key="key")["ETag"] == f'"{md5(data)}"'


def test_name_of_the_file(signer, s3, bucket):
    post = signer.generate_presigned_post(bucket, "up/${filename}")
    assert send(post, b"x", name="photo 1.png")[0] == 204
    assert body(s3, bucket, "up/photo 1.png") == b"x"


def test_fields_and_conditions(signer, s3, bucket):
    post = signer.generate_presigned_post(
        bucket,
        "key",
        Fields={"acl": "private", "Content-Type": "text/x-own", "success_action_status": "201"},
        Conditions=[
            {"acl": "private"},
            ["starts-with", "$Content-Type", "text/"],
            {"success_action_status": "201"},
            ["starts-with", "$x-amz-meta-name", ""],
            ["content-length-range", 2, 4],
        ],
    )
    meta = {"x-amz-meta-name": "value"}
    assert code(send(post, b"1", more=meta)) == (400, "EntityTooSmall")
    assert code(send(post, b"12345", more=meta)) == (400, "EntityTooLarge")
    assert code(send(post, b"123")) == (403, "AccessDenied")
    assert code(send(post, b"123", more={**meta, "x-amz-meta-other": "x"})) == (403, "AccessDenied")
    assert code(send({**post, "fields": {**post["fields"], "key": "other"}}, b"123", more=meta)) == (403, "AccessDenied")
    absent(s3, bucket, "key")
    status, _, xml = send(post, b"123", more=meta)
    assert status == 201 and b"<Key>key</Key>" in xml and f"<Bucket>{bucket}</Bucket>".encode() in xml
    head = s3.head_object(Bucket=bucket, Key="key")
    assert (head["ContentType"], head["Metadata"]) == ("text/x-own", {"name": "value"})


def test_redirect(signer, bucket):
    to = {"success_action_redirect": "https://app.example/done?step=2"}
    post = signer.generate_presigned_post(bucket, "dir/key", Fields=to, Conditions=[to])
    status, headers, _ = send(post, b"x")
    assert status == 303
    etag = f"%22{md5(b'x')}%22"
    assert headers["Location"] == f"{to['success_action_redirect']}&bucket={bucket}&key=dir%2Fkey&etag={etag}"


def test_changed_or_expired_form_is_refused(signer, s3, bucket):
    post = signer.generate_presigned_post(bucket, "key", ExpiresIn=1)
    changed = {name: value[:-4] + "AAAA" if name == "policy" else value for name, value in post["fields"].items()}
    assert code(send({**post, "fields": changed}, b"x")) == (403, "SignatureDoesNotMatch")
    deadline = time.monotonic() + 10
    while (answer := send(post, b"x"))[0] == 204:
        assert time.monotonic() < deadline, "the form never expired"
    assert code(answer) == (403, "AccessDenied")
