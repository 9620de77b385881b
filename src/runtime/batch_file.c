/* batch_file.c - offsets of lines, and an append-only file of results: "LINE<tab>JSON\n" each, after a first line that
 * says which input it belongs to. Invariant: a line's done_at is set only when its result stands whole in the file. */
#include "runtime/batch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"

static bool system_error(struct error *error, const char *what, const char *path) {
    return error_set(error, error_invalid_request, "%s: %s: %s", path, what, strerror(errno));
}

/* One line without its end; false at the end of the file. *whole: it had a line end. */
static bool line_read(FILE *file, char **line, size_t *size, size_t *len, bool *whole) {
    ssize_t got = getline(line, size, file);
    if (got <= 0) return false;
    *whole = (*line)[got - 1] == '\n';
    if (*whole) got--;
    if (got > 0 && (*line)[got - 1] == '\r') got--;
    *len = (size_t)got;
    return true;
}

static bool batch_file_is_blank(const char *line, size_t len) { return str_trim(str_make(line, len)).len == 0; }

/* Where the lines are. `mark` names the input: its size and the hash of all of it. */
static bool input_scan(struct batch_file *file, const char *path, char mark[100], struct error *error) {
    char *line = NULL;
    size_t size = 0, len, room = 0;
    bool whole, fine = true;
    uint64_t at = 0, hash = 14695981039346656037ull;
    while (fine && line_read(file->in, &line, &size, &len, &whole)) {
        hash = (hash ^ str_hash(str_make(line, len))) * 1099511628211ull;
        if (!batch_file_is_blank(line, len)) {
            if (file->count == room) {
                room = room ? room * 2 : 1024;
                struct batch_line *bigger = memory_resize(file->lines, room * sizeof *bigger);
                fine = bigger != NULL && file->count < batch_lines_max;
                if (bigger) file->lines = bigger;
            }
            if (fine) file->lines[file->count++] = (struct batch_line){.at = at};
        }
        at = (uint64_t)ftello(file->in);
    }
    memory_give(line);
    if (!fine) return error_set(error, error_out_of_memory, "%s has too many lines for this machine's memory", path);
    if (ferror(file->in)) return system_error(error, "cannot be read", path);
    if (file->count == 0) return error_set(error, error_invalid_request, "%s has no lines", path);
    snprintf(mark, 100, "weir batch %" PRIu64 " lines %" PRIu64 " bytes %016" PRIx64, file->count, at, hash);
    return true;
}

static bool partial_scan(struct batch_file *file, const char *mark, struct error *error) {
    char *line = NULL;
    size_t size = 0, len;
    bool whole, first = true, fine = true;
    uint64_t at = 0;
    rewind(file->partial);
    while (fine && line_read(file->partial, &line, &size, &len, &whole)) {
        if (!whole) break; /* torn by a kill: it is written again */
        if (first && (len != strlen(mark) || memcmp(line, mark, len) != 0))
            fine = error_set(error, error_invalid_request,
                             "%s belongs to another input: finish that batch, or remove the file", file->partial_path);
        char *end;
        uint64_t number = first ? 0 : strtoull(line, &end, 10);
        if (!first && *end == '\t' && number < file->count && !file->lines[number].done_at) {
            file->lines[number].done_at = at + (uint64_t)(end + 1 - line);
            file->done++;
        }
        first = false;
        at = (uint64_t)ftello(file->partial);
    }
    memory_give(line);
    if (!fine) return false;
    if (ftruncate(fileno(file->partial), (off_t)at) != 0 || fseeko(file->partial, 0, SEEK_END) != 0)
        return system_error(error, "cannot be taken up", file->partial_path);
    if (first && (fprintf(file->partial, "%s\n", mark) < 0 || fflush(file->partial) != 0))
        return system_error(error, "cannot be written", file->partial_path);
    return true;
}

bool batch_open(struct batch_file *file, const char *in_path, const char *out_path, struct error *error) {
    char mark[100];
    *file = (struct batch_file){.in = fopen(in_path, "re")};
    if (strlen(out_path) >= sizeof file->out_path)
        return error_set(error, error_invalid_request, "the output's path is too long");
    strncpy(file->out_path, out_path, sizeof file->out_path - 1);
    snprintf(file->partial_path, sizeof file->partial_path, "%s.partial", out_path);
    if (!file->in) return system_error(error, "cannot be read", in_path);
    if (!input_scan(file, in_path, mark, error)) return false;
    if (access(out_path, F_OK) == 0)
        return error_set(error, error_invalid_request, "%s exists already: remove it, or choose another output",
                         out_path);
    int descriptor = open(file->partial_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    file->partial = descriptor < 0 ? NULL : fdopen(descriptor, "r+");
    if (!file->partial) return system_error(error, "cannot be opened", file->partial_path);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        return error_set(error, error_invalid_request, "%s: another run works on this batch", file->partial_path);
    return partial_scan(file, mark, error);
}

char *batch_read(struct batch_file *file, uint64_t line, size_t *len, struct error *error) {
    char *text = NULL, *copy;
    size_t size = 0;
    bool whole;
    *len = 0;
    if (fseeko(file->in, (off_t)file->lines[line].at, SEEK_SET) != 0 ||
        !line_read(file->in, &text, &size, len, &whole)) {
        memory_give(text);
        error_set(error, error_invalid_request, "line %" PRIu64 " of the input cannot be read any more", line + 1);
        return NULL;
    }
    copy = memory_take(*len + 1);
    if (copy) str_copy(copy, *len + 1, str_make(text, *len));
    if (!copy) error_set(error, error_out_of_memory, "no memory for line %" PRIu64, line + 1);
    memory_give(text);
    return copy;
}

bool batch_keep(struct batch_file *file, uint64_t line, struct str result, struct error *error) {
    off_t at = ftello(file->partial);
    int head = fprintf(file->partial, "%" PRIu64 "\t", line);
    if (at < 0 || head < 0 || fwrite(result.at, 1, result.len, file->partial) != result.len ||
        putc('\n', file->partial) == EOF || fflush(file->partial) != 0)
        return system_error(error, "cannot be written", file->partial_path);
    file->lines[line].done_at = (uint64_t)at + (uint64_t)head;
    file->done++;
    return true;
}

static bool output_write(struct batch_file *file, FILE *out) {
    char *line = NULL;
    size_t size = 0, len;
    bool whole, fine = true;
    for (uint64_t i = 0; i < file->count && fine; i++)
        fine = fseeko(file->partial, (off_t)file->lines[i].done_at, SEEK_SET) == 0 &&
               line_read(file->partial, &line, &size, &len, &whole) && fwrite(line, 1, len, out) == len &&
               putc('\n', out) != EOF;
    memory_give(line);
    return fine && fflush(out) == 0 && fsync(fileno(out)) == 0;
}

bool batch_finish(struct batch_file *file, struct error *error) {
    char beside[sizeof file->out_path + 8];
    snprintf(beside, sizeof beside, "%s.new", file->out_path);
    FILE *out = fopen(beside, "we");
    bool written = out && output_write(file, out);
    if (out && fclose(out) != 0) written = false;
    if (!written || rename(beside, file->out_path) != 0) {
        system_error(error, "cannot be written", beside);
        unlink(beside);
        return false;
    }
    unlink(file->partial_path);
    return true;
}

void batch_close(struct batch_file *file) {
    if (file->in) fclose(file->in);
    if (file->partial) fclose(file->partial);
    memory_give(file->lines);
    *file = (struct batch_file){.in = NULL};
}
