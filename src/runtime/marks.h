/* marks.h - STATE_DIR/marks: what has once been so, and closes what would else be open. Written before it becomes true,
 * never taken back; a file that cannot be read says yes to everything. Blocks: never on a worker's thread.
 *
 *   weir marks 1
 *   had_clients           without `clients` every request is refused until `auth: none` is written
 *   served_providers      the built-in simulated provider answers only where it is asked for by name
 */
#ifndef WEIR_RUNTIME_MARKS_H
#define WEIR_RUNTIME_MARKS_H

#include "base/error.h"
#include "base/str.h"

struct marks {
    bool had_clients, served_providers;
    bool written;      /* the file says so */
    char problem[256]; /* why everything is taken for true; empty: the file was read, or there is none */
};

/* Of this state folder. Without the file (an older version's folder): from `overlay`, the text of runtime.yaml, and
 * from the rows of stored responses. */
void marks_read(struct str state_dir, struct str overlay, struct marks *marks);
/* On the disk when it returns, or as before: *error. */
bool marks_write(struct str state_dir, const struct marks *marks, struct error *error)
    __attribute__((warn_unused_result));

#endif
