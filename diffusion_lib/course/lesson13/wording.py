"""Lesson 13: what the form says: its labels, buttons and signs."""

from __future__ import annotations

from ...words import N_

NO_FFMPEG = N_("MP4 needs the program ffmpeg, which is not installed here. GIF and WebP need nothing.")
WORDS = {  # what form.js says
    "choose": N_("Choose a scene"), "change": N_("Change it"), "take": N_("Take it with you"),
    "own": N_("What it shows"), "look": N_("How it looks"), "more": N_("Size, letters, moments"),
    "picture": N_("Picture"), "film": N_("Film"), "page": N_("Page"), "as": N_("What shall it become?"),
    "auto": N_("by itself"), "pick": N_("Choose …"), "file": N_("Choose a file …"), "files": N_("Choose files …"), "usual": N_("as usual"),
    "reset": N_("Back to what is usual: {name}"), "slider": N_("{name}, as a slider"), "large": N_("{name} is larger than {mb} MB: make it smaller first."),
    "working": N_("Working …"), "writing": N_("Writing {name} …"), "stop": N_("Stop"), "waits": N_("Heard. Something else is running: this comes when it has ended."),
    "gone": N_("No kernel hears this: run the cell again."), "write": N_("Write {name}"), "folder": N_("Folder"), "name": N_("Name"),
    "replace": N_("replace a file of that name"), "command": N_("The same from a terminal"), "copy": N_("Copy"), "copied": N_("Copied"),
    "failed": N_("The browser does not copy: the text is selected, press Ctrl+C."), "alt": N_("Alt text"), "tag": N_("For a page"), "preview": N_("Preview"),
    "licence": N_("Whose it is"), "in": N_("in {folder}"), "made": N_("Made"), "form": N_("What there is to choose of the scene"),
}  # fmt: skip
