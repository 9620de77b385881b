/* overlay.h - STATE_DIR/runtime.yaml on its disk: read whole, replaced whole. After a crash at any moment it is the old
 * text or the new one. What it says is config/config_overlay's matter. Blocks: never on a worker's thread. */
#ifndef WEIR_RUNTIME_OVERLAY_H
#define WEIR_RUNTIME_OVERLAY_H

#include "base/error.h"
#include "base/str.h"

enum { overlay_path_max = 1200, overlay_bytes_max = 4 * 1024 * 1024 };

/* STATE_DIR/runtime.yaml. false: the folder's name is too long. */
bool overlay_path(struct str state_dir, char path[overlay_path_max]);
/* *text is the caller's (overlay_text_free); {NULL,0} when there is no such file. false: *error. */
bool overlay_read(const char *path, struct str *text, struct error *error);
void overlay_text_free(struct str text); /* wiped: it holds credentials */
/* Temporary file (0600), fsync, rename, fsync of the folder. false: nothing has changed, *error says why. */
bool overlay_write(const char *path, struct str text, struct error *error);
/* One editor at a time, of all processes with this state folder (made if need be). -1: *error. */
int overlay_lock(const char *path, struct error *error);
void overlay_unlock(int lock);

#endif
