"""boto3: multipart uploads, by the transfer manager and by hand."""

import pytest

from aws import absent, body, complete, put, refused, start_upload, upload_parts
from samples import MIB, PART_MIN, multipart_etag, seeded_bytes, sha256, slices, write_file


def test_upload_file_of_64_mib(s3, bucket, tmp_path, seed):
    data = write_file(tmp_path / "up", seed, 64 * MIB + 3)
    s3.upload_file(str(tmp_path / "up"), bucket, "key", ExtraArgs={"Metadata": {"a": "b"}, "ContentType": "text/x"})
    head = s3.head_object(Bucket=bucket, Key="key")
    assert head["ETag"] == multipart_etag(slices(data, 8 * MIB))
    assert (head["Metadata"], head["ContentType"], head["ContentLength"]) == ({"a": "b"}, "text/x", len(data))
    s3.download_file(bucket, "key", str(tmp_path / "down"))
    assert sha256((tmp_path / "down").read_bytes()) == sha256(data)
    for start, end in [(0, 0), (8 * MIB - 5, 8 * MIB + 5), (3 * MIB, 29 * MIB), (64 * MIB, 64 * MIB + 2)]:
        got = body(s3, bucket, "key", Range=f"bytes={start}-{end}")
        assert sha256(got) == sha256(data[start : end + 1])


@pytest.fixture
def parts(seed):
    """Three parts with gaps in their numbers and with sizes of their own."""
    sizes = {2: PART_MIN, 5: PART_MIN + 77, 10000: 1}
    return {number: seeded_bytes(f"{seed}/{number}", size) for number, size in sizes.items()}


def test_parts_become_the_object_only_at_complete(s3, bucket, parts):
    upload = start_upload(s3, bucket, "key", Metadata={"given": "at-create"}, ContentType="text/x-multi")
    done = upload_parts(s3, bucket, "key", upload, parts)
    absent(s3, bucket, "key")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    result = complete(s3, bucket, "key", upload, done)
    assert result["ETag"] == multipart_etag(parts.values())
    assert (result["Bucket"], result["Key"]) == (bucket, "key")
    answer = s3.get_object(Bucket=bucket, Key="key")
    assert sha256(answer["Body"].read()) == sha256(b"".join(parts.values()))
    assert (answer["Metadata"], answer["ContentType"]) == ({"given": "at-create"}, "text/x-multi")
    assert complete(s3, bucket, "key", upload, done)["ETag"] == result["ETag"]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_get_by_part_number(s3, bucket, parts):
    upload = start_upload(s3, bucket, "key")
    etag = complete(s3, bucket, "key", upload, upload_parts(s3, bucket, "key", upload, parts))["ETag"]
    for number, data in enumerate(parts.values(), 1):
        answer = s3.get_object(Bucket=bucket, Key="key", PartNumber=number)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert sha256(answer["Body"].read()) == sha256(data)
        assert (answer["PartsCount"], answer["ETag"]) == (3, etag)
        assert s3.head_object(Bucket=bucket, Key="key", PartNumber=number)["ContentLength"] == len(data)
    with refused("InvalidPart", 400):
        s3.get_object(Bucket=bucket, Key="key", PartNumber=4)
    put(s3, bucket, "plain", data=b"plain")
    assert body(s3, bucket, "plain", PartNumber=1) == b"plain"


def test_refused_completes_leave_the_upload_usable(s3, bucket, parts):
    put(s3, bucket, "key", data=b"old")
    upload = start_upload(s3, bucket, "key")
    done = upload_parts(s3, bucket, "key", upload, {1: b"small", **parts})
    small, first, second, last = done
    with refused("EntityTooSmall", 400):
        complete(s3, bucket, "key", upload, [small, first])
    with refused("InvalidPartOrder", 400):
        complete(s3, bucket, "key", upload, [second, first])
    with refused("InvalidPart", 400):
        complete(s3, bucket, "key", upload, [first, {"PartNumber": 3, "ETag": first["ETag"]}])
    with refused("InvalidPart", 400):
        complete(s3, bucket, "key", upload, [{"PartNumber": 2, "ETag": second["ETag"]}, last])
    with refused("MalformedXML", 400):
        complete(s3, bucket, "key", upload, [])
    assert body(s3, bucket, "key") == b"old"
    complete(s3, bucket, "key", upload, [first, last])
    assert sha256(body(s3, bucket, "key")) == sha256(parts[2] + parts[10000])


def test_a_part_uploaded_again_replaces_the_first(s3, bucket):
    upload = start_upload(s3, bucket, "key")
    [old] = upload_parts(s3, bucket, "key", upload, {1: b"old"})
    [new] = upload_parts(s3, bucket, "key", upload, {1: b"newer"})
    with refused("InvalidPart", 400):
        complete(s3, bucket, "key", upload, [old])
    complete(s3, bucket, "key", upload, [new])
    assert body(s3, bucket, "key") == b"newer"


def test_aborted_upload_is_gone(s3, bucket):
    upload = start_upload(s3, bucket, "key")
    done = upload_parts(s3, bucket, "key", upload, {1: b"x"})
    names = {"Bucket": bucket, "Key": "key", "UploadId": upload}
    assert s3.abort_multipart_upload(**names)["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (
        lambda: complete(s3, bucket, "key", upload, done),
        lambda: s3.list_parts(**names),
        lambda: s3.upload_part(**names, PartNumber=1, Body=b"x"),
        lambda: s3.abort_multipart_upload(**names),
    ):
        with refused("NoSuchUpload", 404):
            call()
    absent(s3, bucket, "key")
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("number", [0, 10001, -1])
def test_part_number_out_of_bounds(s3, bucket, number):
    upload = start_upload(s3, bucket, "key")
    with refused("InvalidArgument", 400):
        upload_parts(s3, bucket, "key", upload, {number: b"x"})


def test_deleting_the_object_leaves_an_open_upload_alone(s3, bucket):
    put(s3, bucket, "key", data=b"old")
    upload = start_upload(s3, bucket, "key")
    done = upload_parts(s3, bucket, "key", upload, {1: b"new"})
    s3.delete_object(Bucket=bucket, Key="key")
    complete(s3, bucket, "key", upload, done)
    assert body(s3, bucket, "key") == b"new"


def test_list_parts_pages(s3, bucket):
    upload = start_upload(s3, bucket, "key +%/\u00fc")
    names = {"Bucket": bucket, "Key": "key +%/\u00fc", "UploadId": upload}
    data = {number: b"p" * number for number in (1, 3, 7, 8, 9)}
    done = upload_parts(s3, bucket, names["Key"], upload, data)
    pages = list(s3.get_paginator("list_parts").paginate(**names, PaginationConfig={"PageSize": 2}))
    assert [len(page["Parts"]) for page in pages] == [2, 2, 1]
    listed = [part for page in pages for part in page["Parts"]]
    assert [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in listed] == done
    assert [part["Size"] for part in listed] == list(data)
    first = pages[0]
    assert (first["Key"], first["MaxParts"], first["NextPartNumberMarker"]) == (names["Key"], 2, 3)
    assert first["Initiator"]["ID"] and first["Owner"]["ID"] and first["StorageClass"] == "STANDARD"
    rest = s3.list_parts(**names, PartNumberMarker=7)
    assert [part["PartNumber"] for part in rest["Parts"]] == [8, 9]
    assert rest["IsTruncated"] is False


def test_list_uploads_pages_by_key_and_upload(s3, bucket):
    keys = ["a", "b", "b", "dir/1", "dir/2", "odd +%\n"]
    opened = sorted((key, start_upload(s3, bucket, key)) for key in keys)
    pager = s3.get_paginator("list_multipart_uploads")
    for size in (1, 2, 1000):
        pages = list(pager.paginate(Bucket=bucket, PaginationConfig={"PageSize": size}))
        listed = [(entry["Key"], entry["UploadId"]) for page in pages for entry in page["Uploads"]]
        assert [key for key, _ in listed] == keys
        assert sorted(listed) == opened
    page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [entry["Key"] for entry in page["Uploads"]] == ["a", "b", "b", "odd +%\n"]
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == ["dir/"]
    page = s3.list_multipart_uploads(Bucket=bucket, Prefix="dir/")
    assert [entry["Key"] for entry in page["Uploads"]] == ["dir/1", "dir/2"]
    assert all(entry["Initiator"]["ID"] and entry["Initiated"] for entry in page["Uploads"])


def test_upload_part_copy(s3, bucket, seed):
    source = seeded_bytes(seed, 2 * PART_MIN)
    name = "source +%25?#\u00fc"
    put(s3, bucket, name, data=source)
    upload = start_upload(s3, bucket, "key")
    done = []
    for number, options in enumerate([{"CopySourceRange": f"bytes=5-{PART_MIN + 4}"}, {}], 1):
        answer = s3.upload_part_copy(
            Bucket=bucket, Key="key", UploadId=upload, PartNumber=number,
            CopySource={"Bucket": bucket, "Key": name}, **options,
        )
        done.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    result = complete(s3, bucket, "key", upload, done)
    expected = [source[5 : PART_MIN + 5], source]
    assert result["ETag"] == multipart_etag(expected)
    assert sha256(body(s3, bucket, "key")) == sha256(b"".join(expected))


@pytest.mark.parametrize(
    ("copy_range", "codes"),
    [
        ("bytes=0-", {"InvalidArgument"}),
        ("bytes=-5", {"InvalidArgument"}),
        ("0-5", {"InvalidArgument"}),
        ("bytes=0-1,3-4", {"InvalidArgument"}),
        ("bytes=5-2", {"InvalidArgument"}),
        ("bytes=0-10", {"InvalidRange", "InvalidArgument"}),
    ],
)
def test_bad_copy_range(s3, bucket, copy_range, codes):
    put(s3, bucket, "ten", data=b"0123456789")
    upload = start_upload(s3, bucket, "key")
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.upload_part_copy(
            Bucket=bucket, Key="key", UploadId=upload, PartNumber=1,
            CopySource={"Bucket": bucket, "Key": "ten"}, CopySourceRange=copy_range,
        )
    assert caught.value.response["Error"]["Code"] in codes


def test_copy_of_a_large_object_by_the_transfer_manager(s3, bucket, seed):
    data = seeded_bytes(seed, 20 * MIB)
    put(s3, bucket, "source", data=data)
    s3.copy({"Bucket": bucket, "Key": "source"}, bucket, "key")
    assert sha256(body(s3, bucket, "key")) == sha256(data)
