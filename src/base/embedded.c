/* embedded.c - what is compiled in is packed: a catalogue's rows say much the same, and ten times as long. */
#include "base/embedded.h"

#include <zlib.h>

#include "base/check.h"

struct str embedded_text(struct embedded *file) {
    CHECK(pthread_mutex_lock(&file->unpacking) == 0);
    if (!file->unpacked) {
        uLongf len = (uLongf)file->len;
        int result = uncompress((Bytef *)file->text, &len, file->packed, (uLong)file->packed_len);
        CHECKF(result == Z_MEM_ERROR || (result == Z_OK && len == file->len), "result=%d len=%lu", result, len);
        file->unpacked = result == Z_OK;
    }
    bool unpacked = file->unpacked;
    CHECK(pthread_mutex_unlock(&file->unpacking) == 0);
    return unpacked ? str_make(file->text, file->len) : STR_NONE;
}
