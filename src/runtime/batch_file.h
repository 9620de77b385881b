/* batch_file.h - the files of a batch: the input, read line by line; what is finished, kept at once in a partial file;
 * the output, made at the end in the input's order. One thread. */
#ifndef WEIR_RUNTIME_BATCH_FILE_H
#define WEIR_RUNTIME_BATCH_FILE_H

#include <stdio.h>

#include "base/error.h"
#include "base/str.h"

enum { batch_line_bytes_max = 64 * 1024 * 1024, batch_lines_max = 1 << 30 };

struct batch_line {
    uint64_t at;      /* of the line in the input */
    uint64_t done_at; /* of its result in the partial file; 0: it has none */
};

struct batch_file {
    FILE *in, *partial;
    char out_path[1024], partial_path[1040];
    struct batch_line *lines;
    uint64_t count, done;
};

/* Reads where the lines are, locks the partial file and takes up what stands there; a torn last line is cut off. false:
 * *error. */
bool batch_open(struct batch_file *file, const char *in_path, const char *out_path, struct error *error);
/* The line's text, the caller's (memory_give); NULL: *error. */
char *batch_read(struct batch_file *file, uint64_t line, size_t *len, struct error *error);
/* The result, without its line end, is on its way to the disk. false: *error (a full disk). */
bool batch_keep(struct batch_file *file, uint64_t line, struct str result, struct error *error);
/* All lines are done: the output is written beside, synced and renamed; then the partial file goes. */
bool batch_finish(struct batch_file *file, struct error *error);
void batch_close(struct batch_file *file);

#endif
