"""boto3: buckets and whole objects."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from aws import absent, body, boto3_client, put, refused
from samples import MIB, ODD_KEYS, md5, seeded_bytes, sha256


@pytest.mark.own_bucket("deleting a linked bucket forgets the link, whatever it holds")
def test_bucket_life(s3, bucket):
    listed = {entry["Name"]: entry["CreationDate"] for entry in s3.list_buckets()["Buckets"]}
    assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    again = {entry["Name"]: entry["CreationDate"] for entry in s3.list_buckets()["Buckets"]}
    assert again[bucket] == listed[bucket]
    put(s3, bucket, "key")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="key")
    assert s3.delete_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("404", 404):
        s3.head_bucket(Bucket=bucket)
    with refused("NoSuchBucket", 404):
        s3.delete_bucket(Bucket=bucket)


def test_creating_ones_own_bucket_again_changes_nothing(s3, bucket):
    put(s3, bucket, "kept", data=b"kept")
    try:
        s3.create_bucket(Bucket=bucket)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    assert body(s3, bucket, "kept") == b"kept"


@pytest.mark.parametrize("name", ["UPPER", "under_score", "-dash", "dash-", "192.168.5.4", "two..dots"])
def test_bad_bucket_name_is_refused(s3, name):
    with refused("InvalidBucketName", 400):
        s3.create_bucket(Bucket=name)


def test_wrong_location_is_refused(s3, bucket_name):
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.create_bucket(Bucket=bucket_name, CreateBucketConfiguration={"LocationConstraint": "mars-1"})
    code = caught.value.response["Error"]["Code"]
    assert code in ("IllegalLocationConstraintException", "InvalidLocationConstraint")


def test_list_buckets_pages_by_prefix(s3):
    names = [f"paged-list-{number}" for number in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = list(s3.get_paginator("list_buckets").paginate(Prefix="paged-list-", PaginationConfig={"PageSize": 2}))
    assert [len(page["Buckets"]) for page in pages] == [2, 2, 1]
    assert [entry["Name"] for page in pages for entry in page["Buckets"]] == names


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS.keys())
def test_odd_key_round_trip(s3, bucket, key, seed):
    data = seeded_bytes(seed, 1000)
    put_etag = s3.put_object(Bucket=bucket, Key=key, Body=data)["ETag"]
    assert put_etag == f'"{md5(data)}"'
    assert body(s3, bucket, key) == data
    head = s3.head_object(Bucket=bucket, Key=key)
    assert (head["ETag"], head["ContentLength"]) == (put_etag, 1000)
    for listing in (s3.list_objects, s3.list_objects_v2):
        [listed] = listing(Bucket=bucket)["Contents"]
        assert (listed["Key"], listed["ETag"], listed["Size"]) == (key, put_etag, 1000)
        assert listed["LastModified"] == head["LastModified"]
    assert s3.delete_object(Bucket=bucket, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204
    absent(s3, bucket, key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_odd_keys_are_distinct_and_leave_by_one_batch(s3, bucket):
    keys = [key for key in ODD_KEYS.values() if "\x07" not in key]
    for key in keys:
        put(s3, bucket, key, data=key.encode())
    for key in keys:
        assert body(s3, bucket, key) == key.encode()
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(keys, key=str.encode)
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in listed]})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == sorted(listed)
    assert "Errors" not in answer
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_keys_xml_can_not_hold_leave_by_a_quiet_batch(s3, bucket):
    """boto3 writes such characters as they are; only a quiet answer is XML it can read again."""
    put(s3, bucket, "bell\x07", "bell")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "bell\x07"}], "Quiet": True})
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["bell"]


def test_key_of_1025_bytes_is_refused(s3, bucket):
    with refused("KeyTooLongError", 400):
        put(s3, bucket, "k" * 1025)
    with refused("KeyTooLongError", 400):
        put(s3, bucket, "\u65e5" * 342)


def test_empty_object(s3, bucket):
    for key in ("empty", "folder/"):
        put(s3, bucket, key, data=b"")
        answer = s3.get_object(Bucket=bucket, Key=key)
        assert answer["Body"].read() == b""
        assert (answer["ContentLength"], answer["ETag"]) == (0, f'"{md5(b"")}"')


def test_put_replaces_everything(s3, bucket):
    s3.put_object(
        Bucket=bucket, Key="key", Body=b"old", Metadata={"a": "1"}, ContentType="text/x-old", CacheControl="no-store",
        ContentDisposition="attachment", ContentLanguage="de", ContentEncoding="x-old",
    )
    s3.put_object(Bucket=bucket, Key="key", Body=b"new")
    answer = s3.get_object(Bucket=bucket, Key="key")
    assert answer["Body"].read() == b"new"
    assert answer["Metadata"] == {}
    assert answer["ContentType"] == "binary/octet-stream"
    for header in ("CacheControl", "ContentDisposition", "ContentLanguage", "ContentEncoding"):
        assert header not in answer


def test_metadata_and_headers_come_back_verbatim(s3, bucket):
    metadata = {"MiXed-Case": "Value Kept", "empty": "", "encoded": "=?UTF-8?B?w7zDtsOk?=", "punctuation": "a,b;c=\"d\""}
    headers = {
        "ContentType": "text/plain; charset=utf-8", "CacheControl": "max-age=60, public", "ContentLanguage": "de, en",
        "ContentDisposition": "attachment; filename=\"a b.txt\"", "ContentEncoding": "gzip",
    }
    s3.put_object(Bucket=bucket, Key="key", Body=b"x", Metadata=metadata, **headers)
    head = s3.head_object(Bucket=bucket, Key="key")
    assert head["Metadata"] == {name.lower(): value for name, value in metadata.items()}
    assert {name: head[name] for name in headers} == headers


def test_metadata_above_2_kib_is_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="fits", Body=b"x", Metadata={"a": "v" * 2000})
    with refused("MetadataTooLarge", 400):
        s3.put_object(Bucket=bucket, Key="key", Body=b"x", Metadata={"a": "v" * 2048})
    absent(s3, bucket, "key")


def test_response_overrides(s3, bucket):
    put(s3, bucket, "key")
    answer = s3.get_object(
        Bucket=bucket, Key="key", ResponseContentType="text/x-other", ResponseContentLanguage="fr",
        ResponseContentDisposition="inline; filename=\"a b.txt\"",
        ResponseContentEncoding="x-none", ResponseCacheControl="no-cache",
    )
    assert answer["ContentType"] == "text/x-other"
    assert answer["ContentLanguage"] == "fr"
    assert answer["ContentDisposition"] == 'inline; filename="a b.txt"'
    assert answer["ContentEncoding"] == "x-none"
    assert answer["CacheControl"] == "no-cache"


@pytest.mark.parametrize("path", ["bytes", "stream", "upload_fileobj"])
def test_large_body_is_exact(s3, bucket, path, seed, tmp_path):
    data = seeded_bytes(seed, 5 * MIB + 12345)
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        if path == "upload_fileobj":
            s3.upload_fileobj(file, bucket, "key")
        else:
            s3.put_object(Bucket=bucket, Key="key", Body=data if path == "bytes" else file)
    assert sha256(body(s3, bucket, "key")) == sha256(data)


def test_errors_say_what_and_carry_their_request_id(s3, bucket):
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=bucket, Key="missing")
    response = caught.value.response
    assert response["Error"]["Message"]
    assert response["Error"]["Key"] == "missing"
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert response["ResponseMetadata"]["RequestId"] == headers["x-amz-request-id"]
    assert headers["x-amz-id-2"]
    with refused("NoSuchBucket", 404):
        s3.get_object(Bucket="no-such-bucket-here", Key="key")
    with refused("NoSuchBucket", 404):
        s3.put_object(Bucket="no-such-bucket-here", Key="key", Body=b"x")
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="missing")


def test_wrong_credentials_are_refused(gateway, s3, bucket):
    put(s3, bucket, "key")
    with refused("SignatureDoesNotMatch", 403):
        boto3_client(gateway.endpoint, secret_key="wrong" * 8).get_object(Bucket=bucket, Key="key")
    with refused("InvalidAccessKeyId", 403):
        boto3_client(gateway.endpoint, access_key="NOBODYKNOWSTHISKEY00").get_object(Bucket=bucket, Key="key")


def test_wrong_expected_owner_is_refused(s3, bucket):
    put(s3, bucket, "key")
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=bucket, Key="key", ExpectedBucketOwner="999999999999")


def test_delete_objects_in_batches_of_1000(s3, bucket):
    keys = [f"k{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: put(s3, bucket, key), keys[:40]))
    with refused("MalformedXML", 400):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 40
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys[:1000]]})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == keys[:1000]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_quiet_delete_objects_answers_nothing(s3, bucket):
    put(s3, bucket, "a")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "absent"}], "Quiet": True})
    assert "Deleted" not in answer and "Errors" not in answer
    absent(s3, bucket, "a")


def test_racing_puts_leave_one_whole_body(s3, bucket, seed):
    bodies = [seeded_bytes(f"{seed}/{number}", 300_000) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: put(s3, bucket, "key", data=data), bodies))
    assert sha256(body(s3, bucket, "key")) in {sha256(data) for data in bodies}


def test_small_gets_do_not_stall(s3, bucket):
    """Nagle's algorithm against delayed ACKs costs 40 ms in nearly every answer; a tenth of them faster disproves it."""
    put(s3, bucket, "key", data=b"x" * 5000)
    seconds = []
    for _ in range(60):
        start = time.perf_counter()
        body(s3, bucket, "key")
        seconds.append(time.perf_counter() - start)
    assert statistics.quantiles(seconds, n=10)[0] < 0.035
