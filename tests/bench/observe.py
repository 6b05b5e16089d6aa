"""What being watched costs: the same load with everything that watches, and without what can be switched off."""
import contextlib
import threading
import urllib.request

SCRAPE = 5.0  # seconds, as Prometheus' do

OFF = """
[history]
memory = "0B"
"""
ALL = """
[history]
disk_free = "0B"
"""


@contextlib.contextmanager
def scraped(port):
    """Meanwhile /metrics is read every few seconds, as is what an open dashboard asks for."""
    over, failed = threading.Event(), []

    def run():
        while not over.is_set():
            try:
                for path in ("metrics", "api/curves?step=1&since=0", "api/sources"):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30).read()
            except OSError as error:
                failed.append(error)
            over.wait(SCRAPE)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failed:
        raise SystemExit(f"/metrics: {failed[0]}")


def measure(bench, options, compare, series):
    """|compare| and |series| are measure.py's. All variants keep their state in a file."""
    sink = bench.null(550)
    http = bench.free_port()
    path = bench.place("observed")
    variants = [
        ("counters only, log to /dev/null", dict(extra=OFF, log="/dev/null")),
        ("and a log file", dict(extra=OFF)),
        ("and accounts in memory", dict(extra='[history]\nsize = "0B"\n')),
        ("and history.db, scraped: all", dict(extra=ALL, http=f"127.0.0.1:{http}")),
    ]
    all_of_them = []
    for number, (what, how) in enumerate(variants):
        server = bench.ravelin(sink, state=path / f"state-{number}.db", greylist="off", **how)
        all_of_them.append(series(what, server))
    with scraped(http):
        compare(f"Being watched: {options.dialogs} refused recipients, 500 at once, pipelining sink behind",
                "dialogs", all_of_them, options.rounds, options.dialogs, 0, 500, True)
    bench.end()
