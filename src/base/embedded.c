/* embedded.c - what is compiled in is packed: a catalogue's rows say much the same, and ten times as long. */
#include "base/embedded.h"

#include <zlib.h>

#include "base/check.h"

enum { gzip_window_bits = 15 + 16 }; /* zlib's word for: with gzip's head */

static int embedded_unpack(struct embedded *file) {
    z_stream stream = {.next_in = (Bytef *)file->packed,
                       .avail_in = (uInt)file->packed_len,
                       .next_out = (Bytef *)file->text,
                       .avail_out = (uInt)file->len};
    int result = inflateInit2(&stream, gzip_window_bits);
    if (result != Z_OK) return result;
    result = inflate(&stream, Z_FINISH);
    bool whole = stream.total_out == file->len;
    inflateEnd(&stream);
    return result == Z_STREAM_END && !whole ? Z_DATA_ERROR : result;
}

struct str embedded_text(struct embedded *file) {
    CHECK(pthread_mutex_lock(&file->unpacking) == 0);
    if (!file->unpacked) {
        int result = embedded_unpack(file);
        CHECKF(result == Z_MEM_ERROR || result == Z_STREAM_END, "result=%d len=%zu", result, file->len);
        file->unpacked = result == Z_STREAM_END;
    }
    bool unpacked = file->unpacked;
    CHECK(pthread_mutex_unlock(&file->unpacking) == 0);
    return unpacked ? str_make(file->text, file->len) : STR_NONE;
}

struct str embedded_packed(const struct embedded *file) {
    return str_make((const char *)file->packed, file->packed_len);
}

const struct embedded_page *embedded_page_named(struct str name) {
    for (size_t i = 0; i < embedded_page_count; i++)
        if (str_eq(embedded_pages[i].name, name)) return &embedded_pages[i];
    return NULL;
}
