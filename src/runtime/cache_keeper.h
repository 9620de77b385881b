/* cache_keeper.h - a thread that writes kept answers into the state folder, and has read them from there at the start:
 * behind the cache in memory, never on a loop. What comes faster than it is written is not. */
#ifndef WEIR_RUNTIME_CACHE_KEEPER_H
#define WEIR_RUNTIME_CACHE_KEEPER_H

#include "observe/log.h"
#include "snapshot/cache.h"

struct cache_keeper;

/* Begins with reading what is there into the cache. NULL: no memory. The path and the log outlive nothing: they are
 * copied, or the process's. */
struct cache_keeper *cache_keeper_open(struct cache *cache, const char *path, struct log *log);
/* Writes what waits, and ends. NULL is fine. */
void cache_keeper_close(struct cache_keeper *keeper);
/* Takes a hold of its own. Any thread; NULL is fine. */
void cache_keeper_keep(struct cache_keeper *keeper, struct cache_answer *answer);
/* Waits until they are gone from the file. false: they may not be. Any thread but a loop's. */
bool cache_keeper_purge(struct cache_keeper *keeper, const struct cache_choice *choice);

#endif
