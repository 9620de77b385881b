/* log_entry.h - a line as its writer leaves it: what it says, not how it reads. Between the log's own files.
 *
 *   entry: [ head | name, kind, value | name, kind, length, bytes.. | ... ]     all in multiples of 8 bytes
 *
 * Names and events are literals and stay where they are; strings are copied, so much of each as a line can show. The
 * log's thread makes the line (log_line.h). Pure. */
#ifndef WEIR_OBSERVE_LOG_ENTRY_H
#define WEIR_OBSERVE_LOG_ENTRY_H

#include "observe/log.h"

enum {
    log_entry_bytes = 64 * 1024, /* of one entry; the string that goes past it is left out with all behind it */
    log_string_bytes = 2048 + 8, /* of a string: longer than what a line looks at, so that it shows that it was cut */
};

struct log_entry {
    uint32_t bytes; /* all of it; 0 is none */
    uint8_t count, level;
    bool cut; /* fields were left out */
    bool gap; /* nothing but the rest of the ring */
    const char *event;
    int64_t wall_ns;
};

/* An entry for these fields: its bytes and the fields that fit into it. `string_most`: so much of each string. */
struct log_entry log_entry_for(const struct log_site *site, int64_t wall_ns, const struct log_field *fields,
                               size_t count, size_t string_most);
/* `at` is aligned to 8 bytes and has room for entry->bytes. */
void log_entry_write(char *at, const struct log_entry *entry, const struct log_field *fields, size_t string_most);
/* The fields of the one at `at`, which they borrow from; how many. */
size_t log_entry_read(const char *at, struct log_field fields[log_fields_max]);

#endif
