"""test_self_series.py - weft's own metrics as time series: on the grid, through the journal, in the account, and not when told so."""
import pathlib, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from weft import Suite, Weft, wait_until

STEP = 15


def query(weft, expression):
    return weft.json("/api/v1/query?query=%s" % expression)["data"]["result"]


def samples(weft):
    return weft.json("/api/mesh/status")["account"]["samples"]


def written_and_replayed():
    with Weft(config="admin: true\n", own_series=True) as weft:
        found = wait_until("own series", lambda: query(weft, "weft_ready"))
        labels = found[0]["metric"]
        assert labels == {"__name__": "weft_ready", "job": "weft", "instance": weft.http}, labels
        row = query(weft, "weft_ready[1h]")[0]["values"]
        assert row[0][0] % STEP == 0 and row[0][1] == "1", row
        assert len(query(weft, "weft_items_received_total")) == 4
        described = weft.json("/api/v1/metadata?metric=weft_items_received_total")["data"]["weft_items_received_total"][0]
        assert described["type"] == "counter" and described["help"], described
        account = samples(weft)
        assert account["difference"] == 0 and account["received"] == account["stored"] == 0, "the account is of what others sent"
        assert not weft.json("/api/mesh/status")["senders"] and not any(weft.json("/api/mesh/status")["requests"].values())
        weft.kill()
        with Weft(data=weft.data) as again:
            assert query(again, "weft_ready[1h]")[0]["values"][0] == row[0], "what was journalled is there after a crash"
            kept = samples(again)
            assert kept["received"] == kept["difference"] == 0, kept


def off():
    with Weft() as weft:
        end = (time.time() // STEP + 1) * STEP + 1
        wait_until("the next multiple", lambda: time.time() > end, STEP + 5)
        assert not query(weft, "weft_ready") and samples(weft)["received"] == 0


def main():
    suite = Suite("self_series")
    suite.run("written and replayed", written_and_replayed)
    suite.run("off", off)
    suite.close()


if __name__ == "__main__":
    main()
