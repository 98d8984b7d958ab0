"""boto3: CopyObject."""

from datetime import datetime, timezone

import pytest

from aws import absent, body, put, refused
from samples import ODD_KEYS

PAST = datetime(2001, 1, 1, tzinfo=timezone.utc)
HEADERS = {"ContentType": "text/x-source", "CacheControl": "no-store", "ContentLanguage": "de"}


@pytest.fixture
def source(s3, bucket):
    """An object with metadata and headers; copied from by this dictionary."""
    s3.put_object(Bucket=bucket, Key="source", Body=b"content", Metadata={"a": "1"}, **HEADERS)
    return {"Bucket": bucket, "Key": "source"}


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS.keys())
def test_odd_source_is_found(s3, bucket, key):
    put(s3, bucket, key, data=b"content")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert body(s3, bucket, "copy") == b"content"


def test_source_may_begin_with_a_slash(s3, bucket, source):
    for given in (f"{bucket}/source", f"/{bucket}/source"):
        s3.copy_object(Bucket=bucket, Key=f"copy of {given}", CopySource=given)
        assert body(s3, bucket, f"copy of {given}") == b"content"


def test_percent_is_decoded_once(s3, bucket):
    put(s3, bucket, "a b", data=b"space")
    put(s3, bucket, "a%20b", data=b"percent")
    put(s3, bucket, "a+b", data=b"plus")
    for key, content in {"a b": b"space", "a%20b": b"percent", "a+b": b"plus"}.items():
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
        assert body(s3, bucket, "copy") == content


def test_copy_keeps_metadata_and_headers(s3, bucket, source):
    result = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, Metadata={"ignored": "x"})
    head = s3.head_object(Bucket=bucket, Key="copy")
    assert result["CopyObjectResult"]["ETag"] == head["ETag"]
    assert result["CopyObjectResult"]["LastModified"] == head["LastModified"]
    assert head["Metadata"] == {"a": "1"}
    assert {name: head[name] for name in HEADERS} == HEADERS


def test_replace_drops_metadata_and_headers(s3, bucket, source):
    s3.copy_object(
        Bucket=bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE",
        Metadata={"b": "2"}, ContentType="text/x-copy",
    )
    answer = s3.get_object(Bucket=bucket, Key="copy")
    assert answer["Body"].read() == b"content"
    assert (answer["Metadata"], answer["ContentType"]) == ({"b": "2"}, "text/x-copy")
    assert "CacheControl" not in answer and "ContentLanguage" not in answer


def test_copy_onto_itself(s3, bucket, source):
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="source", CopySource=source)
    s3.copy_object(
        Bucket=bucket, Key="source", CopySource=source, MetadataDirective="REPLACE", Metadata={"mtime": "1.5"}
    )
    answer = s3.get_object(Bucket=bucket, Key="source")
    assert (answer["Body"].read(), answer["Metadata"]) == (b"content", {"mtime": "1.5"})


def test_copy_lives_on_without_its_source(s3, bucket, bucket_name, source):
    other = f"{bucket_name}-other"
    s3.create_bucket(Bucket=other)
    s3.copy_object(Bucket=other, Key="copy", CopySource=source)
    s3.delete_object(**source)
    s3.delete_bucket(Bucket=bucket)
    assert body(s3, other, "copy") == b"content"


def test_missing_sources(s3, bucket):
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "missing"})
    with refused("NoSuchBucket", 404):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": "no-such-bucket-here", "Key": "missing"})
    absent(s3, bucket, "copy")


def test_conditional_copy(s3, bucket, source):
    etag = s3.head_object(**source)["ETag"]
    for options in (
        {"CopySourceIfMatch": '"0"'}, {"CopySourceIfNoneMatch": etag}, {"CopySourceIfUnmodifiedSince": PAST},
    ):
        with refused("PreconditionFailed", 412):
            s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, **options)
    absent(s3, bucket, "copy")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, CopySourceIfMatch=etag, CopySourceIfModifiedSince=PAST)
    assert body(s3, bucket, "copy") == b"content"
