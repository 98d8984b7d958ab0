"""boto3 with default settings, and the assertions its suites share."""

import contextlib

import boto3
import pytest
from botocore.exceptions import ClientError

from gateway import ACCESS_KEY, REGION, SECRET_KEY


def boto3_client(endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, **options):
    """A client with nothing but the settings it cannot do without, plus what the caller asks for."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=REGION,
        **options,
    )


@contextlib.contextmanager
def refused(code, status=None):
    """The block must end in an error with this literal code (HEAD has no body: its code is the status)."""
    with pytest.raises(ClientError) as caught:
        yield caught
    response = caught.value.response
    assert response["Error"]["Code"] == code, response
    if status is not None:
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response


def body(s3, bucket, key, **options):
    return s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()


def put(s3, bucket, *keys, data=b"x"):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=data)


def absent(s3, bucket, key):
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key=key)


def upload_parts(s3, bucket, key, upload_id, parts):
    """Uploads `parts` ({number: bytes}) and returns the list that CompleteMultipartUpload wants."""
    done = []
    for number, data in parts.items():
        answer = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=data)
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    return done


def start_upload(s3, bucket, key, **options):
    return s3.create_multipart_upload(Bucket=bucket, Key=key, **options)["UploadId"]


def complete(s3, bucket, key, upload_id, parts, **options):
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **options
    )
