/* media.c - a table of first bytes. Source: the WHATWG MIME Sniffing standard, section 6. */
#include "dialect/media.h"

#include <string.h>

static const struct {
    struct str type, begins;
    size_t at;
    struct str also; /* stands there too */
} kinds[] = {
    {STR("image/png"), STR("\x89PNG\r\n\x1a\n"), 0, STR("")},
    {STR("image/jpeg"), STR("\xff\xd8\xff"), 0, STR("")},
    {STR("image/gif"), STR("GIF87a"), 0, STR("")},
    {STR("image/gif"), STR("GIF89a"), 0, STR("")},
    {STR("image/webp"), STR("RIFF"), 8, STR("WEBPVP")},
    {STR("image/heic"), STR(""), 4, STR("ftypheic")},
    {STR("image/avif"), STR(""), 4, STR("ftypavif")},
    {STR("image/bmp"), STR("BM"), 6, STR("\0\0\0\0")},
    {STR("application/pdf"), STR("%PDF-"), 0, STR("")},
};

struct str media_type(struct str bytes, struct str said) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_starts(bytes, kinds[i].begins) && str_starts(str_slice(bytes, kinds[i].at, bytes.len), kinds[i].also))
            return kinds[i].type;
    return str_trim(str_slice(said, 0, str_find_byte(said, ';')));
}
