"""boto3: ranges, conditional reads and conditional writes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from aws import absent, body, complete, put, refused, start_upload, upload_parts

DATA = bytes(range(100))
OTHER = '"00000000000000000000000000000000"'
PAST = datetime(2001, 1, 1, tzinfo=timezone.utc)


def future():
    """A day ahead."""
    return datetime.now(timezone.utc) + timedelta(days=1)


@pytest.fixture
def etag(s3, bucket):
    """The ETag of `key`, which holds DATA."""
    return s3.put_object(Bucket=bucket, Key="key", Body=DATA)["ETag"]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), ("bytes=90-", 90, 99), ("bytes=-7", 93, 99),
        ("bytes=50-5000", 50, 99), ("bytes=-5000", 0, 99), ("bytes=99-99", 99, 99),
    ],
)
def test_range(s3, bucket, etag, asked, start, end):
    answer = s3.get_object(Bucket=bucket, Key="key", Range=asked)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["Body"].read() == DATA[start : end + 1]
    assert answer["ContentRange"] == f"bytes {start}-{end}/100"
    assert (answer["ContentLength"], answer["ETag"]) == (end - start + 1, etag)


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_range_outside_the_object(s3, bucket, etag, asked):
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="key", Range=asked)


def test_no_range_of_an_empty_object(s3, bucket):
    put(s3, bucket, "empty", data=b"")
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="empty", Range="bytes=0-0")


@pytest.mark.parametrize("asked", ["bytes=a-b", "bytes=5-2", "lines=1-2", "bytes", "bytes=1"])
def test_malformed_range_is_ignored(s3, bucket, etag, asked):
    answer = s3.get_object(Bucket=bucket, Key="key", Range=asked)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["Body"].read() == DATA


def test_reads_that_hold(s3, bucket, etag):
    for options in (
        {"IfMatch": etag}, {"IfMatch": etag.strip('"')}, {"IfMatch": "*"}, {"IfMatch": f"{OTHER}, {etag}"},
        {"IfNoneMatch": OTHER}, {"IfModifiedSince": PAST}, {"IfUnmodifiedSince": future()},
        {"IfMatch": etag, "IfUnmodifiedSince": PAST}, {"IfNoneMatch": OTHER, "IfModifiedSince": future()},
    ):
        assert body(s3, bucket, "key", **options) == DATA, options


def test_reads_that_fail_a_precondition(s3, bucket, etag):
    for options in ({"IfMatch": OTHER}, {"IfUnmodifiedSince": PAST}, {"IfMatch": OTHER, "IfUnmodifiedSince": future()}):
        with refused("PreconditionFailed", 412):
            s3.get_object(Bucket=bucket, Key="key", **options)
        with refused("412", 412):
            s3.head_object(Bucket=bucket, Key="key", **options)


def test_reads_not_modified(s3, bucket, etag):
    modified = s3.head_object(Bucket=bucket, Key="key")["LastModified"]
    for options in (
        {"IfNoneMatch": etag}, {"IfNoneMatch": etag.strip('"')}, {"IfNoneMatch": "*"}, {"IfModifiedSince": modified},
        {"IfNoneMatch": etag, "IfModifiedSince": PAST},
    ):
        for read in (s3.get_object, s3.head_object):
            with refused("304", 304) as caught:
                read(Bucket=bucket, Key="key", **options)
            assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["etag"] == etag


def test_if_none_match_creates_once(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"first", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="key", Body=b"second", IfNoneMatch="*")
    assert body(s3, bucket, "key") == b"first"


def test_of_racing_creators_one_wins(s3, bucket):
    def create(number):
        try:
            s3.put_object(Bucket=bucket, Key="key", Body=b"%d" % number, IfNoneMatch="*")
            return number
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")
            return None

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(16)) if number is not None]
    assert len(winners) == 1
    assert body(s3, bucket, "key") == b"%d" % winners[0]


def test_if_match_writes_over_what_was_read(s3, bucket, etag):
    new = s3.put_object(Bucket=bucket, Key="key", Body=b"new", IfMatch=etag)["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="key", Body=b"late", IfMatch=etag)
    assert body(s3, bucket, "key", IfMatch=new) == b"new"
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="missing", Body=b"x", IfMatch=etag)
    absent(s3, bucket, "missing")


def test_conditional_complete(s3, bucket, etag):
    upload = start_upload(s3, bucket, "key")
    parts = upload_parts(s3, bucket, "key", upload, {1: b"multipart"})
    for options in ({"IfNoneMatch": "*"}, {"IfMatch": OTHER}):
        with refused("PreconditionFailed", 412):
            complete(s3, bucket, "key", upload, parts, **options)
        assert body(s3, bucket, "key") == DATA
    complete(s3, bucket, "key", upload, parts, IfMatch=etag)
    assert body(s3, bucket, "key") == b"multipart"

    upload = start_upload(s3, bucket, "new")
    parts = upload_parts(s3, bucket, "new", upload, {1: b"created"})
    with refused("NoSuchKey", 404):
        complete(s3, bucket, "new", upload, parts, IfMatch=etag)
    complete(s3, bucket, "new", upload, parts, IfNoneMatch="*")
    assert body(s3, bucket, "new") == b"created"
