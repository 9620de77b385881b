/* file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
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
