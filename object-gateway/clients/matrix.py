#!/usr/bin/env python3
"""The gateway against real clients: s3cmd, aws cli and boto3, from PyPI.

Started with an endpoint that is already served and the keys of two tenants; each check is one function, and what it
is called is the rule that it shows. A check that can't be made with these options is listed as skipped, and why. Exits
with 1 if one of them fails.

    matrix.py --endpoint http://127.0.0.1:8080 --key AK --secret SK --other-key AK2 --other-secret SK2
"""

import argparse
import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse
import uuid
import zlib

import boto3
import requests
from botocore.client import Config
from botocore.exceptions import ClientError

CHECKS = []
# The smallest part but for the last, and how many parts a record names itself: the rest is in a manifest.
MIN_PART = 5 << 20
PARTS_IN_RECORD = 100


class Skipped(Exception):
    """A check that can't be made with these options."""


def check(function):
    CHECKS.append(function)
    return function


class World:
    def __init__(self, options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="gateway-clients-")
        self.s3 = self.client()
        self.other = self.client(key=options.other_key, secret=options.other_secret)
        self.serial = 0

    def client(self, key=None, secret=None, **config):
        options = self.options
        config.setdefault("s3", {"addressing_style": "path"})
        config.setdefault("retries", {"max_attempts": 1})
        return boto3.client(
            "s3",
            endpoint_url=options.endpoint,
            region_name=options.region,
            aws_access_key_id=key or options.key,
            aws_secret_access_key=secret or options.secret,
            config=Config(**config),
        )

    def bucket(self):
        self.serial += 1
        name = f"matrix-{uuid.uuid4().hex[:8]}-{self.serial}"
        self.s3.create_bucket(Bucket=name)
        return name

    def file(self, data, name="file"):
        path = os.path.join(self.folder, f"{uuid.uuid4().hex}-{name}")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def s3cmd(self, *arguments, configuration=()):
        options = self.options
        host = urllib.parse.urlparse(options.endpoint).netloc
        lines = {
            "access_key": options.key, "secret_key": options.secret, "host_base": host, "host_bucket": host,
            "use_https": "False", "signature_v2": "False", "multipart_chunk_size_mb": "5", "max_retries": "1",
        }
        lines.update(configuration)
        text = "[default]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items())
        command = ["s3cmd", "-c", self.file(text.encode()), *arguments]
        return self.run(command, {})

    def aws(self, *arguments):
        environment = {
            "AWS_ACCESS_KEY_ID": self.options.key, "AWS_SECRET_ACCESS_KEY": self.options.secret,
            "AWS_DEFAULT_REGION": self.options.region, "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = ["aws", "--endpoint-url", self.options.endpoint]
        return self.run([*command, *arguments], environment)

    def run(self, command, environment):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": self.folder, **environment}
        )
        assert done.returncode == 0, f"{command[0]} {command[1:]}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def refused(code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{found} instead of {code}: {error}"
        return error.response
    raise AssertionError(f"not refused with {code}")


def body(s3, bucket, key, **named):
    return s3.get_object(Bucket=bucket, Key=key, **named)["Body"].read()


BIG = os.urandom(1 << 20) * 20


# --- s3cmd -----------------------------------------------------------------------------------------------------------
def s3cmd_session(world, configuration):
    run = lambda *arguments: world.s3cmd(*arguments, configuration=configuration)
    bucket = f"s3cmd-{uuid.uuid4().hex[:8]}"
    run("mb", f"s3://{bucket}")
    assert f"s3://{bucket}" in run("ls")
    small, big = world.file(b"hello", "small"), world.file(BIG, "big")
    run("put", small, f"s3://{bucket}/dir/small")
    run("put", big, f"s3://{bucket}/big")  # in parts
    assert "small" in run("ls", "-r", f"s3://{bucket}")
    assert "DIR" in run("ls", f"s3://{bucket}")
    for name, data in [("dir/small", b"hello"), ("big", BIG)]:
        target = os.path.join(world.folder, uuid.uuid4().hex)
        run("get", f"s3://{bucket}/{name}", target)
        assert open(target, "rb").read() == data
    assert "MD5" in run("info", f"s3://{bucket}/dir/small")
    run("info", f"s3://{bucket}")
    run("cp", f"s3://{bucket}/dir/small", f"s3://{bucket}/copy ü")
    run("mv", f"s3://{bucket}/copy ü", f"s3://{bucket}/moved")
    run("modify", "--add-header=x-amz-meta-a:b", f"s3://{bucket}/moved")
    run("setacl", "--acl-public", f"s3://{bucket}/moved")
    assert "anon" in run("info", f"s3://{bucket}/moved")
    assert requests.get(f"{world.options.endpoint}/{bucket}/moved").content == b"hello"
    run("du", f"s3://{bucket}")
    folder = os.path.join(world.folder, uuid.uuid4().hex)
    os.makedirs(folder)
    for n in range(5):
        open(os.path.join(folder, f"f{n}"), "wb").write(b"x" * n)
    run("sync", folder + "/", f"s3://{bucket}/sync/")
    run("multipart", f"s3://{bucket}")
    run("del", f"s3://{bucket}/big")
    run("del", "--recursive", "--force", f"s3://{bucket}")
    run("rb", f"s3://{bucket}")


@check
def s3cmd_works_with_its_default_region(world):
    s3cmd_session(world, {"bucket_location": "US"})


@check
def s3cmd_works_with_the_region_set(world):
    s3cmd_session(world, {"bucket_location": world.options.region})


@check
def s3cmd_works_with_signature_v2(world):
    s3cmd_session(world, {"signature_v2": "True"})


@check
def boto3_works_with_signature_v2(world):
    s3 = world.client(signature_version="s3")
    bucket = f"v2-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"x")
    assert s3.list_objects_v2(Bucket=bucket, Prefix="a")["KeyCount"] == 1
    assert body(s3, bucket, "a b/ü") == b"x"
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a b/ü"}]})
    s3.delete_bucket(Bucket=bucket)


@check
def s3cmd_sets_policy_cors_and_lifecycle(world):
    bucket = world.bucket()
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = world.file(json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode())
    world.s3cmd("setpolicy", policy, f"s3://{bucket}")
    assert "s3:GetObject" in world.s3cmd("info", f"s3://{bucket}")
    world.s3cmd("delpolicy", f"s3://{bucket}")
    rule = b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"
    world.s3cmd("setcors", world.file(rule), f"s3://{bucket}")
    world.s3cmd("delcors", f"s3://{bucket}")
    rule = b"<LifecycleConfiguration><Rule><ID>a</ID><Prefix>x</Prefix><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>"
    world.s3cmd("setlifecycle", world.file(rule), f"s3://{bucket}")
    assert "<ID>a</ID>" in world.s3cmd("getlifecycle", f"s3://{bucket}")
    world.s3cmd("dellifecycle", f"s3://{bucket}")


# --- aws cli ---------------------------------------------------------------------------------------------------------
@check
def aws_cli_copies_lists_syncs_and_removes(world):
    bucket = f"aws-{uuid.uuid4().hex[:8]}"
    world.aws("s3", "mb", f"s3://{bucket}")
    small, big = world.file(b"hello", "small"), world.file(BIG, "big")
    world.aws("s3", "cp", small, f"s3://{bucket}/dir/small")
    world.aws("s3", "cp", big, f"s3://{bucket}/big")
    target = os.path.join(world.folder, uuid.uuid4().hex)
    world.aws("s3", "cp", f"s3://{bucket}/big", target)
    assert open(target, "rb").read() == BIG
    assert "PRE dir/" in world.aws("s3", "ls", f"s3://{bucket}/")
    world.aws("s3", "mv", f"s3://{bucket}/dir/small", f"s3://{bucket}/dir/moved")
    folder = os.path.join(world.folder, uuid.uuid4().hex)
    os.makedirs(folder)
    for n in range(5):
        open(os.path.join(folder, f"f{n}"), "wb").write(b"x" * n)
    world.aws("s3", "sync", folder, f"s3://{bucket}/sync")
    assert world.aws("s3", "sync", folder, f"s3://{bucket}/sync") == ""
    url = world.aws("s3", "presign", f"s3://{bucket}/dir/moved").strip()
    assert requests.get(url).content == b"hello"
    world.aws("s3", "rm", "--recursive", f"s3://{bucket}")
    world.aws("s3", "rb", f"s3://{bucket}")


@check
def aws_cli_speaks_the_api(world):
    bucket = world.bucket()
    path = world.file(b"data")
    put = json.loads(world.aws("s3api", "put-object", "--bucket", bucket, "--key", "k", "--body", path))
    assert put["ETag"].strip('"') == hashlib.md5(b"data").hexdigest()
    world.aws("s3api", "put-object-tagging", "--bucket", bucket, "--key", "k", "--tagging", "TagSet=[{Key=a,Value=b}]")
    assert '"a"' in world.aws("s3api", "get-object-tagging", "--bucket", bucket, "--key", "k")
    world.aws("s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", "Status=Enabled")
    world.aws("s3api", "list-object-versions", "--bucket", bucket)
    attributes = world.aws("s3api", "get-object-attributes", "--bucket", bucket, "--key", "k", "--object-attributes", "ObjectSize", "ETag")
    assert json.loads(attributes)["ObjectSize"] == 4


# --- boto3: objects --------------------------------------------------------------------------------------------------
@check
def objects_of_all_sizes_come_back_as_they_went(world):
    bucket = world.bucket()
    for size in [0, 1, 4095, 4096, 4097, 262143, 262144, 262145, 1 << 20, (16 << 20) + 1]:
        data = (BIG * 2)[:size]
        put = world.s3.put_object(Bucket=bucket, Key="k", Body=data)
        assert put["ETag"].strip('"') == hashlib.md5(data).hexdigest(), size
        got = world.s3.get_object(Bucket=bucket, Key="k")
        assert got["ContentLength"] == size and got["Body"].read() == data, size


@check
def metadata_and_headers_come_back(world):
    bucket = world.bucket()
    world.s3.put_object(
        Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain", CacheControl="no-cache", ContentEncoding="gzip",
        ContentDisposition="inline", ContentLanguage="de", Metadata={"Some": "Thing"},
    )
    head = world.s3.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {"some": "Thing"} and head["ContentEncoding"] == "gzip"
    assert (head["ContentType"], head["CacheControl"], head["ContentLanguage"]) == ("text/plain", "no-cache", "de")
    got = world.s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseCacheControl="x")
    assert (got["ContentType"], got["CacheControl"]) == ("a/b", "x")


@check
def odd_keys_work(world):
    bucket = world.bucket()
    keys = [
        "a b", "ü/é", "a//b", "/lead", "trail/", "a%20b", "a+b", "a&b=c", "\U0001f600", "k" * 1024, "a?b#c", "..", "a/./b",
        "quote\"'<>", "tab\there", "back\\slash", "~*()!",
    ]
    for key in keys:
        world.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in keys:
        assert body(world.s3, bucket, key) == key.encode(), key
    listed = [o["Key"] for o in world.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(keys, key=lambda key: key.encode()), listed
    listed = [o["Key"] for o in world.s3.list_objects(Bucket=bucket)["Contents"]]
    assert sorted(listed) == sorted(keys)
    deleted = world.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(deleted["Deleted"]) == len(keys) and "Errors" not in deleted
    refused("KeyTooLongError", world.s3.put_object, Bucket=bucket, Key="k" * 1025, Body=b"")


@check
def ranges_are_computed(world):
    bucket = world.bucket()
    world.s3.put_object(Bucket=bucket, Key="k", Body=BIG)
    for text, part in [
        ("bytes=0-0", BIG[:1]), ("bytes=5-", BIG[5:]), ("bytes=-7", BIG[-7:]), ("bytes=262140-262150", BIG[262140:262151]),
        (f"bytes={len(BIG) - 1}-", BIG[-1:]), ("bytes=1000000-999999999", BIG[1000000:]),
    ]:
        got = world.s3.get_object(Bucket=bucket, Key="k", Range=text)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["Body"].read() == part, text
    refused("InvalidRange", world.s3.get_object, Bucket=bucket, Key="k", Range=f"bytes={len(BIG)}-")


@check
def missing_things_have_their_codes(world):
    s3, bucket = world.s3, world.bucket()
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="none")
    refused("404", s3.head_object, Bucket=bucket, Key="none")
    refused("NoSuchBucket", s3.get_object, Bucket="no-such-bucket-at-all", Key="k")
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="no-such-bucket-at-all")
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=bucket)
    refused("NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=bucket)
    refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=bucket)
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)
    refused("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, Bucket=bucket)
    refused("ServerSideEncryptionConfigurationNotFoundError", s3.get_bucket_encryption, Bucket=bucket)
    refused("NoSuchWebsiteConfiguration", s3.get_bucket_website, Bucket=bucket)
    refused("ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, Bucket=bucket)
    refused("ReplicationConfigurationNotFoundError", s3.get_bucket_replication, Bucket=bucket)
    refused("OwnershipControlsNotFoundError", s3.get_bucket_ownership_controls, Bucket=bucket)
    refused("NoSuchUpload", s3.list_parts, Bucket=bucket, Key="k", UploadId=str(uuid.uuid4()))
    refused("NoSuchUpload", s3.abort_multipart_upload, Bucket=bucket, Key="k", UploadId="garbage")
    refused("NoSuchVersion", s3.get_object, Bucket=bucket, Key="k", VersionId="0" * 32)
    s3.delete_object(Bucket=bucket, Key="none")


@check
def what_is_not_there_is_not_implemented(world):
    s3, bucket = world.s3, world.bucket()
    refused("NotImplemented", s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}})
    refused("NotImplemented", s3.put_object, Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="AES256")
    refused("NotImplemented", s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
    refused("InvalidStorageClass", s3.put_object, Bucket=bucket, Key="k", Body=b"", StorageClass="GLACIER")


@check
def conditions_of_reads(world):
    s3, bucket = world.s3, world.bucket()
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert body(s3, bucket, "k", IfMatch=tag) == b"x"
    refused("PreconditionFailed", s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"')
    refused("304", s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=tag)
    refused("304", s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=time.time() + 3600)
    refused("PreconditionFailed", s3.get_object, Bucket=bucket, Key="k", IfUnmodifiedSince=1000000000)


@check
def conditions_of_writes(world):
    s3, bucket = world.s3, world.bucket()
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="k", Body=b"y", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="k", Body=b"y", IfMatch='"other"')
    s3.put_object(Bucket=bucket, Key="k", Body=BIG, IfMatch=tag)
    assert body(s3, bucket, "k") == BIG
    refused("NoSuchKey", s3.put_object, Bucket=bucket, Key="none", Body=b"y", IfMatch=tag)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", Body=b"again", IfNoneMatch="*")


@check
def one_of_many_conditional_creates_wins(world):
    bucket = world.bucket()

    def create(n):
        try:
            world.s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode(), IfNoneMatch="*")
            return n
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"), error
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        winners = [n for n in pool.map(create, range(8)) if n is not None]
    assert len(winners) == 1 and body(world.s3, bucket, "k") == str(winners[0]).encode()


@check
def checksums_of_all_kinds_are_verified_and_returned(world):
    s3, bucket = world.s3, world.bucket()
    for algorithm in ["CRC32", "SHA1", "SHA256"]:
        for data in [b"small", BIG[:300000]]:
            put = s3.put_object(Bucket=bucket, Key=algorithm, Body=data, ChecksumAlgorithm=algorithm)
            got = s3.get_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
            name = f"Checksum{algorithm}"
            assert got[name] == put[name] and got["Body"].read() == data
    wrong = base64.b64encode(b"1234").decode()
    for name, value in [("ChecksumCRC32", wrong), ("ChecksumCRC32C", wrong), ("ChecksumCRC64NVME", base64.b64encode(b"12345678").decode()), ("ChecksumSHA256", base64.b64encode(b"1" * 32).decode())]:
        refused("BadDigest", s3.put_object, Bucket=bucket, Key="wrong", Body=b"x", **{name: value})
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="wrong")
    crc = base64.b64encode(zlib.crc32(b"x").to_bytes(4, "big")).decode()
    s3.put_object(Bucket=bucket, Key="right", Body=b"x", ChecksumCRC32=crc)


@check
def a_wrong_md5_stores_nothing(world):
    s3, bucket = world.s3, world.bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    wrong = base64.b64encode(b"0" * 16).decode()
    for data in [b"small", BIG]:
        refused("BadDigest", s3.put_object, Bucket=bucket, Key="k", Body=data, ContentMD5=wrong)
    refused("InvalidDigest", s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5="bad")
    assert body(s3, bucket, "k") == b"before"


@check
def bodies_that_are_not_signed_are_read(world):
    s3 = world.client(s3={"addressing_style": "path", "payload_signing_enabled": False}, request_checksum_calculation="when_required")
    bucket = world.bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=BIG)
    assert body(s3, bucket, "k") == BIG


@check
def aws_chunked_unsigned_trailers_are_verified(world):
    # As boto3 and aws cli send them over TLS; over http they are made by hand, presigned by header.
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    bucket = world.bucket()

    class Auth(S3SigV4Auth):
        def payload(self, request):
            return "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    def put(data, crc):
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [data[:70000], data[70000:]] if part)
        wire = chunks + b"0\r\nx-amz-checksum-crc32:" + crc + b"\r\n\r\n"
        request = AWSRequest("PUT", f"{world.options.endpoint}/{bucket}/k", data=wire, headers={
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": str(len(data)),
            "x-amz-trailer": "x-amz-checksum-crc32", "Content-Encoding": "aws-chunked", "Content-Length": str(len(wire)),
        })
        Auth(Credentials(world.options.key, world.options.secret), "s3", world.options.region).add_auth(request)
        prepared = request.prepare()
        return requests.put(prepared.url, data=wire, headers=dict(prepared.headers))

    for data in [b"small", BIG[:500000]]:
        right = base64.b64encode(zlib.crc32(data).to_bytes(4, "big"))
        answer = put(data, right)
        assert answer.status_code == 200, answer.text
        got = world.s3.get_object(Bucket=bucket, Key="k")
        assert got["Body"].read() == data and "ContentEncoding" not in got
        answer = put(data, base64.b64encode(b"1234"))
        assert answer.status_code == 400 and "BadDigest" in answer.text, answer.text


# --- boto3: lists ----------------------------------------------------------------------------------------------------
@check
def lists_have_pages_prefixes_and_delimiters(world):
    s3, bucket = world.s3, world.bucket()
    keys = sorted([f"d{d}/{n}" for d in range(5) for n in range(7)] + ["top1", "top2"])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: world.s3.put_object(Bucket=bucket, Key=key, Body=b""), keys))
    for call in ["list_objects", "list_objects_v2"]:
        pages = s3.get_paginator(call).paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
        assert [o["Key"] for page in pages for o in page.get("Contents", [])] == keys, call
        pages = s3.get_paginator(call).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2})
        found = [(o.get("Key") or o.get("Prefix")) for page in pages for o in page.get("CommonPrefixes", []) + page.get("Contents", [])]
        assert found == [f"d{d}/" for d in range(5)] + ["top1", "top2"], (call, found)
        page = getattr(s3, call)(Bucket=bucket, Prefix="d3/", Delimiter="/")
        assert [o["Key"] for o in page["Contents"]] == [f"d3/{n}" for n in range(7)]
    page = s3.list_objects_v2(Bucket=bucket, StartAfter="d4/5", MaxKeys=2)
    assert [o["Key"] for o in page["Contents"]] == ["d4/6", "top1"] and page["KeyCount"] == 2
    refused("InvalidArgument", s3.list_objects_v2, Bucket=bucket, ContinuationToken="made-up")
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


@check
def versions_and_delete_markers(world):
    s3, bucket = world.s3, world.bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    two = s3.put_object(Bucket=bucket, Key="k", Body=BIG)["VersionId"]
    assert body(s3, bucket, "k") == BIG and body(s3, bucket, "k", VersionId=one) == b"one"
    assert body(s3, bucket, "k", VersionId="null") == b"null"
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="k")
    refused("MethodNotAllowed", s3.get_object, Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    listed = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in listed["Versions"]] == [two, one, "null"]
    assert [m["IsLatest"] for m in listed["DeleteMarkers"]] == [True]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert body(s3, bucket, "k") == BIG
    s3.delete_object(Bucket=bucket, Key="k", VersionId=two)
    assert body(s3, bucket, "k") == b"one"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"null again")
    assert body(s3, bucket, "k", VersionId="null") == b"null again"
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [v["VersionId"] for v in listed] == ["null", one], listed
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert [v["VersionId"] for page in pages for v in page.get("Versions", [])] == ["null", one]
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)
    for version in ["null", one]:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    s3.delete_bucket(Bucket=bucket)


# --- boto3: copies and parts -----------------------------------------------------------------------------------------
@check
def copies_of_whole_objects(world):
    s3, bucket = world.s3, world.bucket()
    s3.put_object(Bucket=bucket, Key="a ü", Body=BIG, Metadata={"a": "1"}, ContentType="x/y")
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a ü"})
    got = s3.get_object(Bucket=bucket, Key="b")
    assert got["Body"].read() == BIG and got["Metadata"] == {"a": "1"} and got["ContentType"] == "x/y"
    s3.put_object(Bucket=bucket, Key="c", Body=b"old and longer than what replaces it")
    s3.put_object(Bucket=bucket, Key="s", Body=b"new")
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "s"}, MetadataDirective="REPLACE", Metadata={"z": "9"})
    got = s3.get_object(Bucket=bucket, Key="c")
    assert got["Body"].read() == b"new" and got["Metadata"] == {"z": "9"}
    refused("InvalidRequest", s3.copy_object, Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "c"})
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "c"}, MetadataDirective="REPLACE")
    refused("NoSuchKey", s3.copy_object, Bucket=bucket, Key="d", CopySource={"Bucket": bucket, "Key": "none"})
    refused("PreconditionFailed", s3.copy_object, Bucket=bucket, Key="d", CopySource={"Bucket": bucket, "Key": "s"}, CopySourceIfMatch='"x"')


@check
def uploads_in_parts(world):
    s3, bucket = world.s3, world.bucket()
    size = MIN_PART
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ContentType="x/y", Metadata={"a": "b"})["UploadId"]
    parts = []
    for number, data in [(1, BIG[:size]), (3, BIG[size:2 * size]), (7, b"last")]:
        tag = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=data)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    assert [p["PartNumber"] for p in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]] == [1, 3, 7]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["k"]
    finish = lambda parts: s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    refused("InvalidPartOrder", finish, parts[::-1])
    refused("InvalidPart", finish, [{"PartNumber": 1, "ETag": '"x"'}])
    done = finish(parts)
    md5s = b"".join(hashlib.md5(d).digest() for d in [BIG[:size], BIG[size:2 * size], b"last"])
    assert done["ETag"].strip('"') == hashlib.md5(md5s).hexdigest() + "-3"
    assert finish(parts)["ETag"] == done["ETag"]  # a repeated request gets the same answer
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == BIG[:2 * size] + b"last" and got["ContentType"] == "x/y" and got["Metadata"] == {"a": "b"}
    got = s3.get_object(Bucket=bucket, Key="k", PartNumber=3)
    assert got["Body"].read() == BIG[size:2 * size] and got["PartsCount"] == 3
    assert body(s3, bucket, "k", Range=f"bytes={size - 5}-{size + 5}") == BIG[size - 5:size + 6]
    refused("NoSuchUpload", s3.upload_part, Bucket=bucket, Key="k", UploadId=upload, PartNumber=9, Body=b"")
    small = s3.create_multipart_upload(Bucket=bucket, Key="s")["UploadId"]
    tags = [s3.upload_part(Bucket=bucket, Key="s", UploadId=small, PartNumber=n, Body=b"x")["ETag"] for n in (1, 2)]
    refused("EntityTooSmall", s3.complete_multipart_upload, Bucket=bucket, Key="s", UploadId=small, MultipartUpload={"Parts": [{"PartNumber": n + 1, "ETag": t} for n, t in enumerate(tags)]})
    s3.abort_multipart_upload(Bucket=bucket, Key="s", UploadId=small)
    refused("NoSuchUpload", s3.list_parts, Bucket=bucket, Key="s", UploadId=small)
    refused("InvalidArgument", s3.upload_part, Bucket=bucket, Key="s", UploadId=small, PartNumber=10001, Body=b"")


@check
def uploads_with_checksums(world):
    s3, bucket = world.s3, world.bucket()
    size = MIN_PART
    for algorithm, kind in [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("SHA256", "COMPOSITE"), ("SHA1", "COMPOSITE")]:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind)["UploadId"]
        parts = []
        for number, data in [(1, BIG[:size]), (2, b"last")]:
            part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=data, ChecksumAlgorithm=algorithm)
            parts.append({"PartNumber": number, "ETag": part["ETag"], f"Checksum{algorithm}": part[f"Checksum{algorithm}"]})
        done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
        assert done["ChecksumType"] == kind
        if kind == "FULL_OBJECT":
            crc = zlib.crc32(BIG[:size] + b"last").to_bytes(4, "big")
            assert done["ChecksumCRC32"] == base64.b64encode(crc).decode()
        else:
            assert done[f"Checksum{algorithm}"].endswith("-2")
        assert body(s3, bucket, "k", ChecksumMode="ENABLED") == BIG[:size] + b"last"


@check
def the_transfer_manager_moves_large_files(world):
    bucket = world.bucket()
    path = world.file(BIG)
    world.s3.upload_file(path, bucket, "k")
    target = os.path.join(world.folder, uuid.uuid4().hex)
    world.s3.download_file(bucket, "k", target)
    assert open(target, "rb").read() == BIG
    world.s3.copy({"Bucket": bucket, "Key": "k"}, bucket, "copied")
    assert body(world.s3, bucket, "copied") == BIG


@check
def parts_are_copied_with_ranges(world):
    s3, bucket = world.s3, world.bucket()
    s3.put_object(Bucket=bucket, Key="source", Body=BIG)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    copy = lambda number, text: s3.upload_part_copy(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, CopySource={"Bucket": bucket, "Key": "source"}, CopySourceRange=text)["CopyPartResult"]["ETag"]
    tags = [copy(1, "bytes=0-5242879"), copy(2, "bytes=5242880-5242900")]
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": n + 1, "ETag": t} for n, t in enumerate(tags)]})
    assert body(s3, bucket, "k") == BIG[:5242901]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k2")["UploadId"]
    refused("InvalidRange", s3.upload_part_copy, Bucket=bucket, Key="k2", UploadId=upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "source"}, CopySourceRange="bytes=0-999999999")


@check
def an_upload_of_more_parts_than_a_record_names_goes_by_a_manifest(world):
    s3, bucket, count = world.s3, world.bucket(), PARTS_IN_RECORD + 1
    part = lambda n: BIG[n:n + MIN_PART]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    put = lambda n: {"PartNumber": n, "ETag": s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=n, Body=part(n))["ETag"]}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(put, range(1, count + 1)))
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert done["ETag"].strip('"').endswith(f"-{count}"), done["ETag"]
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["ContentLength"] == count * MIN_PART
    for n in range(1, count + 1):
        assert got["Body"].read(MIN_PART) == part(n), n
    # Across the last two parts, which two pages of the manifest name.
    middle = (count - 1) * MIN_PART
    assert body(s3, bucket, "k", Range=f"bytes={middle - 3}-{middle + 3}") == part(count - 1)[-3:] + part(count)[:4]
    assert s3.get_object(Bucket=bucket, Key="k", PartNumber=count)["PartsCount"] == count
    s3.delete_object(Bucket=bucket, Key="k")


# --- boto3: who may do what ------------------------------------------------------------------------------------------
@check
def signatures_are_checked(world):
    bucket = world.bucket()
    wrong = world.client(secret="wrong")
    refused("SignatureDoesNotMatch", wrong.list_objects_v2, Bucket=bucket)
    refused("InvalidAccessKeyId", world.client(key="unknown").list_objects_v2, Bucket=bucket)
    refused("SignatureDoesNotMatch", world.client(secret="wrong", signature_version="s3").list_objects_v2, Bucket=bucket)
    answer = requests.get(f"{world.options.endpoint}/{bucket}/k", headers={"Authorization": "nonsense"})
    assert answer.status_code == 400, answer.text
    answer = requests.get(f"{world.options.endpoint}/")
    assert answer.status_code == 403 and "AccessDenied" in answer.text


@check
def skewed_clocks_are_refused(world):
    from botocore.auth import HmacV1Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    bucket = world.bucket()
    request = AWSRequest("GET", f"{world.options.endpoint}/{bucket}", headers={"Date": "Tue, 14 Nov 2023 22:13:20 GMT"})
    auth = HmacV1Auth(Credentials(world.options.key, world.options.secret))
    auth._get_date = lambda: "Tue, 14 Nov 2023 22:13:20 GMT"
    auth.add_auth(request)
    answer = requests.get(f"{world.options.endpoint}/{bucket}", headers=dict(request.headers))
    assert answer.status_code == 403 and "RequestTimeTooSkewed" in answer.text, answer.text


@check
def tenants_are_apart(world):
    bucket = world.bucket()
    world.s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    refused("AccessDenied", world.other.get_object, Bucket=bucket, Key="k")
    refused("AccessDenied", world.other.list_objects_v2, Bucket=bucket)
    refused("AccessDenied", world.other.put_object, Bucket=bucket, Key="k", Body=b"y")
    refused("AccessDenied", world.other.delete_object, Bucket=bucket, Key="k")
    refused("AccessDenied", world.other.delete_bucket, Bucket=bucket)
    refused("AccessDenied", world.other.get_bucket_acl, Bucket=bucket)
    refused("BucketAlreadyExists", world.other.create_bucket, Bucket=bucket)
    refused("BucketAlreadyOwnedByYou", world.s3.create_bucket, Bucket=bucket)
    assert bucket not in [b["Name"] for b in world.other.list_buckets()["Buckets"]]
    own = world.other.put_object
    refused("AccessDenied", own, Bucket=bucket, Key="copy", Body=b"")
    assert requests.get(f"{world.options.endpoint}/{bucket}/k").status_code == 403


@check
def lists_of_access_permit(world):
    s3, other, bucket = world.s3, world.other, world.bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    assert requests.get(f"{world.options.endpoint}/{bucket}/k").content == b"x"
    assert body(other, bucket, "k") == b"x"
    grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    assert sorted(g["Permission"] for g in grants) == ["FULL_CONTROL", "READ"]
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    refused("AccessDenied", other.get_object, Bucket=bucket, Key="k")
    who = other.list_buckets()["Owner"]["ID"]
    s3.put_object_acl(Bucket=bucket, Key="k", GrantRead=f"id={who}")
    assert body(other, bucket, "k") == b"x"
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    time.sleep(1.2)
    other.put_object(Bucket=bucket, Key="theirs", Body=b"y")
    refused("AccessDenied", s3.get_object, Bucket=bucket, Key="theirs")
    other.put_object(Bucket=bucket, Key="theirs", Body=b"y", ACL="bucket-owner-full-control")
    assert body(s3, bucket, "theirs") == b"y"
    refused("InvalidArgument", s3.put_object_acl, Bucket=bucket, Key="k", GrantRead="id=nobody")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True, "IgnorePublicAcls": True})
    time.sleep(1.2)
    refused("AccessDenied", s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read")
    refused("AccessDenied", other.put_object, Bucket=bucket, Key="theirs", Body=b"y")
    s3.delete_public_access_block(Bucket=bucket)


@check
def policies_permit_and_deny(world):
    s3, other, bucket = world.s3, world.other, world.bucket()
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"x")
    who = other.list_buckets()["Owner"]["ID"]
    statement = lambda effect, action, resource, **more: {"Effect": effect, "Principal": {"AWS": [f"arn:aws:iam::{who}:root"]}, "Action": action, "Resource": f"arn:aws:s3:::{bucket}{resource}", **more}
    put = lambda *statements: (s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)})), time.sleep(1.2))
    put(statement("Allow", "s3:GetObject", "/open/*"), statement("Allow", "s3:ListBucket", "", Condition={"StringLike": {"s3:prefix": "open/*"}}))
    assert body(other, bucket, "open/k") == b"x"
    assert other.list_objects_v2(Bucket=bucket, Prefix="open/")["KeyCount"] == 1
    refused("AccessDenied", other.list_objects_v2, Bucket=bucket)
    put(statement("Allow", "s3:*", "/*"), statement("Deny", "s3:DeleteObject", "/*"))
    other.put_object(Bucket=bucket, Key="theirs", Body=b"y")
    refused("AccessDenied", other.delete_object, Bucket=bucket, Key="theirs")
    refused("MalformedPolicy", s3.put_bucket_policy, Bucket=bucket, Policy="{}")
    refused("MalformedPolicy", s3.put_bucket_policy, Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement("Allow", "s3:*", "/*", Condition={"DateLessThan": {"a": "b"}})]}))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    s3.delete_bucket_policy(Bucket=bucket)
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=bucket)


@check
def presigned_urls_of_both_versions(world):
    bucket = world.bucket()
    for version in ["s3", "s3v4"]:
        s3 = world.client(signature_version=version)
        put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b/ü"}, ExpiresIn=60)
        answer = requests.put(put, data=b"signed")
        assert answer.status_code == 200, answer.text
        get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü"}, ExpiresIn=60)
        assert requests.get(get).content == b"signed"
        start, signature = get.split("ature=", 1)
        answer = requests.get(f"{start}ature={'b' if signature[0] == 'a' else 'a'}{signature[1:]}")
        assert answer.status_code == 403 and "SignatureDoesNotMatch" in answer.text, answer.text
        old = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü"}, ExpiresIn=1)
        time.sleep(2.5)
        answer = requests.get(old)
        assert answer.status_code == 403 and "AccessDenied" in answer.text, answer.text
    default = boto3.client("s3", endpoint_url=world.options.endpoint, region_name=world.options.region, aws_access_key_id=world.options.key, aws_secret_access_key=world.options.secret)
    assert requests.get(default.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü"})).content == b"signed"


@check
def forms_upload_objects(world):
    bucket = world.bucket()
    for version, signature in [("s3", "signature"), ("s3v4", "x-amz-signature")]:
        s3 = world.client(signature_version=version)
        conditions = [{"success_action_status": "201"}, ["starts-with", "$key", "form/"], ["content-length-range", 1, 100]]
        form = s3.generate_presigned_post(bucket, "form/${filename}", Fields={"success_action_status": "201"}, Conditions=conditions)
        post = lambda data, **fields: requests.post(form["url"], data={**form["fields"], **fields}, files={"file": ("name.txt", data)})
        answer = post(b"by a form")
        assert answer.status_code == 201 and "<Key>" in answer.text, (answer.status_code, answer.text)
        assert body(world.s3, bucket, "form/name.txt") == b"by a form"
        answer = post(b"x" * 101)
        assert answer.status_code == 400 and "EntityTooLarge" in answer.text, answer.text
        answer = post(b"x", key="elsewhere")
        assert answer.status_code in (400, 403), answer.text
        answer = post(b"x", **{signature: "0" * 64})
        assert answer.status_code == 403 and "SignatureDoesNotMatch" in answer.text, answer.text
        world.s3.delete_object(Bucket=bucket, Key="form/name.txt")


@check
def browsers_are_answered(world):
    s3, bucket = world.s3, world.bucket()
    url = f"{world.options.endpoint}/{bucket}/k"
    ask = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-date"}
    assert requests.options(url, headers=ask).status_code == 403
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [{"AllowedOrigins": ["https://*.example.com"], "AllowedMethods": ["PUT", "GET"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}]})
    assert len(s3.get_bucket_cors(Bucket=bucket)["CORSRules"]) == 1
    time.sleep(1.2)
    answer = requests.options(url, headers=ask)
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert answer.headers["Access-Control-Max-Age"] == "60"
    assert requests.options(url, headers={**ask, "Origin": "https://evil.org"}).status_code == 403
    answer = requests.get(url, headers={"Origin": "https://app.example.com"})
    assert answer.status_code == 403 and answer.headers["Access-Control-Expose-Headers"] == "ETag"
    s3.delete_bucket_cors(Bucket=bucket)


@check
def tags_of_buckets_and_objects(world):
    s3, bucket = world.s3, world.bucket()
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    s3.delete_bucket_tagging(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="x=1&y=2")
    assert len(s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]) == 2
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "z", "Value": "3"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "z", "Value": "3"}]
    many = [{"Key": str(n), "Value": ""} for n in range(11)]
    refused("InvalidTag", s3.put_object_tagging, Bucket=bucket, Key="k", Tagging={"TagSet": many})
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


@check
def lifecycles_are_kept(world):
    s3, bucket = world.s3, world.bucket()
    rules = [
        {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}},
        {"ID": "b", "Status": "Disabled", "Filter": {"And": {"Prefix": "x", "Tags": [{"Key": "k", "Value": "v"}]}}, "NoncurrentVersionExpiration": {"NoncurrentDays": 7}},
        {"ID": "c", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    refused("InvalidArgument", s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [rules[0], rules[0]]})
    s3.delete_bucket_lifecycle(Bucket=bucket)


@check
def attributes_of_objects(world):
    s3, bucket = world.s3, world.bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"data", ChecksumAlgorithm="SHA256")
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"])
    assert found["ObjectSize"] == 4 and found["Checksum"]["ChecksumSHA256"] and found["StorageClass"] == "STANDARD"


@check
def buckets_in_host_names(world):
    if not world.options.domain:
        raise Skipped("--domain is not given")
    port = urllib.parse.urlparse(world.options.endpoint).port
    s3 = boto3.client(
        "s3", endpoint_url=f"http://{world.options.domain}:{port}", region_name=world.options.region,
        aws_access_key_id=world.options.key, aws_secret_access_key=world.options.secret,
        config=Config(s3={"addressing_style": "virtual"}),
    )
    resolve = socket.getaddrinfo
    local = lambda host, *rest, **named: resolve("127.0.0.1" if str(host).endswith(world.options.domain) else host, *rest, **named)
    socket.getaddrinfo = local
    try:
        bucket = world.bucket()
        s3.put_object(Bucket=bucket, Key="a/ü", Body=b"host")
        assert body(s3, bucket, "a/ü") == b"host"
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a/ü"})
        assert requests.get(url).content == b"host"
    finally:
        socket.getaddrinfo = resolve


@check
def buckets_come_and_go(world):
    s3 = world.s3
    for bad in ["ab", "Has-Upper", "under_score", "192.168.0.1", "-a-b"]:
        refused("InvalidBucketName", boto_raw(world).create_bucket, Bucket=bad)
    bucket = world.bucket()
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] in (None, world.options.region)
    s3.head_bucket(Bucket=bucket)
    assert bucket in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    refused("404", s3.head_bucket, Bucket=bucket)
    refused("NoSuchBucket", s3.put_object, Bucket=bucket, Key="k", Body=b"")
    s3.create_bucket(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def boto_raw(world):
    from botocore.handlers import validate_bucket_name

    s3 = world.client()
    s3.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    return s3


@check
def bodies_that_are_cut_store_nothing(world):
    s3, bucket = world.s3, world.bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    url = urllib.parse.urlparse(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}))
    connection = http.client.HTTPConnection(url.hostname, url.port)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("Content-Length", str(1 << 20))
    connection.endheaders()
    connection.send(b"x" * 1000)
    connection.close()
    time.sleep(0.3)
    assert body(s3, bucket, "k") == b"before"


@check
def malformed_requests_have_clear_answers(world):
    s3, bucket = world.s3, world.bucket()

    def signed(method, query, data, **headers):
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        request = AWSRequest(method, f"{world.options.endpoint}/{bucket}?{query}", data=data, headers=headers)
        S3SigV4Auth(Credentials(world.options.key, world.options.secret), "s3", world.options.region).add_auth(request)
        prepared = request.prepare()
        return requests.request(method, prepared.url, data=data, headers=dict(prepared.headers))

    answer = signed("POST", "delete=", b"<Delete><Object>")
    assert answer.status_code == 400 and "MalformedXML" in answer.text, answer.text
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>'
    answer = signed("POST", "delete=", bomb)
    assert answer.status_code == 400, answer.text
    answer = signed("PUT", "tagging=", b"<Tagging>" + b"x" * (5 << 20) + b"</Tagging>")
    assert answer.status_code == 400, answer.status_code
    answer = signed("POST", "delete=", b"<Delete><Object><Key>a</Key></Object></Delete>", **{"Content-MD5": base64.b64encode(b"0" * 16).decode()})
    assert answer.status_code == 400 and "BadDigest" in answer.text, answer.text
    answer = signed("PATCH", "", b"")
    assert answer.status_code in (405, 501), answer.status_code


def main():
    parser = argparse.ArgumentParser()
    for name in ["endpoint", "key", "secret", "other-key", "other-secret"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--domain", help="the gateway's domain: buckets in host names are tried as well")
    parser.add_argument("--only", help="checks whose names have this in them")
    world = World(parser.parse_args())
    passed, failed, skipped = 0, [], []
    for one in CHECKS:
        if world.options.only and world.options.only not in one.__name__:
            continue
        started = time.time()
        try:
            one(world)
            passed += 1
            print(f"ok      {one.__name__} ({time.time() - started:.1f} s)", flush=True)
        except Skipped as why:
            skipped.append(one.__name__)
            print(f"skipped {one.__name__}: {why}", flush=True)
        except Exception:
            failed.append(one.__name__)
            print(f"FAILED  {one.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {len(skipped)} skipped {skipped}, {len(failed)} failed {failed}")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
