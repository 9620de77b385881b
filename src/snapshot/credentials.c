/* credentials.c - which bytes of what goes to a provider are credentials. All that is sent counts until its name says
 * otherwise: a header with an unknown name is taken for a secret. */
#include "snapshot/credentials.h"

#include "base/base64.h"
#include "base/header_names.h"

enum {
    of_a_header = 32,       /* words, and each may be four credentials */
    shortest_in_header = 8, /* a shorter word of a header of unknown name is as likely `prod` */
};

struct list_of {
    struct str *list;
    size_t count, size;
};

static void credentials_add(struct list_of *list, struct str credential) {
    if (list->count < list->size && credential.len >= mask_shortest) list->list[list->count++] = credential;
}

/* user:password as a whole, and the password. */
static void user_add(struct list_of *list, struct str user) {
    size_t colon = str_find_byte(user, ':');
    credentials_add(list, user);
    if (colon != SIZE_MAX) credentials_add(list, str_slice(user, colon + 1, user.len));
}

/* "Bearer X", "Basic X", "X", "a=X; b=Y": each word that is long enough, and the last; what stands behind a `=`; of
 * base64 what it says, where that is a user and a password. */
static void credentials_header_add(struct list_of *list, struct str value, struct arena *secrets) {
    struct str rest = str_trim(value), word, decoded;
    for (size_t words = 0; words < of_a_header && rest.len && str_split_next(&rest, ' ', &word); words++) {
        bool last = rest.len == 0 || words + 1 == of_a_header;
        while (word.len && (word.at[word.len - 1] == ';' || word.at[word.len - 1] == ',')) word.len--;
        size_t equals = str_find_byte(word, '=');
        if (word.len < (last ? shortest_in_header : mask_shortest_anywhere)) continue;
        credentials_add(list, word);
        if (equals + 1 < word.len && equals > 0) credentials_add(list, str_slice(word, equals + 1, word.len));
        decoded = base64_read(word, secrets);
        if (decoded.at && str_find_byte(decoded, ':') != SIZE_MAX) user_add(list, decoded);
    }
}

/* http://user:password@host, percent-encoded or not. */
static void proxy_add(struct list_of *list, struct str proxy, struct arena *secrets) {
    size_t scheme = str_find(proxy, STR("://")), at = SIZE_MAX;
    struct str rest = scheme == SIZE_MAX ? proxy : str_slice(proxy, scheme + 3, proxy.len);
    for (size_t i = 0; i < rest.len && rest.at[i] != '/'; i++)
        if (rest.at[i] == '@') at = i;
    if (at == SIZE_MAX) return;
    struct str user = str_slice(rest, 0, at);
    char *decoded = arena_take(secrets, user.len + 1);
    user_add(list, user);
    if (decoded) user_add(list, str_percent_decode(user, decoded, user.len + 1));
}

bool credentials_make(const struct str *keys, size_t key_count, const struct http_header *headers, size_t header_count,
                      struct str proxy, struct arena *secrets, struct credentials *credentials) {
    struct list_of list = {.size = key_count + header_count * of_a_header * 4 + 4};
    list.list = arena_take(secrets, list.size * sizeof *list.list);
    if (!list.list) return false;
    for (size_t i = 0; i < key_count; i++) credentials_add(&list, keys[i]);
    for (size_t i = 0; i < header_count; i++)
        if (!(header_uses(headers[i].name) & header_harmless)) credentials_header_add(&list, headers[i].value, secrets);
    proxy_add(&list, proxy, secrets);
    if (!mask_new(list.list, list.count, mask_shortest_anywhere, secrets, &credentials->anywhere)) return false;
    bool has_short = false;
    for (size_t i = 0; i < list.count; i++) has_short |= list.list[i].len < mask_shortest_anywhere;
    credentials->in_words = credentials->anywhere;
    return !has_short || mask_new(list.list, list.count, mask_shortest, secrets, &credentials->in_words);
}
