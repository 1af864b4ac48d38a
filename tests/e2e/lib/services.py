#!/usr/bin/python3
"""The parts of a desktop that the program talks to over D-Bus, made visible to a test.

It is the notification service and the tray host of a private session bus.  What it is told comes as JSON lines on the
standard input, what it sees goes as JSON lines to the standard output.

    in:  {"do": "invoke", "id": 1, "action": "done"}    presses a button of a notification
         {"do": "tray"}                                 asks for the tray's icon and menu
         {"do": "click", "label": "Quit"}               chooses an entry of the tray's menu
         {"do": "place", "window": 123}                 asks where a window stands, without its frame
         {"do": "screenshot", "file": "/tmp/a.png", "x": 0, "y": 0, "width": 800, "height": 600}
    out: {"event": "ready" | "notify" | "closed" | "tray" | "clicked" | "place" | "screenshot" | "error", ...}
"""

import json
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GdkX11", "3.0")
from gi.repository import Gdk, GdkX11, GLib  # noqa: E402

NOTIFICATIONS = "org.freedesktop.Notifications"
WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"


def say(event, **details):
    """Tells the test something."""
    print(json.dumps({"event": event, **details}, ensure_ascii=False), flush=True)


class Notifications(dbus.service.Object):
    """Keeps what is shown until it is closed."""

    def __init__(self, bus):
        super().__init__(bus, "/org/freedesktop/Notifications")
        self.last = 0

    @dbus.service.method(NOTIFICATIONS, out_signature="as")
    def GetCapabilities(self):
        return ["actions", "body", "persistence"]

    @dbus.service.method(NOTIFICATIONS, out_signature="ssss")
    def GetServerInformation(self):
        return "test desktop", "moltworker", "1", "1.2"

    @dbus.service.method(NOTIFICATIONS, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, title, body, actions, hints, timeout):
        if not replaces:
            self.last += 1
        number = int(replaces) or self.last
        pairs = [str(action) for action in actions]
        say("notify", id=number, app=str(app), title=str(title), body=str(body), timeout=int(timeout),
            actions=dict(zip(pairs[::2], pairs[1::2])))
        return number

    @dbus.service.method(NOTIFICATIONS, in_signature="u")
    def CloseNotification(self, number):
        say("closed", id=int(number))
        self.NotificationClosed(number, 3)

    @dbus.service.signal(NOTIFICATIONS, signature="us")
    def ActionInvoked(self, number, action):
        pass

    @dbus.service.signal(NOTIFICATIONS, signature="uu")
    def NotificationClosed(self, number, reason):
        pass


class Watcher(dbus.service.Object):
    """Takes in tray icons."""

    def __init__(self, bus):
        super().__init__(bus, "/StatusNotifierWatcher")
        self.items = []

    @dbus.service.method(WATCHER, in_signature="s", sender_keyword="sender")
    def RegisterStatusNotifierItem(self, service, sender=None):
        self.items.append((sender, service) if service.startswith("/") else (service, "/StatusNotifierItem"))
        say("registered")

    @dbus.service.method(WATCHER, in_signature="s")
    def RegisterStatusNotifierHost(self, service):
        pass

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return self.GetAll(interface)[name]

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        items = dbus.Array([f"{service}{path}" for service, path in self.items], signature="s")
        return {"IsStatusNotifierHostRegistered": True, "ProtocolVersion": 0, "RegisteredStatusNotifierItems": items}

    @dbus.service.signal(WATCHER)
    def StatusNotifierHostRegistered(self):
        pass


class Desktop:
    """Does what the test asks for."""

    def __init__(self):
        self.bus = dbus.SessionBus()
        # The names are ours as long as these are held.
        self.names = [dbus.service.BusName(name, self.bus, do_not_queue=True) for name in (NOTIFICATIONS, WATCHER)]
        self.notifications = Notifications(self.bus)
        self.watcher = Watcher(self.bus)

    def menu(self):
        """The tray's properties, the menu's interface and its entries."""
        service, path = self.watcher.items[-1]
        item = dbus.Interface(self.bus.get_object(service, path), dbus.PROPERTIES_IFACE).GetAll(ITEM)
        menu = dbus.Interface(self.bus.get_object(service, item["Menu"]), MENU)
        menu.AboutToShow(0)
        _, root = menu.GetLayout(0, -1, ["label", "enabled", "type", "toggle-state", "visible"])
        return item, menu, [
            {
                "id": int(entry[0]),
                "label": str(entry[1].get("label", "")).replace("_", ""),
                "enabled": bool(entry[1].get("enabled", True)),
                "checked": int(entry[1].get("toggle-state", -1)) == 1,
                "separator": entry[1].get("type", "") == "separator",
            }
            for entry in root[2]
            if bool(entry[1].get("visible", True))
        ]

    def do(self, order):
        """Carries out one order."""
        what = order["do"]
        if what == "invoke":
            self.notifications.ActionInvoked(dbus.UInt32(order["id"]), order["action"])
            self.notifications.NotificationClosed(dbus.UInt32(order["id"]), dbus.UInt32(2))
        elif what == "tray":
            item, _, entries = self.menu()
            say("tray", icon=str(item.get("IconName", "")), status=str(item.get("Status", "")), menu=entries)
        elif what == "click":
            _, menu, entries = self.menu()
            entry = next(entry for entry in entries if entry["label"] == order["label"])
            menu.Event(entry["id"], "clicked", dbus.String("", variant_level=1), dbus.UInt32(0))
            say("clicked", label=order["label"])
        elif what == "place":
            window = GdkX11.X11Window.foreign_new_for_display(Gdk.Display.get_default(), order["window"])
            _, x, y = window.get_origin()
            say("place", x=x, y=y, width=window.get_width(), height=window.get_height())
        elif what == "screenshot":
            root = Gdk.get_default_root_window()
            picture = Gdk.pixbuf_get_from_window(root, *(order[key] for key in ("x", "y", "width", "height")))
            picture.savev(order["file"], "png", [], [])
            say("screenshot", file=order["file"])
        else:
            raise ValueError(f"unknown order {what}")

    def read(self, source, condition):
        """Called when there is a line to read, or none any more."""
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        try:
            self.do(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the test decides what a failure means
            say("error", order=line.strip(), message=f"{type(error).__name__}: {error}")
        return True


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
loop = GLib.MainLoop()
desktop = Desktop()
GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, desktop.read)
desktop.watcher.StatusNotifierHostRegistered()
say("ready")
loop.run()
