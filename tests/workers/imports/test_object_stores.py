"""What imports from S3 and Azure ask for, and of whom."""

import base64
import sys

import httpx
import pytest
from moto.server import ThreadedMotoServer

from oddline.errors import DataError, ParameterError, RunError
from oddline_workers.imports import azure
from oddline_workers.imports.request import read
from oddline_workers.outbound import fetch
from oddline_workers.settings import Settings
from workers.imports.remote import answer, remote

SECRET = "s3cr3t-of-a-client"
KEYS = {"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": SECRET}
ROWS = b"a,b\n1,2\n"


@pytest.fixture(scope="module")
def store():
    """An object store on this machine: its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    base = f"http://{host}:{port}"
    httpx.put(f"{base}/my-data").raise_for_status()
    public = {"Content-Type": "text/csv", "x-amz-acl": "public-read"}
    httpx.put(f"{base}/my-data/b/ü c.csv", content=ROWS, headers=public).raise_for_status()
    httpx.put(f"{base}/my-data/private.csv", content=ROWS).raise_for_status()
    yield base
    server.stop()


def s3(**more):
    return read("s3", {"dataSetName": "a", "bucket": "my-data", "path": "b/ü c.csv", **more})


def fetched(request, settings):
    target = request.target(settings)
    found = fetch(target.url, settings, headers=target.headers, auth=target.auth, own=target.own)
    with found.file as file:
        return file.read(), found.content_type


class TestS3:
    def test_an_object_of_the_operators_store(self, store):
        """It may be inside, and needs no network to be allowed."""
        there = Settings(s3_endpoint=store)
        assert fetched(s3(**KEYS), there) == (ROWS, "text/csv")
        assert fetched(s3(), there) == (ROWS, "text/csv")
        assert fetched(s3(path="private.csv", **KEYS), there)[0] == ROWS
        with pytest.raises(DataError, match="answered 403"):
            fetched(s3(path="private.csv"), there)

    def test_an_object_that_is_not_there(self, store):
        with pytest.raises(DataError, match="answered 404 NOT FOUND"):
            fetched(s3(path="other.csv", **KEYS), Settings(s3_endpoint=store))

    def test_goes_where_the_operator_says_and_not_the_client(self, store):
        found = s3(endpoint="http://127.0.0.1:1", s3_endpoint="http://127.0.0.1:1", own="http://127.0.0.1:1")
        assert found.target(Settings(s3_endpoint=store)).url.startswith(store + "/my-data/")
        assert found.target(Settings()).url == "https://my-data.s3.us-east-1.amazonaws.com/b/%C3%BC%20c.csv"

    @pytest.mark.parametrize(
        ("bucket", "region", "url"),
        [
            ("my-data", "eu-west-1", "https://my-data.s3.eu-west-1.amazonaws.com/a"),
            ("my.data", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/my.data/a"),
            ("my-data", "cn-north-1", "https://my-data.s3.cn-north-1.amazonaws.com.cn/a"),
            ("my-data", "us-gov-west-1", "https://my-data.s3.us-gov-west-1.amazonaws.com/a"),
        ],
    )
    def test_each_region_and_bucket_has_its_place(self, bucket, region, url):
        assert s3(bucket=bucket, region=region, path="/a").target(Settings()).url == url

    def test_where_a_store_administers_itself_is_no_bucket(self, store):
        for bucket in ("minio", "admin"):
            with pytest.raises(ParameterError, match="none for data"):
                s3(bucket=bucket, path="v3/info").target(Settings(s3_endpoint=store))

    def test_the_signature_is_of_the_key_and_does_not_hold_it(self):
        target = s3(**KEYS).target(Settings())
        assert target.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "/us-east-1/s3/aws4_request" in target.headers["Authorization"]
        assert SECRET not in str(dict(target.headers))

    def test_nothing_of_the_machine_signs_what_brings_no_key(self, store, monkeypatch, tmp_path):
        (tmp_path / "credentials").write_text(
            "[default]\naws_access_key_id=AKIDHERE\naws_secret_access_key=x\n"
        )
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDHERE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        target = s3().target(Settings())
        assert dict(target.headers) == {}
        assert target.url.startswith("https://my-data.s3.")
        assert "AKIDHERE" not in s3(**KEYS).target(Settings()).headers["Authorization"]

    def test_the_key_of_the_settings_signs_what_brings_none(self, tmp_path):
        (tmp_path / "secret").write_text(SECRET + "\n")
        chosen = Settings(s3_access_key_id="AKIDOURS", s3_secret_access_key_file=str(tmp_path / "secret"))
        assert "Credential=AKIDOURS/" in s3().target(chosen).headers["Authorization"]
        assert "Credential=AKIDEXAMPLE/" in s3(**KEYS).target(chosen).headers["Authorization"]
        for half in (
            Settings(s3_access_key_id="AKIDOURS"),
            Settings(s3_secret_access_key_file=str(tmp_path / "secret")),
            Settings(s3_access_key_id="AKIDOURS", s3_secret_access_key_file=str(tmp_path / "none")),
        ):
            with pytest.raises(RunError, match="ODDLINE_S3_SECRET_ACCESS_KEY_FILE") as told:
                s3().target(half)
            assert told.value.code == "not_configured"

    def test_without_botocore_what_has_a_key_says_what_to_install(self, store, monkeypatch):
        for name in [*sys.modules]:
            if name.partition(".")[0] == "botocore":
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "botocore", None)
        with pytest.raises(RunError, match=r"oddline\[s3\]") as told:
            s3(**KEYS).target(Settings())
        assert told.value.code == "not_configured"
        assert fetched(s3(), Settings(s3_endpoint=store))[0] == ROWS


KEY = base64.b64encode(bytes(range(64))).decode()
DATE = "Fri, 27 Nov 2026 01:02:03 GMT"


class TestAzure:
    @pytest.mark.parametrize(
        ("account", "url", "signature"),
        [
            ("oddaccount", "https://oddaccount.blob.core.windows.net/data/a%20b/c.csv.gz",
             "byN997l7S4yLYkzZFXZV31M8RvrvQyhuWmIHEpsqEyY="),
            ("devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1/data/x.json",
             "ksY7SpGZH84u2ova5xNe+WleloYTZtvSZaSWdWip8X4="),
            ("oddaccount", "https://oddaccount.blob.core.windows.net/data/%C3%BC.csv",
             "H/ydsgU3368DMkJj/x7TvZW8QxLYN0m68IEFr/R/3E4="),
        ],
    )  # fmt: skip
    def test_signs_as_the_vendors_own_library(self, account, url, signature):
        """The signatures are those of azure-storage-blob 12.31.1."""
        found = azure.signed(url, account, KEY, DATE)
        assert found == {
            "x-ms-date": DATE,
            "x-ms-version": "2021-08-06",
            "Authorization": f"SharedKey {account}:{signature}",
        }

    def blob(self, connection, path="b/ü c.csv"):
        return read(
            "azure", {"dataSetName": "a", "connectionString": connection, "container": "data", "blob": path}
        )

    @pytest.mark.parametrize(
        ("connection", "url"),
        [
            (f"AccountName=oddaccount;AccountKey={KEY}", "https://oddaccount.blob.core.windows.net"),
            (f"DefaultEndpointsProtocol=http;AccountName=oddaccount;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn;",
             "http://oddaccount.blob.core.chinacloudapi.cn"),
            (f"BlobEndpoint=https://a.example/oddaccount/;AccountName=oddaccount;AccountKey={KEY}",
             "https://a.example/oddaccount"),
        ],
    )  # fmt: skip
    def test_goes_where_the_connection_string_says(self, connection, url):
        target = self.blob(connection).target(Settings())
        assert target.url == url + "/data/b/%C3%BC%20c.csv"
        assert target.headers["Authorization"].startswith("SharedKey oddaccount:")
        assert target.own == ""

    def test_a_signature_of_its_own_is_sent_as_it_is(self):
        sas = f"sv=2021-08-06&sr=b&sig={SECRET}%3D"
        for connection in (
            f"BlobEndpoint=https://a.example/;SharedAccessSignature={sas}",
            f"AccountName=oddaccount;SharedAccessSignature=?{sas}",
        ):
            target = self.blob(connection).target(Settings())
            assert target.url.endswith(f"/data/b/%C3%BC%20c.csv?{sas}")
            assert "Authorization" not in target.headers

    def test_an_endpoint_inside_is_refused_like_any_address(self):
        with remote() as there:
            there.says["/data/a.csv"] = answer(ROWS)
            found = self.blob(
                f"BlobEndpoint={there.url('')};AccountName=oddaccount;AccountKey={KEY}", "a.csv"
            )
            with pytest.raises(ParameterError, match="not public"):
                fetched(found, Settings())
            assert there.asked == []
            assert fetched(found, Settings(outbound_networks="127.0.0.0/8"))[0] == ROWS
