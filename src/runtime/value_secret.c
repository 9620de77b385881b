/* value_secret.c - a file of as many bytes as the secret has; of any other length it is none. */
#include "runtime/value_secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { value_secret_path = 500 };

static bool value_secret_load(const char *state_dir, struct hash_secret *secret) {
    char path[value_secret_path];
    const char *problem;
    unsigned char bytes[sizeof secret->bytes + 1]; /* one more than it may be */
    snprintf(path, sizeof path, "%s/value.secret", state_dir);
    int file = file_open(path, O_NOFOLLOW, &problem);
    ssize_t got = file >= 0 ? read(file, bytes, sizeof bytes) : -1;
    if (file >= 0) close(file);
    if (got != (ssize_t)sizeof secret->bytes) return false;
    memcpy(secret->bytes, bytes, sizeof secret->bytes);
    return true;
}

void value_secret_read(const char *state_dir, struct hash_secret *secret) {
    (void)value_secret_load(state_dir, secret);
}

bool value_secret_keep(const char *state_dir, const struct hash_secret *secret) {
    char path[value_secret_path];
    struct hash_secret kept;
    struct error error;
    if (value_secret_load(state_dir, &kept) && memcmp(&kept, secret, sizeof kept) == 0) return true;
    snprintf(path, sizeof path, "%s/value.secret", state_dir);
    return file_replace(path, str_make((const char *)secret->bytes, sizeof secret->bytes), &error);
}
