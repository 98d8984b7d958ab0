"""boto3: Content-MD5, the flexible checksums and GetObjectAttributes."""

import base64
import zlib

import pytest

from aws import absent, body, complete, put, refused, start_upload, upload_parts
from samples import CHECKSUMS, MIB, PART_MIN, md5, seeded_bytes

COMPUTED_BY_SDK = ["CRC32", "SHA1", "SHA256"]
ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]


def encoded(digest):
    return base64.b64encode(digest).decode()


def checksum(algorithm, data):
    return encoded(CHECKSUMS[algorithm](data))


def stored(s3, bucket, key="key"):
    """The checksums HEAD shows when asked."""
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    return {name: value for name, value in head.items() if name.startswith("Checksum")}


@pytest.mark.parametrize("algorithm", COMPUTED_BY_SDK)
def test_checksum_made_by_the_sdk_is_kept(s3, bucket, algorithm):
    answer = s3.put_object(Bucket=bucket, Key="key", Body=b"content", ChecksumAlgorithm=algorithm)
    expected = checksum(algorithm, b"content")
    assert answer[f"Checksum{algorithm}"] == expected
    assert stored(s3, bucket) == {f"Checksum{algorithm}": expected, "ChecksumType": "FULL_OBJECT"}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_given_checksum_is_checked(s3, bucket, algorithm):
    name = f"Checksum{algorithm}"
    expected = checksum(algorithm, b"content")
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="key", Body=b"content", **{name: checksum(algorithm, b"other")})
    with refused("InvalidRequest", 400):
        s3.put_object(Bucket=bucket, Key="key", Body=b"content", **{name: "bm90IHRoZSBzaXpl" * 4})
    absent(s3, bucket, "key")
    assert s3.put_object(Bucket=bucket, Key="key", Body=b"content", **{name: expected})[name] == expected
    assert stored(s3, bucket) == {name: expected, "ChecksumType": "FULL_OBJECT"}


def test_two_checksums_are_refused(s3, bucket):
    with refused("InvalidRequest", 400):
        s3.put_object(
            Bucket=bucket, Key="key", Body=b"x",
            ChecksumCRC32=checksum("CRC32", b"x"), ChecksumSHA1=checksum("SHA1", b"x"),
        )
    absent(s3, bucket, "key")


def test_default_put_carries_crc32(s3, bucket):
    assert s3.put_object(Bucket=bucket, Key="key", Body=b"x")["ChecksumCRC32"] == checksum("CRC32", b"x")


def test_checksum_is_shown_only_when_asked_and_for_the_whole(s3, bucket):
    put(s3, bucket, "key", data=b"content")
    assert "ChecksumCRC32" not in s3.head_object(Bucket=bucket, Key="key")
    assert "ChecksumCRC32" in s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    ranged = s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED", Range="bytes=0-2")
    assert ranged["Body"].read() == b"con"
    assert "ChecksumCRC32" not in ranged


def test_wrong_content_md5(s3, bucket):
    put(s3, bucket, "key", data=b"old")
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="key", Body=b"new", ContentMD5=encoded(bytes(16)))
    for malformed in ("", "not base64!", "c2hvcnQ="):
        with refused("InvalidDigest", 400):
            s3.put_object(Bucket=bucket, Key="key", Body=b"new", ContentMD5=malformed)
    assert body(s3, bucket, "key") == b"old"
    s3.put_object(Bucket=bucket, Key="key", Body=b"new", ContentMD5=encoded(bytes.fromhex(md5(b"new"))))
    assert body(s3, bucket, "key") == b"new"


def test_copy_keeps_or_recomputes(s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=b"content", ChecksumAlgorithm="SHA1")
    source = {"Bucket": bucket, "Key": "source"}
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    assert stored(s3, bucket, "kept")["ChecksumSHA1"] == checksum("SHA1", b"content")
    s3.copy_object(Bucket=bucket, Key="other", CopySource=source, ChecksumAlgorithm="SHA256")
    assert stored(s3, bucket, "other") == {
        "ChecksumSHA256": checksum("SHA256", b"content"), "ChecksumType": "FULL_OBJECT",
    }


def test_upload_file_ends_in_a_crc32(s3, bucket, tmp_path, seed):
    data = seeded_bytes(seed, 17 * MIB)
    (tmp_path / "file").write_bytes(data)
    s3.upload_file(str(tmp_path / "file"), bucket, "key")
    kept = stored(s3, bucket)
    whole = encoded(zlib.crc32(data).to_bytes(4, "big"))
    sums = b"".join(zlib.crc32(data[at : at + 8 * MIB]).to_bytes(4, "big") for at in range(0, len(data), 8 * MIB))
    assert kept in (
        {"ChecksumCRC32": f"{checksum('CRC32', sums)}-3", "ChecksumType": "COMPOSITE"},
        {"ChecksumCRC32": whole, "ChecksumType": "FULL_OBJECT"},
    )


@pytest.mark.parametrize("algorithm", COMPUTED_BY_SDK)
def test_composite_checksum(s3, bucket, algorithm, seed):
    name = f"Checksum{algorithm}"
    parts = [seeded_bytes(seed, PART_MIN), b"last"]
    upload = start_upload(s3, bucket, "key", ChecksumAlgorithm=algorithm)
    done = []
    for number, data in enumerate(parts, 1):
        answer = s3.upload_part(
            Bucket=bucket, Key="key", UploadId=upload, PartNumber=number, Body=data, ChecksumAlgorithm=algorithm
        )
        done.append({"PartNumber": number, "ETag": answer["ETag"], name: answer[name]})
    listed = s3.list_parts(Bucket=bucket, Key="key", UploadId=upload)
    assert listed["ChecksumAlgorithm"] == algorithm
    assert [part[name] for part in listed["Parts"]] == [part[name] for part in done]
    with refused("InvalidPart", 400):
        complete(s3, bucket, "key", upload, [{**done[0], name: done[1][name]}, done[1]])
    result = complete(s3, bucket, "key", upload, done)
    expected = checksum(algorithm, b"".join(CHECKSUMS[algorithm](data) for data in parts)) + "-2"
    assert result[name] == expected
    assert stored(s3, bucket) == {name: expected, "ChecksumType": "COMPOSITE"}


def test_part_must_use_the_algorithm_of_its_upload(s3, bucket):
    upload = start_upload(s3, bucket, "key", ChecksumAlgorithm="SHA256")
    with refused("InvalidRequest", 400):
        upload_parts(s3, bucket, "key", upload, {1: b"x"})


def test_checksum_of_the_full_object(s3, bucket, seed):
    parts = {1: seeded_bytes(seed, PART_MIN), 2: b"last"}
    whole = encoded(zlib.crc32(parts[1] + parts[2]).to_bytes(4, "big"))
    upload = start_upload(s3, bucket, "key", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    done = upload_parts(s3, bucket, "key", upload, parts)
    with refused("BadDigest", 400):
        complete(s3, bucket, "key", upload, done, ChecksumType="FULL_OBJECT", ChecksumCRC32=checksum("CRC32", b"wrong"))
    result = complete(s3, bucket, "key", upload, done, ChecksumType="FULL_OBJECT", ChecksumCRC32=whole)
    assert result["ChecksumCRC32"] == whole
    assert stored(s3, bucket) == {"ChecksumCRC32": whole, "ChecksumType": "FULL_OBJECT"}


def test_crc64nvme_is_always_of_the_full_object(s3, bucket):
    expected = checksum("CRC64NVME", b"only")
    upload = start_upload(s3, bucket, "key", ChecksumAlgorithm="CRC64NVME")
    answer = s3.upload_part(
        Bucket=bucket, Key="key", UploadId=upload, PartNumber=1, Body=b"only", ChecksumCRC64NVME=expected
    )
    complete(s3, bucket, "key", upload, [{"PartNumber": 1, "ETag": answer["ETag"]}])
    assert stored(s3, bucket) == {"ChecksumCRC64NVME": expected, "ChecksumType": "FULL_OBJECT"}


def test_attributes_of_a_plain_object(s3, bucket):
    put(s3, bucket, "key", data=b"content")
    answer = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=ALL)
    assert answer["ETag"] == md5(b"content")
    assert (answer["ObjectSize"], answer["StorageClass"]) == (7, "STANDARD")
    assert answer["Checksum"] == {"ChecksumCRC32": checksum("CRC32", b"content"), "ChecksumType": "FULL_OBJECT"}
    assert "ObjectParts" not in answer
    only = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=["ObjectSize"])
    assert only["ObjectSize"] == 7 and "ETag" not in only and "Checksum" not in only


def test_attributes_page_the_parts(s3, bucket, seed):
    parts = {1: seeded_bytes(seed, PART_MIN), 2: seeded_bytes(seed, PART_MIN), 3: b"last"}
    upload = start_upload(s3, bucket, "key", ChecksumAlgorithm="CRC32")
    done = []
    for number, data in parts.items():
        answer = s3.upload_part(Bucket=bucket, Key="key", UploadId=upload, PartNumber=number, Body=data)
        done.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]})
    complete(s3, bucket, "key", upload, done)
    answer = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=ALL, MaxParts=2)
    assert answer["ETag"].endswith("-3") and '"' not in answer["ETag"]
    first = answer["ObjectParts"]
    assert (first["TotalPartsCount"], first["IsTruncated"], first["NextPartNumberMarker"]) == (3, True, 2)
    second = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=ALL, PartNumberMarker=2)["ObjectParts"]
    assert second["IsTruncated"] is False
    for part, given in zip(first["Parts"] + second["Parts"], done, strict=True):
        assert (part["PartNumber"], part["ChecksumCRC32"]) == (given["PartNumber"], given["ChecksumCRC32"])
        assert part["Size"] == len(parts[part["PartNumber"]])


def test_attributes_refused(s3, bucket):
    put(s3, bucket, "key")
    for attributes, code in (([], "InvalidRequest"), (["Colour"], "InvalidArgument")):
        with refused(code, 400):
            s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=attributes)
    with refused("NoSuchKey", 404):
        s3.get_object_attributes(Bucket=bucket, Key="missing", ObjectAttributes=["ETag"])
