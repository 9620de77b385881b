/* file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *kind_of(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG: return NULL;
    case S_IFDIR: return "it is a folder, and no file";
    case S_IFIFO: return "it is a pipe, and no file";
    case S_IFSOCK: return "it is a socket, and no file";
    default: return "it is a device, and no file";
    }
}

int file_open(const char *path, int flags, const char **problem) {
    struct stat facts;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
    const char *kind = NULL;
    if (descriptor >= 0 && fstat(descriptor, &facts) == 0 && !(kind = kind_of(facts.st_mode))) return descriptor;
    int number = kind ? EINVAL : errno;
    /* A socket cannot be opened at all, and says less. */
    if (descriptor < 0 && number == ENXIO && stat(path, &facts) == 0) kind = kind_of(facts.st_mode);
    *problem = kind ? kind : strerror(number);
    if (descriptor >= 0) close(descriptor);
    errno = number;
    return -1;
}

enum { replaced_path_max = 1200 };

static bool write_all(int descriptor, struct str bytes) {
    while (bytes.len) {
        ssize_t put = write(descriptor, bytes.at, bytes.len);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes = str_slice(bytes, (size_t)put, bytes.len);
    }
    return true;
}

/* The folder's entry too must be on the disk. Filesystems that cannot sync a folder say so; then it is theirs. */
static void folder_sync(const char *path) {
    char folder[replaced_path_max];
    str_copy(folder, sizeof folder, str_from(path));
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    (void)fsync(descriptor);
    close(descriptor);
}

bool file_replace(const char *path, struct str bytes, struct error *error) {
    char temporary[replaced_path_max + 8];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    (void)unlink(temporary); /* of a writer that was killed */
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = descriptor >= 0 && write_all(descriptor, bytes) && fsync(descriptor) == 0;
    int number = errno;
    if (descriptor >= 0 && close(descriptor) != 0 && written) {
        written = false;
        number = errno;
    }
    if (written && rename(temporary, path) == 0) {
        folder_sync(path);
        return true;
    }
    if (written) number = errno;
    if (descriptor >= 0) (void)unlink(temporary);
    return error_set(error, error_storage_failed, "%s cannot be written: %s. Nothing was changed.", path,
                     strerror(number));
}
