/* file.h - opening what a configuration names: a file, or nothing (a pipe, a terminal or a device would be waited for,
 * or never end), and replacing a file of our own. Any thread; may wait for the disk. */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

#include "base/error.h"

/* A descriptor to read the file from, closed by exec; `flags` are further ones of open(2), O_NOFOLLOW or 0. -1: errno,
 * and *problem says why: "No such file or directory", "it is a pipe, and no file". Never waits for another process. */
int file_open(const char *path, int flags, const char **problem);

/* The file holds these bytes when it returns, on the disk and readable by its owner alone; after a crash at any moment
 * it holds these or what it held before. Written beside as PATH.tmp (0600), synced, renamed, its folder synced. false:
 * nothing has changed, *error says why. Paths of 1200 bytes at most. */
bool file_replace(const char *path, struct str bytes, struct error *error) __attribute__((warn_unused_result));

#endif
