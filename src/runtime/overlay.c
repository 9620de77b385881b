/* overlay.c - see overlay.h. */
#include "runtime/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"

bool overlay_path(struct str state_dir, char path[overlay_path_max]) {
    int len = snprintf(path, overlay_path_max, "%.*s/runtime.yaml", STR_ARG(state_dir));
    return len > 0 && len < overlay_path_max - 8; /* room for what the temporary file's name adds */
}

void overlay_text_free(struct str text) {
    char *bytes = (char *)(uintptr_t)text.at;
    if (bytes) memory_wipe(bytes, text.len);
    memory_give(bytes);
}

bool overlay_read(const char *path, struct str *text, struct error *error) {
    *text = STR_NONE;
    const char *problem = "";
    int descriptor = file_open(path, 0, &problem);
    if (descriptor < 0 && errno == ENOENT) return true;
    struct stat facts;
    if (descriptor < 0 || fstat(descriptor, &facts) != 0) {
        error_set(error, error_bad_configuration, "%s: cannot be read: %s", path,
                  descriptor < 0 ? problem : strerror(errno));
        if (descriptor >= 0) close(descriptor);
        return false;
    }
    size_t size = facts.st_size > 0 ? (size_t)facts.st_size : 0, len = 0;
    char *bytes = size < overlay_bytes_max ? memory_take(size + 1) : NULL;
    ssize_t got = 1;
    while (bytes && len < size && (got = read(descriptor, bytes + len, size - len)) > 0) len += (size_t)got;
    int number = errno;
    close(descriptor);
    if (bytes && got >= 0) {
        bytes[len] = 0;
        *text = str_make(bytes, len);
        return true;
    }
    memory_give(bytes);
    return error_set(error, error_bad_configuration, "%s: cannot be read: %s", path,
                     bytes ? strerror(number) : "it is too large");
}

bool overlay_write(const char *path, struct str text, struct error *error) { return file_replace(path, text, error); }

int overlay_lock(const char *path, struct error *error) {
    char name[overlay_path_max + 8];
    str_copy(name, sizeof name, str_from(path));
    char *slash = strrchr(name, '/');
    if (slash) {
        *slash = 0;
        if (mkdir(name, 0700) != 0 && errno != EEXIST) {
            error_set(error, error_storage_failed, "the state folder %s cannot be made: %s", name, strerror(errno));
            return -1;
        }
    }
    snprintf(name, sizeof name, "%s.lock", path);
    int lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock >= 0 && flock(lock, LOCK_EX) == 0) return lock;
    error_set(error, error_storage_failed, "%s cannot be locked: %s", name, strerror(errno));
    if (lock >= 0) close(lock);
    return -1;
}

void overlay_unlock(int lock) {
    if (lock >= 0) close(lock);
}
