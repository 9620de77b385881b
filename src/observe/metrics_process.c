/* metrics_process.c - memory, CPU time and descriptors of this process, read when /metrics is asked for. Never on a
 * request. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "observe/metrics_internal.h"

static uint64_t resident_bytes(void) {
    char bytes[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t len = read(fd, bytes, sizeof bytes);
    close(fd);
    struct str rest = str_make(bytes, len > 0 ? (size_t)len : 0), piece;
    uint64_t pages = 0;
    if (!str_split_next(&rest, ' ', &piece) || !str_split_next(&rest, ' ', &piece) || !str_to_u64(piece, &pages))
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_fds(void) {
    uint64_t count = 0;
    DIR *fds = opendir("/proc/self/fd");
    if (!fds) return 0;
    for (struct dirent *entry; (entry = readdir(fds));) count += entry->d_name[0] != '.';
    closedir(fds);
    return count ? count - 1 : 0; /* not the one that reads them */
}

struct metrics_process metrics_process_read(void) {
    struct rusage usage = {0};
    struct metrics_process process = {.resident_bytes = resident_bytes(), .open_fds = open_fds()};
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        process.cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
                         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    return process;
}
