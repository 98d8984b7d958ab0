"""boto3: presigned URLs, by its default (Signature V2 on a custom endpoint) and by Signature V4."""

import re
import time

import pytest
from botocore.config import Config

from aws import absent, boto3_client, body, put
from gateway import fetch
from samples import ODD_KEYS, seeded_bytes


@pytest.fixture(scope="module", params=["v2", "v4"])
def version(request):
    return request.param


@pytest.fixture(scope="module")
def signer(gateway, version):
    if version == "v2":
        return boto3_client(gateway.endpoint)
    return boto3_client(gateway.endpoint, config=Config(signature_version="s3v4"))


def code(answer):
    """Status and literal code of an error."""
    status, _, xml = answer
    found = re.search(rb"<Code>(\w+)</Code>", xml)
    return status, found and found.group(1).decode()


def url_of(signer, method, bucket, key, expires=300, **parameters):
    parameters = {"Bucket": bucket, "Key": key, **parameters}
    return signer.generate_presigned_url(method, Params=parameters, ExpiresIn=expires)


def test_which_signature_boto3_makes(signer, version):
    url = url_of(signer, "get_object", "bucket", "key")
    assert ("X-Amz-Signature=" in url) == (version == "v4")
    assert ("AWSAccessKeyId=" in url) == (version == "v2")


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS.keys())
def test_put_then_get(signer, bucket, key, seed):
    data = seeded_bytes(seed, 10_000)
    status, headers, _ = fetch(url_of(signer, "put_object", bucket, key), "PUT", data)
    assert status == 200
    status, got_headers, got = fetch(url_of(signer, "get_object", bucket, key))
    assert (status, got) == (200, data)
    assert got_headers["ETag"] == headers["ETag"]


def test_head_and_delete(s3, signer, bucket):
    put(s3, bucket, "key", data=b"12345")
    status, headers, got = fetch(url_of(signer, "head_object", bucket, "key"), "HEAD")
    assert (status, headers["Content-Length"], got) == (200, "5", b"")
    assert fetch(url_of(signer, "delete_object", bucket, "key"), "DELETE")[0] == 204
    absent(s3, bucket, "key")


def test_list(s3, signer, bucket):
    put(s3, bucket, "a+b")
    url = signer.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket, "Prefix": "a+"})
    status, _, xml = fetch(url)
    assert status == 200 and re.search(rb"<Key>a(%2B|\+)b</Key>", xml)


def test_range_and_overrides(s3, signer, bucket):
    put(s3, bucket, "key", data=b"0123456789")
    overrides = {"ResponseContentType": "text/x-other", "ResponseContentDisposition": "attachment; filename=\"a+b\""}
    url = url_of(signer, "get_object", bucket, "key", **overrides)
    status, headers, got = fetch(url, headers={"Range": "bytes=2-4"})
    assert (status, got) == (206, b"234")
    assert headers["Content-Type"] == "text/x-other"
    assert headers["Content-Disposition"] == 'attachment; filename="a+b"'


def test_signed_headers_must_be_sent_as_signed(s3, signer, bucket):
    url = url_of(signer, "put_object", bucket, "key", ContentType="text/x-signed", Metadata={"a": "1"})
    signed = {"Content-Type": "text/x-signed", "x-amz-meta-a": "1"}
    assert code(fetch(url, "PUT", b"x", {**signed, "Content-Type": "text/x-other"})) == (403, "SignatureDoesNotMatch")
    absent(s3, bucket, "key")
    assert fetch(url, "PUT", b"x", signed)[0] == 200
    head = s3.head_object(Bucket=bucket, Key="key")
    assert (head["ContentType"], head["Metadata"]) == ("text/x-signed", {"a": "1"})


def test_changed_url_is_refused(s3, signer, bucket):
    put(s3, bucket, "key", "other")
    url = url_of(signer, "get_object", bucket, "key")
    assert code(fetch(url.replace("/key?", "/other?"))) == (403, "SignatureDoesNotMatch")
    assert code(fetch(url, "DELETE")) == (403, "SignatureDoesNotMatch")
    assert body(s3, bucket, "key") == b"x"


def test_missing_key_is_told(signer, bucket):
    assert code(fetch(url_of(signer, "get_object", bucket, "missing"))) == (404, "NoSuchKey")


def test_expired_url_is_refused(s3, signer, bucket):
    put(s3, bucket, "key")
    url = url_of(signer, "get_object", bucket, "key", expires=1)
    deadline = time.monotonic() + 10
    while (answer := fetch(url))[0] == 200:
        assert time.monotonic() < deadline, "the URL never expired"
    assert code(answer) == (403, "AccessDenied")


def test_v4_lives_at_most_a_week(gateway, s3, bucket):
    put(s3, bucket, "key")
    signer = boto3_client(gateway.endpoint, config=Config(signature_version="s3v4"))
    assert fetch(url_of(signer, "get_object", bucket, "key", expires=604800))[0] == 200
    status, told = code(fetch(url_of(signer, "get_object", bucket, "key", expires=604801)))
    assert status in (400, 403) and told == "AuthorizationQueryParametersError"


def test_v4_refuses_amz_headers_that_were_not_signed(gateway, s3, bucket):
    put(s3, bucket, "secret", data=b"secret")
    signer = boto3_client(gateway.endpoint, config=Config(signature_version="s3v4"))
    url = url_of(signer, "put_object", bucket, "key")
    answer = fetch(url, "PUT", b"", {"x-amz-copy-source": f"{bucket}/secret"})
    assert code(answer) == (403, "AccessDenied")
    absent(s3, bucket, "key")


def test_without_a_signature_nothing_is_served(gateway, s3, bucket):
    put(s3, bucket, "key")
    for path in (f"/{bucket}/key", f"/{bucket}"):
        assert code(fetch(gateway.endpoint + path)) == (403, "AccessDenied")
