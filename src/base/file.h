/* file.h - opening what a configuration names: a file, or nothing. A pipe, a terminal or a device would be waited for,
 * or never end. Any thread; may wait for the disk. */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

/* A descriptor to read the file from, closed by exec; `flags` are further ones of open(2), O_NOFOLLOW or 0. -1: errno,
 * and *problem says why: "No such file or directory", "it is a pipe, and no file". Never waits for another process. */
int file_open(const char *path, int flags, const char **problem);

#endif
