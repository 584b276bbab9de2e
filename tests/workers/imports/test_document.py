"""An import as the dialect shows it."""

from oddline.errors import DataError
from oddline_workers.imports.document import describe
from oddline_workers.imports.request import read
from oddline_workers.jobs import Status
from workers.trials import new_job

AT = 1_525_252_443_120_045


def an_import(**changes):
    body = {
        "dataSetName": "my hearts?1",
        "url": "https://a.example/c.csv?sig=1",
        "columns": {"Bpm": {"dataType": 1}},
    }
    return new_job(kind="import", dialect="nexosis", spec=read("url", body).spec(), submitted=AT, **changes)


def test_straight_after_the_request():
    job = an_import()
    assert describe(job, "http://host/v1") == {
        "importId": job.id,
        "type": "url",
        "status": "requested",
        "dataSetName": "my hearts?1",
        "parameters": {"url": "https://a.example/c.csv"},
        "requestedDate": "2018-05-02T09:14:03.120045+00:00",
        "statusHistory": [{"date": "2018-05-02T09:14:03.120045+00:00", "status": "requested"}],
        "messages": [],
        "columns": {"Bpm": {"dataType": 1}},
        "links": [
            {"rel": "self", "href": f"http://host/v1/imports/{job.id}"},
            {"rel": "data", "href": "http://host/v1/data/my%20hearts%3F1"},
        ],
    }


def words(**changes):
    found = describe(an_import(**changes), "http://host/v1")
    return found["status"], [step["status"] for step in found["statusHistory"]], found["messages"]


def test_on_its_way():
    started = {"execution_started": AT + 1, "attempt": 1}
    assert words(status=Status.QUEUED) == ("requested", ["requested"], [])
    assert words(status=Status.EXECUTING, **started) == ("started", ["requested", "started"], [])
    noted = [{"severity": "informational", "message": "3 rows"}]
    assert words(status=Status.DONE, done=AT + 2, result={"messages": noted}, **started) == (
        "completed", ["requested", "started", "completed"], noted,
    )  # fmt: skip
    why = DataError("The address answered 404 Not Found.").to_dict()
    assert words(status=Status.ERROR, done=AT + 2, error=why, **started) == (
        "failed",
        ["requested", "started", "failed"],
        [{"severity": "error", "message": "The address answered 404 Not Found."}],
    )
    assert words(status=Status.CANCELLED, done=AT + 2) == ("cancelled", ["requested", "cancelled"], [])


def test_dates_after_the_request_have_seven_digits():
    found = describe(an_import(status=Status.EXECUTING, execution_started=AT + 1), "http://host/v1")
    assert found["statusHistory"][1]["date"] == "2018-05-02T09:14:03.1200460+00:00"
