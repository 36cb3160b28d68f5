"""An S3 server on loopback, moto's, as real HTTP."""

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "team"
ACCESS = "canary-access-4b7f1e9c"
SECRET = "canary-secret-9c2d8a6053"


class S3Server:
    """A running server with one bucket. The environment names it, as s3fs reads it."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.environ = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        reset = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(reset, timeout=20).close()  # servers of one process share objects
        self._client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        self._client.create_bucket(Bucket=BUCKET)

    def stop(self) -> None:
        """Stop it; what it holds is gone."""
        self._server.stop()

    def keys(self, prefix: str = "") -> list[str]:
        """The names of all objects in the bucket."""
        found = self._client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return sorted(one["Key"] for one in found.get("Contents", ()))

    def get(self, key: str) -> bytes:
        """The bytes of an object."""
        return bytes(self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def put(self, key: str, data: bytes) -> None:
        """Put an object, whatever has the name."""
        self._client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._client.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """A server with an empty bucket."""
    server = S3Server()
    try:
        with patch.dict(os.environ, server.environ):
            yield server
    finally:
        server.stop()
