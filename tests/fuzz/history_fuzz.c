/* history_fuzz.c - the file of the health history, whatever stands in it: lines within their bounds, none that the
 * checksum does not vouch for, and records within theirs. The input is also taken as a line alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/health_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *context, struct str line) {
    struct health_record record;
    (void)context;
    if (!line.len || line.len > line_file_line_max || str_find_byte(line, '\n') != SIZE_MAX) abort();
    if (!health_record_read(line, &record)) return;
    if ((unsigned)record.state >= health_states || record.score_permille > 1000 || record.success_permille > 1000)
        abort();
    if (!record.subject[0] || record.event > health_event_probe || (record.good && record.event != health_event_probe))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_make((const char *)data, size);
    size_t lines = 0;
    for (size_t i = 0; i < size; i++) lines += data[i] == '\n';
    if (line_file_scan(text, take, NULL) > lines) abort();
    if (size && size <= line_file_line_max && str_find_byte(text, '\n') == SIZE_MAX) take(NULL, text);
    return 0;
}
