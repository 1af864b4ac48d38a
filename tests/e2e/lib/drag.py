#!/usr/bin/python3
"""A small window from which the given files can be dragged, as from a file manager.

    drag.py X Y FILE...

Says `ready` when the window stands and `dropped` when the drag has ended.
"""

import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402

x, y, *files = sys.argv[1:]
uris = [GLib.filename_to_uri(file, None) for file in files]

window = Gtk.Window(type=Gtk.WindowType.POPUP, title="drag source")
window.set_default_size(120, 80)
window.move(int(x), int(y))
area = Gtk.EventBox()
area.add(Gtk.Label(label="drag from here"))
area.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
area.drag_source_add_uri_targets()
area.connect("drag-data-get", lambda _widget, _context, data, _info, _time: data.set_uris(uris))
area.connect("drag-begin", lambda *_: print("dragging", flush=True))
area.connect("drag-end", lambda *_: (print("dropped", flush=True), Gtk.main_quit()))
window.add(area)
window.connect("map-event", lambda *_: print("ready", flush=True))
window.show_all()
Gtk.main()
