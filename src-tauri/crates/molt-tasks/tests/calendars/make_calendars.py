"""Writes icalendar.ics and radicale.ics: the same entries as the Python library writes them, and as they come back from a CalDAV
server. The files are committed; this script says how they came to be and lets them be changed.

    pip install icalendar radicale
    python3 src-tauri/crates/molt-tasks/tests/calendars/make_calendars.py
"""

import base64
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, Todo, vDuration, vRecur

HERE = pathlib.Path(__file__).parent
STAMP = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)


def entry(kind, uid, title, **properties):
    component = kind()
    component.add("uid", f"{uid}@moltworker.example")
    component.add("dtstamp", STAMP)
    component.add("summary", title)
    for name, value in properties.items():
        component.add(name.replace("_", "-"), value)
    return component


def alarm(trigger, **parameters):
    component = Alarm()
    component.add("action", "DISPLAY")
    component.add("description", "Reminder")
    component.add("trigger", trigger, parameters=parameters or None)
    return component


def entries():
    berlin, new_york, kolkata = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata"))
    weekly = entry(
        Event,
        "weekly",
        "Stand-up; team, \\ “north”",
        dtstart=datetime(2026, 11, 24, 9, 15, tzinfo=berlin),
        dtend=datetime(2026, 11, 24, 9, 30, tzinfo=berlin),
        rrule=vRecur(freq="weekly", byday=["TU", "TH"], until=datetime(2027, 3, 30, 7, 15, tzinfo=timezone.utc)),
        location="Room 5",
        categories=["work", "team a,b"],
    )
    weekly.add_component(alarm(timedelta(minutes=-15)))
    weekly.add_component(alarm(datetime(2026, 11, 24, 7, 15, tzinfo=timezone.utc)))
    fold = "把这些行折叠起来，折叠处可能在一个汉字的中间。" * 8
    todo = entry(
        Todo,
        "todo",
        "交房租 🏠",
        due=datetime(2026, 12, 1, 18, 30, tzinfo=new_york),
        priority=1,
        description=f"First line\nsecond; with, marks\n{fold}",
        status="NEEDS-ACTION",
    )
    todo.add_component(alarm(timedelta(minutes=-30), RELATED="END"))
    todo.add_component(alarm(timedelta(days=-1), RELATED="END"))
    birthday = entry(Event, "birthday", "Birthday", dtstart=date(2026, 12, 24), rrule=vRecur(freq="yearly"))
    birthday.add_component(alarm(timedelta(hours=-15)))
    utc = entry(Todo, "utc", "Release", due=datetime(2026, 11, 30, 23, 0, tzinfo=timezone.utc), priority=9)
    utc.add_component(alarm(timedelta(0), RELATED="END"))
    month_end = entry(
        Todo,
        "month-end",
        "Close the books",
        dtstart=datetime(2026, 11, 30, 17, 0, tzinfo=new_york),
        rrule=vRecur(freq="monthly", bymonthday=[-1], count=6),
    )
    month_end.add_component(alarm(timedelta(hours=-2)))
    done = entry(
        Todo,
        "done",
        "Order paper",
        due=date(2026, 11, 20),
        status="COMPLETED",
        completed=datetime(2026, 11, 19, 10, 30, tzinfo=timezone.utc),
    )
    course = entry(
        Event,
        "course",
        "Yoga",
        dtstart=datetime(2026, 11, 25, 6, 0, tzinfo=kolkata),
        duration=timedelta(hours=1),
        rrule=vRecur(freq="weekly", interval=2),
    )
    course.add_component(alarm(timedelta(minutes=-90), RELATED="END"))
    floating = entry(Event, "floating", "Breakfast", dtstart=datetime(2026, 11, 26, 8, 0))
    part = entry(Todo, "part", "Sign the form")
    part.add("related-to", "todo@moltworker.example")
    part.add("estimated-duration", vDuration(timedelta(minutes=45)))
    return [weekly, todo, birthday, utc, month_end, done, course, floating, part]


def calendar(components):
    result = Calendar()
    result.add("prodid", "-//icalendar//EN")
    result.add("version", "2.0")
    for component in components:
        result.add_component(component)
    result.add_missing_timezones()
    return result.to_ical()


def through_radicale(components):
    """Each entry is put on a server of its own, which is asked for all of them at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}/ann/tasks/"

    # Anybody may log in, but somebody must.
    name = base64.b64encode(b"ann:x").decode()
    headers = {"Authorization": f"Basic {name}", "Content-Type": "text/calendar; charset=utf-8"}

    def ask(method, path="", body=None):
        request = urllib.request.Request(base + path, data=body, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    with tempfile.TemporaryDirectory() as folder:
        options = [f"--server-hosts=127.0.0.1:{port}", "--auth-type=none", "--rights-type=authenticated"]
        options += [f"--storage-filesystem-folder={folder}", "--config="]
        server = subprocess.Popen([sys.executable, "-m", "radicale", *options], stderr=subprocess.DEVNULL)
        try:
            for _ in range(600):
                try:
                    ask("MKCALENDAR")
                    break
                except urllib.error.HTTPError as error:
                    sys.exit(f"the server refused: {error} {error.read()}")
                except OSError:
                    time.sleep(0.1)
            for component in components:
                ask("PUT", f"{component['uid'].split('@')[0]}.ics", calendar([component]))
            return ask("GET")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    written = entries()
    (HERE / "icalendar.ics").write_bytes(calendar(written))
    (HERE / "radicale.ics").write_bytes(through_radicale(entries()))
