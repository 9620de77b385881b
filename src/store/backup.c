/* backup.c - see backup.h: the table of parts, and a file's head. Writing is backup_write.c, reading backup_read.c. */
#include "store/backup.h"

#include <string.h>

#include "base/check.h"

static const struct backup_part parts[] = {
    {STR("weir-backup"), backup_plain, STR("")}, /* what it is; in no state folder */
    {STR("runtime.yaml"), backup_plain, STR("")},
    {STR("vault"), backup_plain, STR("")},
    {STR("vault.uses"), backup_plain, STR("")},
    {STR("client.key"), backup_plain, STR("")}, /* without it the digests in ledger.db are nobody's */
    {STR("marks"), backup_plain, STR("")},
    {STR("locks"), backup_plain, STR("")},
    {STR("health"), backup_plain, STR("")},
    {STR("health.1"), backup_plain, STR("")},
    {STR("catalog.jsonl"), backup_plain, STR("")},
    {STR("ledger.db"), backup_database, STR("")},
    {STR("responses.db"), backup_database, STR("")},
    {STR("master.key"), backup_left, STR("it opens the vault: keep it elsewhere")},
    {STR("admin.key"), backup_left,
     STR("it opens the gateway: a restored folder makes a new one, or copy it yourself")},
    {STR("lock"), backup_left, STR("")},
    {STR("value.secret*"), backup_left, STR("")}, /* the ledger has it */
    {STR("runtime.yaml.lock"), backup_left, STR("")},
    {STR("catalog.jsonl.lock"), backup_left, STR("")},
    {STR("ledger.db-*"), backup_left, STR("")}, /* in the copy of the database */
    {STR("responses.db-*"), backup_left, STR("")},
    {STR("cache.db"), backup_left, STR("it is a cache")},
    {STR("cache.db-*"), backup_left, STR("")},
    {STR("locks.new"), backup_left, STR("")}, /* of a writer that was killed */
    {STR("health.bad"), backup_left, STR("it is damaged")},
    {STR("vault.damaged"), backup_left, STR("it is damaged")},
    {STR("restore.*"), backup_left, STR("")}, /* of a restore that was cut short */
};

const struct backup_part *backup_part_at(size_t place) {
    return place < sizeof parts / sizeof *parts ? &parts[place] : NULL;
}

const struct backup_part *backup_part_named(struct str name) {
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (str_glob(parts[i].name, name)) return &parts[i];
    return NULL;
}

static size_t backup_digits(struct str text, bool hex) {
    size_t at = 0;
    while (at < text.len && (hex ? str_hex_digit(text.at[at]) >= 0 : text.at[at] >= '0' && text.at[at] <= '9')) at++;
    return at;
}

/* journal/16 digits/s0.1 */
static bool is_of_journal(struct str name) {
    struct str rest = name, folder = STR(""), instance = STR("");
    if (!str_split_next(&rest, '/', &folder) || !str_eq(folder, STR("journal"))) return false;
    if (!str_split_next(&rest, '/', &instance) || instance.len != 16 || backup_digits(instance, true) != 16)
        return false;
    if (rest.len < 4 || !memchr("sog", rest.at[0], 3)) return false;
    struct str worker = str_slice(rest, 1, rest.len);
    size_t first = backup_digits(worker, false);
    struct str number = str_slice(worker, first + 1, worker.len);
    return first > 0 && first <= 6 && first < worker.len && worker.at[first] == '.' && number.len > 0 &&
           number.len <= 9 && backup_digits(number, false) == number.len;
}

bool backup_tells(struct str name) { return str_eq(name, parts[0].name) || str_eq(name, STR("SHA256SUMS")); }

bool backup_name_is_good(struct str name) {
    if (name.len == 0 || name.len > backup_name_most) return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].kind != backup_left && str_eq(parts[i].name, name)) return true;
    return is_of_journal(name) || backup_tells(name);
}

/* -- a file's head -- */

enum { head_size_at = 124, head_sum_at = 148, head_kind_at = 156, head_link_at = 157, head_magic_at = 257 };
enum { head_prefix_at = 345, head_size_digits = 11 };

static void octal_put(char *at, int digits, uint64_t value) {
    for (int i = digits - 1; i >= 0; i--, value >>= 3) at[i] = (char)('0' + (value & 7));
}

/* Of all its bytes, where its own stand as blanks. */
static unsigned head_sum(const char block[backup_block]) {
    unsigned sum = 0;
    for (int i = 0; i < backup_block; i++)
        sum += i >= head_sum_at && i < head_sum_at + 8 ? ' ' : (unsigned char)block[i];
    return sum;
}

void backup_head_write(struct str name, int64_t bytes, int64_t time_s, char block[backup_block]) {
    CHECKF(backup_name_is_good(name) && bytes >= 0, "bytes=%lld", (long long)bytes);
    memset(block, 0, backup_block);
    memcpy(block, name.at, name.len);
    memcpy(block + 100, "0000600", 8);
    memcpy(block + 108, "0000000", 8);
    memcpy(block + 116, "0000000", 8);
    if (bytes >> 33) { /* as GNU tar has it: a set bit, and the number in binary */
        block[head_size_at] = (char)0x80;
        for (int i = 0; i < 8; i++) block[head_size_at + 4 + i] = (char)((uint64_t)bytes >> (56 - 8 * i));
    } else {
        octal_put(block + head_size_at, head_size_digits, (uint64_t)bytes);
    }
    octal_put(block + 136, 11, time_s > 0 ? (uint64_t)time_s : 0);
    block[head_kind_at] = '0';
    memcpy(block + head_magic_at,
           "ustar\0"
           "00",
           8);
    octal_put(block + head_sum_at, 6, head_sum(block));
    block[head_sum_at + 7] = ' ';
}

static bool head_size_read(const char *at, int64_t *bytes) {
    uint64_t value = 0;
    bool binary = (unsigned char)at[0] == 0x80;
    for (int i = 0; i < head_size_digits && !binary; i++) {
        if (at[i] < '0' || at[i] > '7') return false;
        value = value << 3 | (uint64_t)(at[i] - '0');
    }
    for (int i = 1; i < 12 && binary; i++) {
        if (i < 4 && at[i]) return false;
        value = value << 8 | (unsigned char)at[i];
    }
    *bytes = (int64_t)value;
    return (binary || !at[head_size_digits]) && value <= INT64_MAX / 2;
}

static bool is_zeros(const char *at, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (at[i]) return false;
    return true;
}

bool backup_head_read(const char block[backup_block], char name[backup_name_most + 1], int64_t *bytes, bool *ends,
                      const char **problem) {
    char wanted[8] = {0};
    size_t len = 0;
    *ends = is_zeros(block, backup_block);
    if (*ends) return true;
    octal_put(wanted, 6, head_sum(block));
    wanted[7] = ' ';
    *problem = "it is no backup of weir's, or damaged";
    if (memcmp(block + head_sum_at, wanted, 8) != 0 || memcmp(block + head_magic_at, "ustar", 6) != 0) return false;
    while (len <= backup_name_most && block[len]) len++;
    *problem = "it holds something that is no part of a state folder";
    if (!backup_name_is_good(str_make(block, len)) || !is_zeros(block + len, 100 - len)) return false;
    if (block[head_kind_at] != '0' || block[head_link_at] || block[head_prefix_at]) return false;
    *problem = "a part's size is none";
    if (!head_size_read(block + head_size_at, bytes)) return false;
    str_copy(name, backup_name_most + 1, str_make(block, len));
    return true;
}
