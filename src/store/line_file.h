/* line_file.h - short lines kept on the disk in the order in which they came, each with a checksum of its own, so that
 * a torn tail or a damaged place costs its own lines alone. Written by a thread of its own: who adds a line never
 * waits.
 *
 *   LINE \t 16 digits of its hash \n        PATH, and PATH.1 which was before it: at most twice `most` bytes
 *
 * Must never: wait for the disk where a line is added, grow without a bound, answer what was not written. */
#ifndef WEIR_STORE_LINE_FILE_H
#define WEIR_STORE_LINE_FILE_H

#include "base/str.h"

enum { line_file_line_max = 240, line_file_waiting_max = 512 };

struct line_file;

/* What stands in a text: each whole line to `each`, oldest first. Answers how many were damaged; what follows the last
 * newline is a torn tail and none of them. Pure. */
size_t line_file_scan(struct str text, void (*each)(void *context, struct str line), void *context);

/* Tells the lines that are there, and takes new ones from then on. Reads the disk. Damaged lines are told by number;
 * then the file is kept aside as PATH.bad. NULL: no memory, or no thread. */
struct line_file *line_file_open(const char *path, size_t most, void (*each)(void *context, struct str line),
                                 void *context, size_t *damaged);
/* Any thread; copied, and written soon. A line holds no newline. Where the disk is too slow for them the new one is
 * left out. */
void line_file_add(struct line_file *file, struct str line);
/* errno of a write that failed and was not asked for yet; else 0. Any thread. */
int line_file_failed(struct line_file *file);
/* Writes what waits, and ends. NULL is fine. */
void line_file_close(struct line_file *file);

#endif
