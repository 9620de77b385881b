/* config_rows_cache.h - the rows of the response cache: a part of the table (config_schema.c), which alone includes it.
 */
#ifndef WEIR_CONFIG_CONFIG_ROWS_CACHE_H
#define WEIR_CONFIG_CONFIG_ROWS_CACHE_H

#include "config/config_rows.h"

static const struct config_key semantic_keys[] = {
    TEXT("model", "", "What embeds a prompt's last message: a route, or provider/model. It must be written."),
    NUMBER("threshold", 0.5, 1, "0.9", "How alike two vectors are at least: the cosine of the angle between them."),
    MILLISECONDS("timeout_ms", 1, 60000, "1000", "How long an embedding may take; past it a provider is asked."),
    NUMBER("shadow", 0, 1, "0.05", "Share of the hits that a provider is asked for all the same, to compare; 0: none."),
    NUMBER("max_false_share", 0, 1, "0.05",
           "Share of those that may say something else; above it nothing is found by other words any more."),
};

static const struct config_key cache_keys[] = {
    BOOL("enabled", "true", "Whether answers are kept and given again."),
    CHOICE("mode", "deterministic|all", "deterministic",
           "Which requests: those at temperature 0, embeddings and those that ask for it; or all."),
    SECONDS("ttl_seconds", 0, config_days_30, "300", "How long an answer is given again."),
    CHOICE("scope", "client|owner|all", "client",
           "Who is given the same answers: each client its own, all clients of one owner, or all."),
    BOOL("share_in_flight", "true",
         "Identical requests that are under way at once are asked of a provider once: all get its answer as it comes."),
    SECONDS("max_ttl_seconds", 0, config_days_30, "2592000",
            "The longest that a request may ask for (x-weir-cache-ttl)."),
    BOOL("durable", "true", "Answers are kept in STATE_DIR/cache.db too, so that a restart has them."),
    INT("max_bytes", 1048576, config_no_most, "268435456",
        "Bytes of answers that are kept in memory, beside max_memory_bytes; one alone is at most a sixteenth."),
    BOOL("serve_stale_on_outage", "true",
         "When no target of a route can be had, an answer that has expired is given, and says so."),
    SECONDS("max_stale_seconds", 0, config_days_30, "3600",
            "How long after it expired, and it is kept so long; 0: not.", .none = true),
    SECTION("semantic", section_semantic,
            "Of one route: answers to the same in other words, too; off unless written there. See "
            "[cache.md](cache.md#the-same-in-other-words)."),
    INT("semantic_entries", 1, 100000, "10000", "Prompts that are remembered for that, of all routes."),
};

#endif
